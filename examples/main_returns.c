/* SPDX-License-Identifier: MIT */
/*
 * The program's end with a hundred children alive and a start under way in another thread: main
 * returns, and that is all. No hang, no abort, no word: brood has no thread, no handler and no exit
 * function that could want something.
 *
 * What becomes of the children is up to them, as with fork(2): these are cat(1), each with a pipe
 * from us as its input. The pipes close with the program, each cat sees the end and ends. (To end
 * children, free them; what is not freed runs on.)
 *
 * The start under way is one that cannot go on: its standard input is a FIFO that nobody opens for
 * writing. Its start_timeout_ms is kept even though the program that asked for it is gone.
 *
 *     main_returns FIFO
 */
#include <brood.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { CHILDREN = 100, START_TIMEOUT_MS = 4000 };

static void *start_that_stalls(void *fifo)
{
    char *argv[] = {"cat", NULL};
    struct brood_stream in = {.kind = BROOD_FILE, .path = fifo};
    struct brood_child *child;
    if (brood_start(BROOD_OPTIONS(.argv = argv, .in = in, .start_timeout_ms = START_TIMEOUT_MS),
                    &child, NULL) == 0)
        brood_child_free(child);
    return NULL;
}

/* Number of processes that the threads of this program have started. */
static int count_children(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
        char path[300];
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/children", task->d_name);
        FILE *list = fopen(path, "re");
        for (int pid; list != NULL && fscanf(list, "%d", &pid) == 1;)
            count++;
        if (list != NULL)
            (void)fclose(list);
    }
    if (tasks != NULL)
        (void)closedir(tasks);
    return count;
}

int main(int argc, char **argv)
{
    char *cat[] = {"cat", NULL};
    struct brood_stream pipe = {.kind = BROOD_PIPE}, none = {.kind = BROOD_NULL};
    struct brood_child *child;
    pthread_t thread;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: main_returns FIFO\n");
        return 2;
    }
    for (int i = 0; i < CHILDREN; i++)
        if (brood_start(BROOD_OPTIONS(.argv = cat, .in = pipe, .out = none), &child, NULL) < 0)
            return 1;
    if (pthread_create(&thread, NULL, start_that_stalls, argv[1]) != 0)
        return 1;
    /* Until the new process is there: nobody tells when another thread's start has got so far. */
    struct timespec moment = {.tv_nsec = 1000000};
    int tries = 5000;
    while (count_children() <= CHILDREN && --tries > 0)
        nanosleep(&moment, NULL);
    return tries > 0 ? 0 : 1;
}
