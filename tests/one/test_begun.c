/* SPDX-License-Identifier: MIT */
/*
 * When has a program begun? A start that says so is right, and so is one that says no: a child that
 * is killed before its exec is a failed start, one that the kernel kills while loading, or that
 * ends at once, is a started one with its true status.
 *
 * Room tests. Invariant: which of the two it was is made certain by holding the exec open.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TIMES = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 100 : 500, KILLS = 200 };

/* ------------------------------------------------------------------ an exec held open */

static void kill_a_stalled_start(int number, int64_t start_timeout_ms)
{
    static struct audit before;
    char why[1024];
    struct kit_stall stall;
    struct kit_attempt attempt;
    kit_stall_open(&stall);
    audit_take(&before);
    kit_attempt_begin(&attempt,
                      BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "0"), .in = A_PIPE,
                                    .out = A_PIPE, .start_timeout_ms = start_timeout_ms));
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    CHECK_INT(kill(pid, number), 0);
    kit_attempt_end(&attempt);
    CHECK(attempt.result < 0 && attempt.result == -attempt.error.code);
    CHECK_INT(attempt.error.stage, BROOD_STAGE_EXEC);
    CHECK_INT(attempt.error.detail, BROOD_DETAIL_KILLED);
    CHECK_INT(attempt.error.number, number);
    CHECK_INT(attempt.error.unkillable_pid, 0);
    CHECK(attempt.child == NULL);
    CHECK_INT(kill(pid, 0), -1); /* gone and reaped */
    kit_stall_let_go(&stall);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    kit_stall_close(&stall);
}

TEST(killed_before_exec_is_a_failed_start)
{
    kill_a_stalled_start(SIGKILL, 0);
}

TEST(killed_before_exec_is_a_failed_start_with_a_start_timeout_too)
{
    kill_a_stalled_start(SIGKILL, 2 * KIT_BOUND_MS);
}

/* At the exec the mask is open and everything at its default: other signals kill too. */
TEST(another_signal_before_exec_is_named)
{
    kill_a_stalled_start(SIGTERM, 0);
    kill_a_stalled_start(SIGTERM, 2 * KIT_BOUND_MS);
}

static void let_a_stalled_start_go(int64_t start_timeout_ms)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    kit_stall_open(&stall);
    kit_attempt_begin(&attempt, BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "5"),
                                              .start_timeout_ms = start_timeout_ms));
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    kit_stall_let_go(&stall);
    kit_attempt_end(&attempt);
    REQUIRE(attempt.result == 0);
    CHECK_INT(brood_child_pid(attempt.child), pid);
    CHECK_EXITED(END_OF(attempt.child), 5);
    brood_child_free(attempt.child);
    kit_stall_close(&stall);
}

TEST(let_go_on_it_is_a_start)
{
    let_a_stalled_start_go(0);
}

TEST(let_go_on_it_is_a_start_with_a_start_timeout_too)
{
    let_a_stalled_start_go(2 * KIT_BOUND_MS);
}

/* A stalled start holds up nobody else's: no lock is held across exec. */
TEST(another_start_does_not_wait_for_a_stalled_one)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    kit_stall_open(&stall);
    kit_attempt_begin(&attempt, BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "0")));
    REQUIRE(kit_stall_wait(&stall, KIT_BOUND_MS) > 1);
    struct brood_child *other = START(.argv = TARGET("exit", "2"));
    CHECK_EXITED(END_OF(other), 2);
    brood_child_free(other);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &other, NULL), -ENOENT);
    kit_stall_let_go(&stall);
    kit_attempt_end(&attempt);
    REQUIRE(attempt.result == 0);
    CHECK_EXITED(END_OF(attempt.child), 0);
    brood_child_free(attempt.child);
    kit_stall_close(&stall);
}

TEST(stopped_before_exec_and_continued_it_is_a_start)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    kit_stall_open(&stall);
    kit_attempt_begin(&attempt, BROOD_OPTIONS(.argv = WORDS(stall.program, "sleep")));
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    CHECK_INT(kill(pid, SIGSTOP), 0);
    kit_stall_let_go(&stall);
    CHECK_INT(kill(pid, SIGCONT), 0);
    kit_attempt_end(&attempt);
    REQUIRE(attempt.result == 0);
    CHECK_INT(brood_child_signal(attempt.child, SIGTERM), 0);
    CHECK_KILLED(END_OF(attempt.child), SIGTERM);
    brood_child_free(attempt.child);
    kit_stall_close(&stall);
}

/* ------------------------------------------------------------------ after the point of no
 * return */

TEST_TIMEOUT(killed_at_once_after_a_start_is_a_signalled_child, 60)
{
    for (int i = 0; i < KILLS; i++) {
        struct brood_child *child =
            START(.argv = TARGET("sleep"), .start_timeout_ms = i % 2 ? KIT_BOUND_MS : 0);
        CHECK_INT(brood_child_signal(child, SIGKILL), 0);
        CHECK_KILLED(END_OF(child), SIGKILL);
        brood_child_free(child);
    }
}

/* The mask is open and the dispositions are default as soon as the start returns. */
TEST_TIMEOUT(asked_at_once_after_a_start_it_ends_by_that, 60)
{
    for (int i = 0; i < KILLS; i++) {
        struct brood_child *child = START(.argv = TARGET("sleep"));
        CHECK_INT(brood_child_signal(child, SIGTERM), 0);
        CHECK_KILLED(END_OF(child), SIGTERM);
        brood_child_free(child);
    }
}

/* No room for its own image: the kernel kills it in the middle of exec, where no error can be given
 * any more. */
TEST(killed_by_the_kernel_while_loading_is_started_and_signalled)
{
    const struct brood_rlimit none = {.resource = RLIMIT_AS, .soft = 65536, .hard = 65536};
    for (int i = 0; i < 20; i++) {
        struct brood_child *child =
            START(.argv = TARGET("exit", "0"), .rlimits = &none, .rlimit_count = 1,
                  .start_timeout_ms = i % 2 ? KIT_BOUND_MS : 0);
        struct brood_exit end = END_OF(child);
        CHECK_INT(end.kind, BROOD_SIGNALLED);
        CHECK_SAY(end.code == SIGKILL || end.code == SIGSEGV, "signal %d", (int)end.code);
        brood_child_free(child);
    }
}

static void many_that_end_at_once(int times, int64_t start_timeout_ms)
{
    for (int i = 0; i < times; i++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        char text[600];
        int result = brood_start(
            BROOD_OPTIONS(.argv = TARGET("exit", "6"), .start_timeout_ms = start_timeout_ms),
            &child, &error);
        if (!CHECK_SAY(result == 0, "start %d: %s", i, brood_error_text(&error, text, sizeof text)))
            return;
        CHECK_STOLEN(END_OF(child), 6);
        brood_child_free(child);
    }
}

TEST_TIMEOUT(a_program_that_ends_at_once_has_begun, 90)
{
    many_that_end_at_once(TIMES, 0);
}

/* The kernel reaps them by itself, perhaps before the start has looked. */
TEST_TIMEOUT(a_program_that_ends_at_once_has_begun_where_sigchld_is_ignored, 90)
{
    (void)signal(SIGCHLD, SIG_IGN);
    many_that_end_at_once(4 * TIMES, 0);
    (void)signal(SIGCHLD, SIG_DFL);
}

TEST_TIMEOUT(the_same_with_a_start_timeout, 90)
{
    (void)signal(SIGCHLD, SIG_IGN);
    many_that_end_at_once(TIMES, KIT_BOUND_MS);
    (void)signal(SIGCHLD, SIG_DFL);
}

TEST_TIMEOUT(the_same_where_children_leave_no_zombie, 90)
{
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    (void)sigaction(SIGCHLD, &action, NULL);
    many_that_end_at_once(TIMES, 0);
    action.sa_flags = 0;
    (void)sigaction(SIGCHLD, &action, NULL);
}

/* A program's own 126 and 127 are no errors of a start. */
TEST(codes_that_shells_use_for_failures_are_the_programs_own)
{
    static const char *const codes[] = {"126", "127", "255"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct brood_child *child = START(.argv = TARGET("exit", codes[i]));
        CHECK_EXITED(END_OF(child), atoi(codes[i]));
        brood_child_free(child);
    }
}
