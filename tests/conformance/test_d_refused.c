/* SPDX-License-Identifier: MIT */
/*
 * What the system does not give: a process for a moment, a process in this control group, calls
 * that it does not know or that a filter forbids, a child that goes on.
 *
 * Room tests. Invariant: a refusal is in force before the first start of the process that meets it.
 */
#include "calls.h"
#include "faulty.h"
#include "groups.h"
#include "held.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RETRY_MS = 60, SHORT_MS = 300, SOON_MS = 5000 };

/* ------------------------------------------------------------------ no process, for a moment */

static unsigned refuse_maker(struct faulty *faulty, bool lasting)
{
    unsigned met = 0;
    for (size_t i = 0; i < faulty_maker_count; i++) {
        const struct inject_order order = {.action = INJECT_ERRNO,
                                           .role = INJECT_CALLER,
                                           .number = faulty_makers[i],
                                           .which = 1,
                                           .code = EAGAIN,
                                           .sticky = lasting};
        if (!faulty_run(faulty, &order) || !inject_hit(faulty->inject))
            continue;
        met++;
        CHECK_SAY(faulty->told->differences == 0, "%s", faulty->told->why);
        bool fails = lasting || !faulty->options->retry_ms;
        CHECK_INT(faulty->told->result, fails ? -EAGAIN : 0);
        if (!fails) {
            CHECK_INT(faulty->told->end.code, FAULTY_CODE);
            continue;
        }
        CHECK_INT(faulty->told->error.stage, BROOD_STAGE_CREATE);
        CHECK(faulty->told->took_ms >= faulty->options->retry_ms);
        CHECK(faulty->told->took_ms < SOON_MS);
    }
    return met;
}

/* Told as what it is; or, when asked, tried again for so long and no longer. */
TEST(d02_no_process_for_a_moment)
{
    struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = A_PIPE, .out = A_PIPE);
    for (int i = 0; i < 2; i++) {
        struct faulty faulty;
        options->retry_ms = i ? RETRY_MS : 0;
        faulty_open(&faulty, options, true, calls_codes);
        faulty_run_clean(&faulty);
        CHECK(refuse_maker(&faulty, false) > 0);
        CHECK(refuse_maker(&faulty, true) > 0);
        faulty_run_clean(&faulty);
        faulty_close(&faulty);
    }
}

/* ------------------------------------------------------------------ a group that is full */

static void start_in_full_group(const char *group)
{
    static struct audit before;
    char number[16], why[1024];
    struct brood_child *child = NULL;
    struct brood_error error;
    audit_take(&before);
    (void)snprintf(number, sizeof number, "%d", (int)getpid());
    REQUIRE(groups_write(group, "cgroup.procs", number));
    REQUIRE(groups_write(group, "pids.max", "1"));
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = A_PIPE, .out = A_PIPE),
                          &child, &error),
              -EAGAIN);
    CHECK_INT(error.stage, BROOD_STAGE_CREATE);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    REQUIRE(groups_write(group, "pids.max", "2"));
    for (int i = 0; i < 3; i++) { /* a zombie would take the only place */
        child = START(.argv = TARGET("exit", "3"), .out = A_PIPE);
        CHECK_EXITED(END_OF(child), 3);
        brood_child_free(child);
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
    }
}

TEST(d03_a_control_group_that_is_full)
{
    char group[PATH_MAX];
    if (!groups_make("pids", group, sizeof group))
        SKIP("there is no control group with a limit of processes");
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        start_in_full_group(group);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    groups_remove(group);
}

/* ------------------------------------------------------------------ a child that stands still */

static void stop_before_exec(int64_t start_timeout_ms)
{
    static struct audit before;
    char why[1024];
    struct held held;
    held_open(&held);
    audit_take(&before);
    kit_attempt_begin(&held.attempt, BROOD_OPTIONS(.argv = TARGET("cat"), .in = HELD_IN(&held),
                                                   .start_timeout_ms = start_timeout_ms));
    pid_t pid = held_wait(getpid());
    CHECK_INT(kill(pid, SIGSTOP), 0);
    CHECK(kit_in_state(pid, "T"));
    struct brood_child *other = START(.argv = TARGET("exit", "2"));
    CHECK_EXITED(END_OF(other), 2);
    brood_child_free(other);
    if (!start_timeout_ms) {
        CHECK_INT(lab_process_state(pid), 'T');
        CHECK_INT(kill(pid, SIGCONT), 0);
        CHECK_INT(held_wait(getpid()), pid);
        held_let_go(&held);
    }
    kit_attempt_end(&held.attempt);
    CHECK_INT(held.attempt.result, start_timeout_ms ? -ETIMEDOUT : 0);
    CHECK(held.attempt.took_ms < KIT_BOUND_MS);
    if (held.attempt.result == 0)
        CHECK_EXITED(END_OF(held.attempt.child), 0);
    brood_child_free(held.attempt.child);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    CHECK_INT(unlink(held.fifo), 0);
}

/* With a bound it is kept; without one the caller waits, and nobody else. */
TEST(d07_caller_stuck_with_its_stopped_child)
{
    stop_before_exec(SHORT_MS);
    stop_before_exec(0);
}

/* ------------------------------------------------------------------ calls that are not there */

enum { CODES = 3 };

struct refusal {
    const char *name;
    int number;
    int codes[CODES]; /* a filter's, an older kernel's */
    bool has_first;   /* only with this first argument */
    unsigned first;
};

static const struct refusal refusals[] = {
    {"clone3", SYS_clone3, {EPERM, ENOSYS, EINVAL}, false, 0},
    {"pidfd_open", SYS_pidfd_open, {EPERM, ENOSYS}, false, 0},
    {"close_range", SYS_close_range, {EPERM, ENOSYS, EINVAL}, false, 0},
    {"waitid of a pidfd", SYS_waitid, {EPERM, ENOSYS, EINVAL}, true, 3 /* P_PIDFD */},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {EPERM, ENOSYS}, false, 0},
};

/* kit_refuse_call() with a look at the first argument. */
static void refuse(const struct refusal *refusal, int code)
{
    const unsigned first_low = offsetof(struct seccomp_data, args); /* little-endian */
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refusal->number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first_low),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal->first, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    if (!refusal->has_first) {
        kit_refuse_call(refusal->number, code);
        return;
    }
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0);
}

/* A little of everything that a child can be asked for. */
static void use_all(void)
{
    struct brood_result result;
    struct brood_exit end;
    struct brood_child *child = NULL;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE), &child, NULL),
              -ENOENT);
    CHECK_INT(audit_children(), 0);
    child = START(.argv = TARGET("exit", "3"), .out = A_PIPE, .start_timeout_ms = KIT_BOUND_MS);
    CHECK_EXITED(END_OF(child), 3);
    brood_child_free(child);
    child = START(.argv = TARGET("catch-term", "8"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_EXITED(end, 8);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);
    brood_child_free(
        START(.argv = TARGET("sleep"), .flags = BROOD_NEW_GROUP, .scope = BROOD_SCOPE_GROUP));
    RUN(&result, .argv = TARGET("flood", "100000"), .out = A_MEMORY, .timeout_ms = KIT_BOUND_MS);
    CHECK_INT(result.out_length, 100000);
    CHECK_EXITED(result.exit, 0);
    brood_result_clear(&result);
}

static void use_all_without(const struct refusal *refusal, int code)
{
    static struct audit before;
    char why[1024];
    int64_t began = lab_now_ms();
    refuse(refusal, code);
    audit_take(&before);
    for (int i = 0; i < 2; i++) /* the first time it is learnt */
        use_all();
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s: %s", refusal->name, why);
    CHECK_SAY(lab_now_ms() - began < SOON_MS, "%s: %d ms", refusal->name,
              (int)(lab_now_ms() - began));
}

TEST_TIMEOUT(d09_a_filter_that_says_eperm, 90)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        for (int k = 0; k < CODES && refusals[i].codes[k]; k++) {
            pid_t pid = fork();
            REQUIRE(pid >= 0);
            if (pid == 0) {
                use_all_without(&refusals[i], refusals[i].codes[k]);
                _exit(0);
            }
            if (!CHECK_CHILD(pid, 0))
                NOTE("%s refused with %s", refusals[i].name,
                     calls_errno_name(refusals[i].codes[k]));
        }
}
