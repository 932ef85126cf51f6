/* SPDX-License-Identifier: MIT */
/*
 * What a start costs beside the other ways of starting: brood, posix_spawn(3), fork(2) and exec,
 * with a small caller, with a GiB of dirty memory, and with many open descriptors.
 *
 *     measure [PROGRAM [ROUNDS]]
 *
 * Invariant: the ways take turns within one run and each figure is a median, so what is compared
 * has met the same machine; the ratios are the result, the microseconds are not.
 */
#include <brood.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { ROUNDS_MOST = 10000, MANY_FDS = 10000 };
#define GIBIBYTE ((size_t)1 << 30)

static char *const *target_argv;

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void give_up(const char *what)
{
    (void)fprintf(stderr, "measure: %s\n", what);
    exit(1);
}

/* ------------------------------------------------------------------ the ways */

static void by_brood(void)
{
    struct brood_child *child;
    struct brood_error error;
    char text[512];
    if (brood_start(BROOD_OPTIONS(.argv = target_argv), &child, &error) < 0)
        give_up(brood_error_text(&error, text, sizeof text));
    (void)brood_child_wait(child, BROOD_FOREVER, NULL);
    (void)brood_child_free(child);
}

static void by_brood_piped(void)
{
    struct brood_child *child;
    struct brood_error error;
    char text[512];
    if (brood_start(BROOD_OPTIONS(.argv = target_argv, .in = {.kind = BROOD_PIPE},
                                  .out = {.kind = BROOD_PIPE}, .err = {.kind = BROOD_PIPE}),
                    &child, &error) < 0)
        give_up(brood_error_text(&error, text, sizeof text));
    (void)brood_child_wait(child, BROOD_FOREVER, NULL);
    (void)brood_child_free(child);
}

static void by_spawn(void)
{
    pid_t pid;
    int status;
    if (posix_spawn(&pid, target_argv[0], NULL, NULL, target_argv, environ) != 0)
        give_up("posix_spawn failed");
    (void)waitpid(pid, &status, 0);
}

static void by_fork(void)
{
    int status;
    pid_t pid = fork();
    if (pid < 0)
        give_up("fork failed");
    if (pid == 0) {
        (void)execve(target_argv[0], target_argv, environ);
        _exit(127);
    }
    (void)waitpid(pid, &status, 0);
}

static const struct way {
    const char *name;
    void (*start)(void);
} ways[] = {
    {"brood", by_brood},
    {"brood, three pipes", by_brood_piped},
    {"posix_spawn", by_spawn},
    {"fork and exec", by_fork},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* ------------------------------------------------------------------ measuring */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double times[WAYS][ROUNDS_MOST];

/* Each way follows each other one equally often: what a fork leaves behind costs the next. */
static const int order[][WAYS] = {{0, 1, 2, 3}, {1, 3, 0, 2}, {2, 0, 3, 1}, {3, 2, 1, 0}};
enum { ORDERS = sizeof order / sizeof order[0] };

static void measure(const char *caller, int rounds)
{
    for (int round = -10; round < rounds; round++) { /* ten to warm up */
        for (int turn = 0; turn < WAYS; turn++) {
            int way = order[(round + 10) % ORDERS][turn];
            double began = now_us();
            ways[way].start();
            if (round >= 0)
                times[way][round] = now_us() - began;
        }
    }
    double medians[WAYS];
    for (int way = 0; way < WAYS; way++) {
        qsort(times[way], (size_t)rounds, sizeof times[way][0], compare);
        medians[way] = times[way][rounds / 2];
    }
    for (int way = 0; way < WAYS; way++)
        printf("%-22s %-20s %8.0f %8.2f\n", way ? "" : caller, ways[way].name, medians[way],
               medians[way] / medians[0]);
}

static void *dirty_memory(void)
{
    void *memory = mmap(NULL, GIBIBYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        give_up("no GiB of memory to be had");
    return memset(memory, 1, GIBIBYTE);
}

/* Returns how many there are. */
static int open_many(void)
{
    (void)brood_raise_nofile();
    int count = 0;
    while (count < MANY_FDS && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        count++;
    return count;
}

int main(int argc, char **argv)
{
    char *target[] = {argc > 1 ? argv[1] : (char[]){"/bin/true"}, NULL};
    int rounds = argc > 2 ? atoi(argv[2]) : 300; /* NOLINT(cert-err34-c): checked below */
    if (rounds < 1 || rounds > ROUNDS_MOST)
        give_up("ROUNDS is not within 1..10000");
    target_argv = target;

    printf("%d starts of %s each, from the call until it is reaped; medians\n\n", rounds,
           target[0]);
    printf("%-22s %-20s %8s %8s\n", "caller", "way", "us", "ratio");
    measure("small", rounds);
    void *memory = dirty_memory();
    measure("1 GiB dirty", rounds);
    (void)munmap(memory, GIBIBYTE);
    char caller[64];
    (void)snprintf(caller, sizeof caller, "%d descriptors", open_many());
    measure(caller, rounds);
    return 0;
}
