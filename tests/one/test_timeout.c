/* SPDX-License-Identifier: MIT */
/*
 * start_timeout_ms: a bound on the start that holds, and that nobody feels who is in time.
 *
 * Room tests. Invariant: the exec is held open by the test, so being late is certain.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 200, GENEROUS = 20 };

static void check_timed_out(const struct kit_attempt *attempt, int64_t start_timeout_ms)
{
    char text[600];
    CHECK_INT(attempt->result, -ETIMEDOUT);
    CHECK_INT(attempt->error.code, ETIMEDOUT);
    CHECK_INT(attempt->error.stage, BROOD_STAGE_TIMEOUT);
    CHECK_INT(attempt->error.unkillable_pid, 0);
    CHECK(attempt->child == NULL);
    CHECK_SAY(attempt->took_ms >= start_timeout_ms / 2, "%d ms is too early",
              (int)attempt->took_ms);
    CHECK_SAY(attempt->took_ms < start_timeout_ms * GENEROUS, "%d ms is too late",
              (int)attempt->took_ms);
    CHECK_HAS(brood_error_text(&attempt->error, text, sizeof text), "cannot start");
    NOTE("asked for %d ms, took %d", (int)start_timeout_ms, (int)attempt->took_ms);
}

TEST(a_stalled_start_ends_at_its_bound)
{
    static struct audit before;
    char why[1024];
    struct kit_stall stall;
    struct kit_attempt attempt;
    kit_stall_open(&stall);
    audit_take(&before);
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "4"), .in = A_PIPE, .out = A_PIPE,
                      .err = A_PIPE, .start_timeout_ms = START_TIMEOUT_MS);
    kit_attempt_begin(&attempt, options);
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    kit_attempt_end(&attempt);
    check_timed_out(&attempt, START_TIMEOUT_MS);
    CHECK_INT(kill(pid, 0), -1);
    kit_stall_let_go(&stall);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    kit_stall_close(&stall);

    struct brood_child *child = kit_start(options, __FILE__, __LINE__);
    CHECK_EXITED(END_OF(child), 4);
    brood_child_free(child);
}

TEST(a_run_has_the_same_bound)
{
    struct kit_stall stall;
    struct brood_result result = {.flags = 0};
    struct brood_error error;
    kit_stall_open(&stall); /* and nobody reads the events */
    int64_t before = lab_now_ms();
    CHECK_INT(brood_run(BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "0"), .out = A_MEMORY,
                                      .timeout_ms = 60000, .start_timeout_ms = START_TIMEOUT_MS),
                        &result, &error),
              -ETIMEDOUT);
    CHECK_INT(error.stage, BROOD_STAGE_TIMEOUT);
    CHECK(lab_now_ms() - before < START_TIMEOUT_MS * GENEROUS);
    CHECK(result.out == NULL);
    kit_stall_close(&stall);
}

/* The files of a start are opened by the child, so a FIFO without a reader stalls it, not us. */
TEST(a_fifo_that_nobody_reads_is_within_the_bound)
{
    char path[PATH_MAX];
    struct kit_attempt attempt;
    REQUIRE(mkfifo(lab_path(path, sizeof path, "fifo"), 0600) == 0);
    kit_attempt_begin(&attempt, BROOD_OPTIONS(.argv = TARGET("exit", "0"),
                                              .out = {.kind = BROOD_FILE, .path = path},
                                              .start_timeout_ms = START_TIMEOUT_MS));
    kit_attempt_end(&attempt);
    check_timed_out(&attempt, START_TIMEOUT_MS);
}

/* The timer is the child's own: it ends also where nobody is left who would kill it. */
TEST(a_stalled_child_ends_when_its_parent_has_been_killed)
{
    struct kit_stall stall;
    kit_stall_open(&stall);
    pid_t parent = fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        struct brood_child *child;
        (void)brood_start(BROOD_OPTIONS(.argv = WORDS(stall.program, "sleep"),
                                        .start_timeout_ms = 5 * START_TIMEOUT_MS),
                          &child, NULL);
        _exit(1);
    }
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    CHECK_INT(kill(parent, SIGKILL), 0);
    CHECK_INT(waitpid(parent, NULL, 0), parent);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    kit_stall_close(&stall);
}

TEST(the_timer_does_not_hit_the_program)
{
    struct brood_child *child =
        START(.argv = TARGET("sleep", "700"), .start_timeout_ms = START_TIMEOUT_MS);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

struct identity {
    pthread_t thread;
    int result;
    int64_t took_ms;
};

static void *set_user(void *argument)
{
    struct identity *identity = argument;
    int64_t before = lab_now_ms();
    identity->result = setuid(geteuid()); /* by a signal to every thread, and their answers */
    identity->took_ms = lab_now_ms() - before;
    return NULL;
}

/* A start that waits without vfork has restored its mask before it waits. */
TEST(a_stalled_start_does_not_stall_setuid_in_another_thread)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    struct identity identity = {.result = -1};
    kit_stall_open(&stall);
    kit_attempt_begin(&attempt, BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "0"),
                                              .start_timeout_ms = 2 * KIT_BOUND_MS));
    REQUIRE(kit_stall_wait(&stall, KIT_BOUND_MS) > 1);
    REQUIRE(pthread_create(&identity.thread, NULL, set_user, &identity) == 0);
    struct timespec bound;
    (void)clock_gettime(CLOCK_REALTIME, &bound);
    bound.tv_sec += 5;
    bool in_time = pthread_timedjoin_np(identity.thread, NULL, &bound) == 0;
    CHECK(in_time);
    kit_stall_let_go(&stall);
    if (!in_time)
        (void)pthread_join(identity.thread, NULL);
    CHECK_INT(identity.result, 0);
    kit_attempt_end(&attempt);
    REQUIRE(attempt.result == 0);
    CHECK_EXITED(END_OF(attempt.child), 0);
    brood_child_free(attempt.child);
    kit_stall_close(&stall);
}

/* A bound that is met by a hair or missed by one: a child or an error, never both, never a
 * leftover. */
TEST_TIMEOUT(starts_about_as_long_as_their_bound, 60)
{
    static struct audit before;
    char why[1024];
    int started = 0, late = 0;
    audit_take(&before);
    for (int i = 0; i < 300; i++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        int result =
            brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "3"), .start_timeout_ms = 1 + i % 3),
                        &child, &error);
        if (result == 0) {
            struct brood_exit end = END_OF(child);
            CHECK_EXITED(end, 3);
            started++;
        } else {
            CHECK_INT(result, -ETIMEDOUT);
            CHECK_INT(error.stage, BROOD_STAGE_TIMEOUT);
            late++;
        }
        brood_child_free(child);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    }
    NOTE("%d in time, %d late", started, late);
}
