/* SPDX-License-Identifier: MIT */
/*
 * Numbers that were used again: after the end of a child its pid may be anybody's. No call of ours hits
 * the stranger that has it now, whoever reaped the child.
 *
 * Room tests. Invariant: the stranger is seen to have the child's number, and its group's.
 */
#include "kit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* struct clone_args of clone3(2), Linux 5.5. */
struct clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

/* A process of that number, leader of its own group. */
static void make_stranger(pid_t number)
{
    pid_t wanted[] = {number};
    struct clone_arguments arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = 1};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) {
        (void)setpgid(0, 0);
        for (;;)
            (void)pause();
    }
    REQUIRE(pid == number);
    (void)setpgid(number, number);
    CHECK_INT(getpgid(number), number);
}

static void check_stranger_lives(pid_t number)
{
    CHECK_INT(waitpid(number, NULL, WNOHANG), 0);
}

static void end_stranger(pid_t number)
{
    check_stranger_lives(number);
    CHECK_INT(kill(number, SIGKILL), 0);
    CHECK_INT(waitpid(number, NULL, 0), number);
}

/* Who takes the status, and how the handle is ended, are all combined. */
enum taking { BY_THIEF, BY_US };

static struct brood_child *ended_child(enum taking taking, uint32_t scope)
{
    struct brood_child *child = START(.argv = TARGET("exit", "3"), .in = A_PIPE, .scope = scope,
                                      .flags = scope == BROOD_SCOPE_GROUP ? BROOD_NEW_GROUP : 0);
    if (taking == BY_US)
        (void)END_OF(child);
    else
        CHECK_INT(waitpid(brood_child_pid(child), NULL, 0), brood_child_pid(child));
    make_stranger(brood_child_pid(child));
    return child;
}

static void ask_it_to_end(struct brood_child *child)
{
    struct brood_exit end;
    static const int numbers[] = {0, SIGTERM, SIGKILL, SIGSTOP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_INT(brood_child_signal(child, numbers[i]), -ESRCH);
    check_stranger_lives(brood_child_pid(child));
    CHECK_INT(brood_child_stop(child, 0, &end), 0);
    CHECK_STOLEN(end, 3);
    CHECK_INT(brood_child_stop(child, 100, &end), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
}

static void try_all(enum taking taking, uint32_t scope)
{
    struct brood_child *child = ended_child(taking, scope);
    pid_t number = brood_child_pid(child);
    ask_it_to_end(child);
    brood_child_free(child);
    end_stranger(number);

    child = ended_child(taking, scope);
    number = brood_child_pid(child);
    brood_child_free(child); /* at once */
    end_stranger(number);

    child = ended_child(taking, scope);
    number = brood_child_pid(child);
    CHECK_INT(brood_child_wait(child, 0, NULL), 0);
    check_stranger_lives(number);
    CHECK_INT(brood_child_release(child), -ESRCH);
    end_stranger(number);
}

static void try_everything(void)
{
    static const uint32_t scopes[] = {BROOD_SCOPE_CHILD, BROOD_SCOPE_GROUP};
    for (int i = 0; i < 2; i++) {
        try_all(BY_THIEF, scopes[i]);
        try_all(BY_US, scopes[i]);
    }
    _exit(0);
}

/* In a pid namespace of its own nothing else takes the number. */
TEST(a_stranger_with_the_childs_number_lives)
{
    if (geteuid() != 0)
        SKIP("choosing a pid needs root");
    pid_t outside = fork();
    REQUIRE(outside >= 0);
    if (outside == 0) {
        REQUIRE(unshare(CLONE_NEWPID) == 0);
        pid_t first = fork();
        REQUIRE(first >= 0);
        if (first == 0)
            try_everything();
        CHECK_CHILD(first, 0);
        _exit(0);
    }
    CHECK_CHILD(outside, 0);
}
