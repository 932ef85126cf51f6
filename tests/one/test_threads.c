/* SPDX-License-Identifier: MIT */
/*
 * Starts from many threads at once, one child from many threads at once, and threads that change
 * the environment or fork meanwhile.
 *
 * Room tests. Invariant: every thread is joined and every failure of it is a failed check.
 */
#include "facts.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, STARTS = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 40 : 200, LATE_MS = 5000 };

static void in_threads(int count, void *(*run)(void *), void *argument)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < count; i++)
        REQUIRE(pthread_create(&threads[i], NULL, run, argument) == 0);
    for (int i = 0; i < count; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

static atomic_int turn;
static atomic_long longest_ms;

static void start_cat(void)
{
    char byte;
    struct brood_child *child =
        START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE, .err = A_PIPE);
    CHECK_INT(brood_child_write(child, "x", 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 1);
    /* Nobody else holds a copy of our end, so cat sees its end-of-file, and we see its. */
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 0);
    long took = (long)(lab_now_ms() - before), longest = atomic_load(&longest_ms);
    while (took > longest && !atomic_compare_exchange_weak(&longest_ms, &longest, took))
        continue;
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

static void start_badly(int which)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    if (which % 2) {
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE, .out = A_PIPE),
                              &child, &error),
                  -ENOENT);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
    } else {
        CHECK_INT(
            brood_start(BROOD_OPTIONS(.argv = TARGET("sleep"), .cwd = "/no/such"), &child, &error),
            -ENOENT);
        CHECK_INT(error.stage, BROOD_STAGE_DIRECTORY);
    }
}

static void *start_many(void *unused)
{
    for (int i = 0; i < STARTS; i++) {
        int mine = atomic_fetch_add(&turn, 1);
        if (mine % 4 == 0)
            start_badly(mine / 4);
        else if (mine % 4 == 1)
            brood_child_free(START(.argv = TARGET("sleep"), .in = A_PIPE, .out = A_PIPE));
        else
            start_cat();
    }
    return unused;
}

TEST_TIMEOUT(eight_threads_start_good_and_bad, 120)
{
    in_threads(THREADS, start_many, NULL);
    CHECK_SAY(atomic_load(&longest_ms) < LATE_MS, "an end-of-file took %ld ms",
              atomic_load(&longest_ms));
    NOTE("%d starts, longest wait for an end-of-file %ld ms", THREADS * STARTS,
         atomic_load(&longest_ms));
}

/* A sibling that lives on holds nothing of ours, however the two starts were interleaved. */
static void *start_beside_a_sleeper(void *unused)
{
    for (int i = 0; i < STARTS / 8; i++) {
        struct brood_child *sleeper = START(.argv = TARGET("sleep"), .in = A_PIPE, .out = A_PIPE);
        start_cat();
        brood_child_free(sleeper);
    }
    return unused;
}

TEST_TIMEOUT(no_sibling_holds_a_pipe, 120)
{
    in_threads(THREADS, start_beside_a_sleeper, NULL);
    CHECK(atomic_load(&longest_ms) < LATE_MS);
}

/* ------------------------------------------------------------------ one child, many threads */

static void *use_child(void *argument)
{
    struct brood_child *child = argument;
    struct brood_exit end = {.kind = 0};
    int mine = atomic_fetch_add(&turn, 1);
    CHECK(brood_child_pid(child) > 1 && facts_are_right_for(brood_child_pidfd(child)));
    for (int i = 0; i < 20; i++) {
        int result = brood_child_signal(child, mine % 3 ? 0 : SIGCONT);
        CHECK(result == 0 || result == -ESRCH);
        CHECK(brood_child_wait(child, i % 2, NULL) <= 0);
    }
    int result = mine % 2 ? brood_child_stop(child, mine % 4 ? 50 : 0, &end)
                          : brood_child_wait(child, KIT_BOUND_MS, &end);
    CHECK_INT(result, 0);
    CHECK_INT(end.kind, BROOD_SIGNALLED);
    CHECK(end.code == SIGKILL || end.code == SIGTERM);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    return NULL;
}

TEST_TIMEOUT(eight_threads_on_one_child, 60)
{
    for (int i = 0; i < 20; i++) {
        struct brood_child *child = START(.argv = TARGET(i % 2 ? "sleep" : "ignore-term"));
        in_threads(THREADS, use_child, child);
        brood_child_free(child);
    }
}

/* ------------------------------------------------------------------ beside other threads'
 * doings */

static atomic_bool enough;

static void *set_variables(void *unused)
{
    char name[32], value[200];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (unsigned i = 0; !atomic_load(&enough); i++) {
        (void)snprintf(name, sizeof name, "BROOD_HAMMER_%u", i % 50);
        (void)setenv(name, value + i % 150, 1);
        if (i % 3 == 0)
            (void)unsetenv(name);
    }
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "BROOD_HAMMER_%u", i);
        (void)unsetenv(name);
    }
    return unused;
}

/* A start reads the environment that it is given; given one of its own, it reads no other. */
TEST_TIMEOUT(a_thread_that_changes_the_environment, 60)
{
    pthread_t hammer;
    char path[] = "PATH=/usr/bin:/bin", name[] = "NAME=value";
    char *const env[] = {path, name, NULL};
    REQUIRE(pthread_create(&hammer, NULL, set_variables, NULL) == 0);
    for (int i = 0; i < STARTS; i++) {
        char text[64];
        struct brood_child *child = START(.argv = TARGET("env"), .env = env, .out = A_PIPE);
        CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), text, sizeof text, KIT_BOUND_MS) >
              0);
        CHECK_STR(text, "PATH=/usr/bin:/bin\nNAME=value\n");
        brood_child_free(child);
    }
    atomic_store(&enough, true);
    CHECK_INT(pthread_join(hammer, NULL), 0);
}

/* A copy of the program at any moment, which starts a child itself: no lock of ours was held. (A
 * sanitizer's heap may be locked in the copy, the C library's is not.) */
static void *fork_often(void *unused)
{
    while (!atomic_load(&enough)) {
        pid_t pid = fork();
        if (pid == 0) {
            struct brood_child *child = NULL;
            struct brood_exit end = {.kind = 0};
            if (TEST_UNDER_ASAN || TEST_UNDER_TSAN)
                _exit(0);
            (void)alarm(10);
            int result = brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "5"), .out = A_PIPE),
                                     &child, NULL);
            if (result < 0 || brood_child_wait(child, KIT_BOUND_MS, &end) < 0)
                _exit(1);
            brood_child_free(child);
            _exit(end.code == 5 ? 0 : 2);
        }
        CHECK_CHILD(pid, 0);
    }
    return unused;
}

TEST_TIMEOUT(a_thread_that_forks, 60)
{
    pthread_t forker;
    REQUIRE(pthread_create(&forker, NULL, fork_often, NULL) == 0);
    for (int i = 0; i < STARTS; i++) {
        start_badly(i);
        struct brood_child *child = START(.argv = TARGET("exit", "1"), .in = A_PIPE);
        CHECK_EXITED(END_OF(child), 1);
        brood_child_free(child);
    }
    atomic_store(&enough, true);
    CHECK_INT(pthread_join(forker, NULL), 0);
}
