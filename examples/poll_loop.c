/* SPDX-License-Identifier: MIT */
/*
 * Several programs at once in one poll(2) loop: their output as it comes, their ends as they come.
 *
 * A pidfd becomes readable when its program has ended, so an end is one more event of the loop: no
 * SIGCHLD, no thread. End and end-of-output are two events; a program is done when both have come.
 */
#include <brood.h>
#include <poll.h>
#include <stdio.h>

enum { PROGRAMS = 3 };

struct program {
    char *script;
    struct brood_child *child;
    int ended, silent; /* the two events */
    size_t bytes;
    struct brood_exit end;
};

static int start(struct program *program)
{
    char *argv[] = {"sh", "-c", program->script, NULL}, text[512];
    struct brood_stream out = {.kind = BROOD_PIPE, .flags = BROOD_STREAM_NONBLOCK};
    struct brood_error error;

    if (brood_start(BROOD_OPTIONS(.argv = argv, .out = out), &program->child, &error) == 0)
        return 0;
    puts(brood_error_text(&error, text, sizeof text));
    return -1;
}

/* Takes what the program has written so far. */
static void take_output(struct program *program)
{
    char buffer[4096];
    ssize_t got;
    while ((got = brood_child_read(program->child, BROOD_OUT, buffer, sizeof buffer, 0)) > 0)
        program->bytes += (size_t)got;
    program->silent = got == 0; /* negative: nothing more for now */
}

static void loop(struct program *programs)
{
    for (int done = 0; done < PROGRAMS;) {
        struct pollfd wanted[2 * PROGRAMS]; /* the outputs, then the ends */
        for (int i = 0; i < PROGRAMS; i++) {
            struct program *program = &programs[i];
            int output = program->silent ? -1 : brood_child_stream(program->child, BROOD_OUT);
            int end = program->ended ? -1 : brood_child_pidfd(program->child);
            wanted[i] = (struct pollfd){.fd = output, .events = POLLIN};
            wanted[PROGRAMS + i] = (struct pollfd){.fd = end, .events = POLLIN};
        }
        poll(wanted, sizeof wanted / sizeof *wanted, -1);
        done = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            struct program *program = &programs[i];
            if (wanted[i].revents != 0)
                take_output(program);
            if (wanted[PROGRAMS + i].revents != 0)
                program->ended = brood_child_wait(program->child, 0, &program->end) == 0;
            done += program->ended && program->silent;
        }
    }
}

int main(void)
{
    struct program programs[PROGRAMS] = {{.script = "seq 100000"},
                                         {.script = "exec >&-; sleep 0.2; exit 7"},
                                         {.script = "echo going; kill -TERM $$"}};
    char text[128];
    int started = 0;
    while (started < PROGRAMS && start(&programs[started]) == 0)
        started++;
    if (started == PROGRAMS) {
        loop(programs);
        for (int i = 0; i < PROGRAMS; i++)
            printf("%s: %zu bytes, %s\n", programs[i].script, programs[i].bytes,
                   brood_exit_text(&programs[i].end, text, sizeof text));
    }
    while (started > 0)
        brood_child_free(programs[--started].child);
    return 0;
}
