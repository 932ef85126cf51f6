/* SPDX-License-Identifier: MIT */
/*
 * Where pidfd_send_signal(2) is refused, as by valgrind (ENOSYS) or a container's filter (EPERM):
 * every way to an end works as elsewhere, at once and completely.
 *
 * Room tests. Invariant: the refusal is in force before the first start, and only in a process that
 * the test forked; what is left is looked for in that process.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Far below the ten seconds that a kill which does not arrive is waited for. */
enum { SOON_MS = 5000, TIMEOUT_MS = 100 };

static void check_refused(int code)
{
    errno = 0;
    CHECK_INT(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0), -1);
    CHECK_INT(errno, code); /* not EBADF */
}

/* The first start of all, and later ones. */
static void failed_starts(void)
{
    for (int i = 0; i < 3; i++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        CHECK_INT(
            brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE), &child, &error),
            -ENOENT);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
        CHECK_INT(error.unkillable_pid, 0);
        CHECK_INT(audit_children(), 0);
    }
}

static void signals(void)
{
    struct brood_child *child = START(.argv = TARGET("sleep"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_signal(child, SIGSTOP), 0);
    CHECK(kit_in_state(brood_child_pid(child), "T"));
    CHECK_INT(brood_child_signal(child, SIGCONT), 0);
    CHECK_INT(brood_child_signal(child, SIGINT), 0);
    CHECK_KILLED(END_OF(child), SIGINT);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);
}

static void stops(uint32_t scope)
{
    const uint64_t flags = scope == BROOD_SCOPE_GROUP ? BROOD_NEW_GROUP : 0;
    struct brood_exit end;
    struct brood_child *child =
        START(.argv = TARGET("catch-term", "8"), .out = A_PIPE, .scope = scope, .flags = flags);
    (void)READY(child);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_EXITED(end, 8);
    brood_child_free(child);

    child = START(.argv = TARGET("ignore-term"), .out = A_PIPE, .scope = scope, .flags = flags);
    (void)READY(child);
    CHECK_INT(brood_child_stop(child, TIMEOUT_MS, &end), 0);
    CHECK_KILLED(end, SIGKILL);
    brood_child_free(child);
}

static void frees_and_runs(void)
{
    struct brood_child *child = START(.argv = TARGET("sleep"));
    pid_t pid = brood_child_pid(child);
    brood_child_free(child);
    CHECK_INT(kill(pid, 0), -1);

    struct brood_result result;
    RUN(&result, .argv = TARGET("sleep"), .out = A_MEMORY, .timeout_ms = TIMEOUT_MS,
        .grace_ms = KIT_BOUND_MS);
    CHECK_KILLED(result.exit, SIGTERM);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    brood_result_clear(&result);
}

static void all_of_it(int code)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        kit_refuse_call(SYS_pidfd_send_signal, code);
        check_refused(code);
        int64_t before = lab_now_ms();
        failed_starts();
        signals();
        stops(BROOD_SCOPE_CHILD);
        stops(BROOD_SCOPE_GROUP);
        frees_and_runs();
        int64_t took = lab_now_ms() - before;
        CHECK_SAY(took < SOON_MS, "took %d ms", (int)took);
        CHECK_INT(audit_children(), 0);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST_TIMEOUT(a_kernel_or_tool_without_the_call, 120)
{
    all_of_it(ENOSYS);
}

TEST_TIMEOUT(a_filter_that_forbids_the_call, 120)
{
    all_of_it(EPERM);
}
