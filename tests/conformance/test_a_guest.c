/* SPDX-License-Identifier: MIT */
/*
 * All or nothing beside the rest of a program: signals that interrupt, threads with descriptors of
 * their own, somebody who takes statuses, a program that forks or ends.
 *
 * Room tests. Invariant: the disturbance is seen to have been there.
 */
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FEWER = TEST_UNDER_ASAN || TEST_UNDER_TSAN, TURNS = FEWER ? 40 : 120, PAUSE_NS = 50000 };

static void fail_once(void)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE, .out = A_PIPE),
                          &child, &error),
              -ENOENT);
    CHECK_INT(error.stage, BROOD_STAGE_EXEC);
}

/* ------------------------------------------------------------------ interrupted */

static atomic_long interruptions;
static atomic_bool enough;

static void count_interruption(int number)
{
    (void)number;
    atomic_fetch_add(&interruptions, 1);
}

/* At the thread that starts, not at the process: every wait in it is cut short. */
static void *interrupt(void *thread)
{
    while (!atomic_load(&enough)) {
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        (void)pthread_kill(*(pthread_t *)thread, SIGUSR1);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static void start_and_run(void)
{
    struct brood_result result;
    struct brood_child *child = START(.argv = TARGET("exit", "9"));
    CHECK_EXITED(END_OF(child), 9);
    brood_child_free(child);
    child = START(.argv = TARGET("exit", "8"), .start_timeout_ms = KIT_BOUND_MS);
    CHECK_EXITED(END_OF(child), 8);
    brood_child_free(child);
    fail_once();
    RUN(&result, .argv = TARGET("print", "out", "err"), .out = A_MEMORY, .err = A_MEMORY);
    CHECK_INT(result.out_length, 3);
    CHECK_EXITED(result.exit, 0);
    brood_result_clear(&result);
}

TEST_TIMEOUT(a09_interrupted_reads_and_waits, 60)
{
    struct sigaction action = {.sa_handler = count_interruption}; /* no SA_RESTART */
    pthread_t self = pthread_self(), thread;
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
    REQUIRE(pthread_create(&thread, NULL, interrupt, &self) == 0);
    for (int i = 0; i < TURNS; i++)
        start_and_run();
    atomic_store(&enough, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    action.sa_handler = SIG_DFL;
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK_SAY(atomic_load(&interruptions) > TURNS, "%ld interruptions",
              atomic_load(&interruptions));
    NOTE("%ld interruptions in %d turns", atomic_load(&interruptions), (int)TURNS);
}

/* ------------------------------------------------------------------ descriptors of others */

static atomic_long looked;

/* A number that is closed twice is in between anybody's: this thread's, which would find it gone or
 * another file. */
static void *own_descriptors(void *unused)
{
    struct stat made, now;
    while (!atomic_load(&enough)) {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0 && fstat(ends[0], &made) == 0);
        (void)sched_yield();
        bool same =
            fstat(ends[0], &now) == 0 && made.st_ino == now.st_ino && made.st_dev == now.st_dev;
        bool mine = close(ends[0]) == 0;
        if (!CHECK(same) || !CHECK(mine) || !CHECK(close(ends[1]) == 0))
            break;
        atomic_fetch_add(&looked, 1);
    }
    return unused;
}

static void *fail_often(void *unused)
{
    for (int i = 0; i < 4 * TURNS; i++) {
        fail_once();
        if (i % 8 == 0)
            brood_child_free(START(.argv = TARGET("sleep"), .in = A_PIPE, .out = A_PIPE));
    }
    return unused;
}

TEST_TIMEOUT(a13_double_close, 60)
{
    pthread_t owners[2], starters[2];
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&owners[i], NULL, own_descriptors, NULL) == 0 &&
                pthread_create(&starters[i], NULL, fail_often, NULL) == 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(starters[i], NULL), 0);
    atomic_store(&enough, true);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(owners[i], NULL), 0);
    CHECK_SAY(atomic_load(&looked) > TURNS, "looked %ld times", atomic_load(&looked));
}

/* ------------------------------------------------------------------ the end of the program */

/* Ends as programs do, with children in every state that a handle can have. */
static _Noreturn void end_with_children(int told_fd)
{
    struct brood_child *stolen = START(.argv = TARGET("exit", "4"), .out = A_PIPE);
    struct brood_child *freed = START(.argv = TARGET("exit", "5"), .in = A_PIPE);
    struct brood_child *zombie = START(.argv = TARGET("exit", "6"));
    struct brood_child *alive = START(.argv = TARGET("cat"), .in = A_PIPE);
    CHECK_INT(waitpid(brood_child_pid(stolen), NULL, 0), brood_child_pid(stolen));
    CHECK_INT(waitpid(brood_child_pid(freed), NULL, 0), brood_child_pid(freed));
    CHECK_INT(lab_wait_gone(brood_child_pid(zombie), KIT_BOUND_MS), 0);
    CHECK(brood_child_free(freed) == NULL);
    struct brood_exit end = END_OF(stolen);
    if (brood_child_pidfd(stolen) >= 0)
        CHECK_STOLEN(end, 4);
    else
        CHECK_INT(end.kind, BROOD_LOST); /* a number that is nobody's is not asked about */
    const pid_t pid = brood_child_pid(alive);
    CHECK_INT(write(told_fd, &pid, sizeof pid), sizeof pid);
    exit(7);
}

TEST(a16_shutdown_with_live_or_stolen_children)
{
    int told[2];
    pid_t alive = 0;
    REQUIRE(pipe2(told, O_CLOEXEC) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        end_with_children(told[1]);
    CHECK_CHILD(pid, 7);
    CHECK_INT(read(told[0], &alive, sizeof alive), sizeof alive);
    CHECK_INT(lab_wait_gone(alive, KIT_BOUND_MS), 0); /* it has read end-of-file */
    CHECK_INT(close(told[0]) + close(told[1]), 0);
}

/* ------------------------------------------------------------------ a copy of the program */

/* Uses the library for itself, and ends as a program does. */
static _Noreturn void be_the_copy(void)
{
    fail_once();
    struct brood_child *own = START(.argv = TARGET("exit", "2"));
    CHECK_EXITED(END_OF(own), 2);
    brood_child_free(own);
    brood_child_free(START(.argv = TARGET("sleep")));
    exit(0);
}

static void copy_the_program(void)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        be_the_copy();
    CHECK_CHILD(pid, 0);
}

/* The original's children, one of them in the middle of its start, do not feel it. */
TEST(a17_a_forked_copy_ends_the_originals_children)
{
    char byte = 0;
    struct held held;
    struct brood_child *child = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    struct brood_child *zombie = START(.argv = TARGET("exit", "6"));
    CHECK_INT(lab_wait_gone(brood_child_pid(zombie), KIT_BOUND_MS), 0);
    held_open(&held);
    copy_the_program();
    kit_attempt_begin(&held.attempt, BROOD_OPTIONS(.argv = TARGET("cat"), .in = HELD_IN(&held)));
    (void)held_wait(getpid());
    copy_the_program();
    held_let_go(&held);
    kit_attempt_end(&held.attempt);
    REQUIRE(held.attempt.result == 0);
    CHECK_EXITED(END_OF(held.attempt.child), 0);
    brood_child_free(held.attempt.child);

    CHECK_INT(brood_child_write(child, "x", 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 1);
    CHECK_INT(byte, 'x');
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 0);
    CHECK_EXITED(END_OF(zombie), 6);
    brood_child_free(zombie);
    brood_child_free(child);
}
