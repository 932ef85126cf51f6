/* SPDX-License-Identifier: MIT */
/*
 * Signals around the beginning of a program: one that comes at once, and a crash on the way to
 * exec, under a parent with handlers for both.
 *
 * Room tests. Invariant: the parent's handlers write down which process they ran in.
 */
#include "kit.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In memory that every copy of this process shares. */
struct seen {
    pid_t owner;
    atomic_int own, strangers;
};

static struct seen *seen;

static void map_seen(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(seen != MAP_FAILED);
    seen->owner = getpid();
}

static void note(int number)
{
    (void)number;
    if (syscall(SYS_getpid) == seen->owner)
        atomic_fetch_add(&seen->own, 1);
    else
        atomic_fetch_add(&seen->strangers, 1);
}

/* ------------------------------------------------------------------ E10 */

TEST_TIMEOUT(e10_signal_before_exec, 60)
{
    enum { TIMES = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 200 : 1000 };
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
    map_seen();
    for (size_t i = 0; i < 4; i++)
        (void)signal(numbers[i], note);
    for (int i = 0; i < TIMES; i++) {
        int number = numbers[i % 4];
        struct brood_child *child = START(.argv = ODD("leader-gone"), .in = A_PIPE,
                                          .start_timeout_ms = i % 8 < 4 ? 0 : KIT_BOUND_MS);
        CHECK_INT(brood_child_signal(child, number), 0);
        CHECK_KILLED(END_OF(child), number);
        brood_child_free(child);
    }
    for (size_t i = 0; i < 4; i++)
        (void)signal(numbers[i], SIG_DFL);
    CHECK_INT(atomic_load(&seen->strangers), 0);
    CHECK_INT(atomic_load(&seen->own), 0);
    (void)munmap(seen, sizeof *seen);
}

/* ------------------------------------------------------------------ E13 */

/* A call of this number is a crash from now on: SIGSYS, which cannot be put off. */
static void make_it_crash(int number)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0);
}

/* A crash reporter as programs have it: a handler for the crash, on a stack of its own. */
static void report_crashes(stack_t *stack)
{
    const struct sigaction action = {.sa_handler = note, .sa_flags = SA_ONSTACK};
    stack->ss_size = (size_t)1 << 16;
    stack->ss_sp = calloc(1, stack->ss_size);
    REQUIRE(stack->ss_sp && sigaltstack(stack, NULL) == 0 && sigaction(SIGSYS, &action, NULL) == 0);
}

static void check_reporter(const stack_t *stack)
{
    stack_t now;
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stack->ss_sp && now.ss_flags == 0);
    const char *bytes = stack->ss_sp;
    size_t used = 0;
    for (size_t i = 0; i < stack->ss_size; i++)
        used += bytes[i] != 0;
    CHECK_INT(used, 0); /* no frame was ever laid on it */
    CHECK_INT(atomic_load(&seen->strangers), 0);
}

/* The new process crashes in that call: its start fails, and says how. */
static void crash_on_the_way(int number, const struct brood_options *options)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid > 0) {
        CHECK_CHILD(pid, 0);
        return;
    }
    stack_t stack = {.ss_flags = 0};
    struct brood_child *child = NULL;
    struct brood_error error = {.stage = 0};
    map_seen();
    report_crashes(&stack);
    make_it_crash(number);
    CHECK(brood_start(options, &child, &error) < 0);
    CHECK_INT(error.detail, BROOD_DETAIL_KILLED);
    CHECK_INT(error.number, SIGSYS);
    CHECK_INT(error.unkillable_pid, 0);
    check_reporter(&stack);
    CHECK_INT(audit_children(), 0);
    (void)syscall(number, "", NULL, NULL); /* the reporter works, here */
    CHECK_INT(atomic_load(&seen->own), 1);
    _exit(0);
}

TEST(e13_crash_in_the_child)
{
    crash_on_the_way(SYS_chdir, BROOD_OPTIONS(.argv = TARGET("exit"), .cwd = "/"));
    crash_on_the_way(SYS_chdir, BROOD_OPTIONS(.argv = TARGET("exit"), .cwd = "/",
                                              .start_timeout_ms = KIT_BOUND_MS));
    crash_on_the_way(SYS_execve, BROOD_OPTIONS(.argv = TARGET("exit")));
    crash_on_the_way(SYS_execve,
                     BROOD_OPTIONS(.argv = TARGET("exit"), .start_timeout_ms = KIT_BOUND_MS));
}
