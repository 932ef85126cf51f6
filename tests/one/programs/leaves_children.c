/* SPDX-License-Identifier: MIT */
/*
 * A program whose main returns while children live and a start is in flight, for
 * test_threads_exit.c.
 *
 *     leaves_children COUNT CHILD HELD        COUNT children of CHILD, and HELD, whose exec is held
 *     open
 *
 * Invariant: it does not end its children, wait for them or for its thread; it writes to descriptor
 * 3 the pids of the children, one a line, "-" once the last start is in flight, and nothing to 1 or
 * 2.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <brood.h>

static void tell(const char *line)
{
    if (write(3, line, strlen(line)) < 0)
        _exit(3);
}

static void *start_held(void *program)
{
    char *argv[] = {program, NULL, NULL};
    char verb[] = "sleep";
    struct brood_child *child;
    argv[1] = verb;
    tell("-\n");
    (void)brood_start(BROOD_OPTIONS(.argv = argv), &child, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    char verb[] = "sleep", line[32];
    char *command[] = {argv[2], verb, NULL};
    pthread_t thread;
    if (argc < 4)
        return 2;
    for (int i = 0; i < atoi(argv[1]); i++) {
        struct brood_child *child;
        struct brood_stream pipe = {.kind = BROOD_PIPE}, null = {.kind = BROOD_NULL};
        if (brood_start(BROOD_OPTIONS(.argv = command, .in = pipe, .out = null, .err = pipe),
                        &child, NULL) < 0)
            return 4;
        (void)snprintf(line, sizeof line, "%d\n", (int)brood_child_pid(child));
        tell(line);
    }
    if (pthread_create(&thread, NULL, start_held, argv[3]) != 0)
        return 5;
    /* The caller closes our input once it sees the exec held open. */
    return read(0, line, 1) == 0 ? 0 : 6;
}
