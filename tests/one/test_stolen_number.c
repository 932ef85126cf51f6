/* SPDX-License-Identifier: MIT */
/*
 * Numbers that were used again: after the end of a child its pid may be anybody's. No call of ours
 * hits the stranger that has it now, whoever reaped the child.
 *
 * Room tests. Invariant: the stranger is seen to have the child's number, and its group's.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
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

/* Whoever has the number now. It answers, so that one with a signal on its way is told apart. */
struct stranger {
    pid_t pid;
    int ask, answer;
};

static _Noreturn void answer_for_ever(int asked, int answer)
{
    char byte;
    (void)setpgid(0, 0);
    while (read(asked, &byte, 1) == 1 && write(answer, &byte, 1) == 1)
        continue;
    _exit(0);
}

/* A process of that number, leader of its own group. */
static struct stranger make_stranger(pid_t number)
{
    int asked[2], answers[2];
    pid_t wanted[] = {number};
    struct clone_arguments arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = 1};
    REQUIRE(pipe2(asked, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) {
        (void)close(asked[1]);
        (void)close(answers[0]);
        answer_for_ever(asked[0], answers[1]);
    }
    (void)close(asked[0]);
    (void)close(answers[1]);
    REQUIRE(pid == number);
    (void)setpgid(number, number);
    CHECK_INT(getpgid(number), number);
    return (struct stranger){.pid = number, .ask = asked[1], .answer = answers[0]};
}

static void check_lives(const struct stranger *stranger)
{
    char word[2] = "";
    CHECK_INT(write(stranger->ask, "\n", 1), 1);
    CHECK_INT(lab_read_line(stranger->answer, word, sizeof word, KIT_BOUND_MS), 0);
}

static void end_stranger(struct stranger *stranger)
{
    check_lives(stranger);
    (void)close(stranger->ask);
    (void)close(stranger->answer);
    CHECK_CHILD(stranger->pid, 0);
}

/* Who takes the status, and how the handle is ended, are all combined. */
enum taking { BY_THIEF, BY_US };

static struct brood_child *ended_child(enum taking taking, uint32_t scope, struct stranger *ret)
{
    struct brood_child *child = START(.argv = TARGET("exit", "3"), .in = A_PIPE, .scope = scope,
                                      .flags = scope == BROOD_SCOPE_GROUP ? BROOD_NEW_GROUP : 0);
    if (taking == BY_US)
        (void)END_OF(child);
    else
        CHECK_INT(waitpid(brood_child_pid(child), NULL, 0), brood_child_pid(child));
    *ret = make_stranger(brood_child_pid(child));
    return child;
}

static void ask_it_to_end(struct brood_child *child, const struct stranger *stranger)
{
    struct brood_exit end;
    static const int numbers[] = {0, SIGTERM, SIGKILL, SIGSTOP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_INT(brood_child_signal(child, numbers[i]), -ESRCH);
    check_lives(stranger);
    CHECK_INT(brood_child_stop(child, 0, &end), 0);
    CHECK_STOLEN(end, 3);
    CHECK_INT(brood_child_stop(child, 100, &end), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
}

static void try_all(enum taking taking, uint32_t scope)
{
    struct stranger stranger;
    struct brood_child *child = ended_child(taking, scope, &stranger);
    ask_it_to_end(child, &stranger);
    brood_child_free(child);
    end_stranger(&stranger);

    child = ended_child(taking, scope, &stranger);
    brood_child_free(child); /* at once */
    end_stranger(&stranger);

    child = ended_child(taking, scope, &stranger);
    CHECK_INT(brood_child_wait(child, 0, NULL), 0);
    check_lives(&stranger);
    CHECK_INT(brood_child_release(child), -ESRCH);
    end_stranger(&stranger);
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
    if (!kit_is_admin())
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
