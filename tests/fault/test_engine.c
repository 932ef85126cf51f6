/* SPDX-License-Identifier: MIT */
/*
 * The injection tested by itself, on a start that is careless on purpose: it must be met where it
 * was told to be, once, in whose role it was told, and what the careless start leaves must be seen.
 *
 * Invariant: nothing of lib/ is used here.
 */
#include "calls.h"
#include "harness.h"
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the target tells. */
struct told {
    int result; /* of the start: 0 or -errno */
    int status; /* of the child, -1: none was waited for */
    int fds;    /* more descriptors than before */
    int kills[3];
};

enum { WAIT_MS = 10000 };

/* A pipe, a fork, a session, an exec; nothing is undone. */
static int careless_start(const char *program, pid_t *ret)
{
    char *argv[] = {(char[]){"target"}, (char[]){"cwd"}, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        return -errno; /* two descriptors stay */
    if (pid == 0) {
        syscall(SYS_setsid);
        syscall(SYS_execve, program, argv, argv + 2);
        _exit(127);
    }
    close(ends[0]);
    close(ends[1]);
    *ret = pid;
    return 0;
}

static int careless_body(void *user)
{
    struct told *told = user;
    const char *program = lab_child_program();
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, 1);
    while (inject_mark(INJECT_READY) == 0) {
        pid_t pid = -1;
        int before = lab_count_fds();
        inject_mark(INJECT_ARM);
        told->result = careless_start(program, &pid);
        told->status = -1;
        if (pid > 0)
            waitpid(pid, &told->status, 0);
        inject_mark(INJECT_DISARM);
        told->fds = lab_count_fds() - before;
    }
    return 0;
}

static struct inject *begin(struct told **told)
{
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    *told = mmap(NULL, sizeof **told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(*told != MAP_FAILED);
    struct inject *inject = inject_new(careless_body, *told, calls_codes);
    REQUIRE(inject != NULL);
    CHECK_INT(inject_wait(inject, WAIT_MS), INJECT_EVENT_READY);
    return inject;
}

static void finish(struct inject *inject, struct told *told)
{
    CHECK_INT(inject_free(inject), 0);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
    munmap(told, sizeof *told);
}

/* One start under an order. */
static void run(struct inject *inject, const struct inject_order *order)
{
    inject_set(inject, order);
    inject_go(inject);
    CHECK_INT(inject_wait(inject, WAIT_MS), INJECT_EVENT_READY);
}

/* The index in the trace of the k-th call of a number in a role, or -1. */
static int position(const struct inject *inject, int role, int number)
{
    size_t count;
    const struct inject_call *trace = inject_trace(inject, &count);
    for (size_t i = 0; i < count; i++)
        if (trace[i].role == role && trace[i].number == number)
            return (int)i;
    return -1;
}

TEST(a_trace_tells_whose_call_it_was)
{
    struct told *told;
    struct inject *inject = begin(&told);
    run(inject, &(struct inject_order){.action = INJECT_NOTHING});
    CHECK_INT(told->result, 0);
    CHECK_INT(told->status, 0);
    CHECK(inject_hit(inject) == NULL);
    int pipe = position(inject, INJECT_CALLER, __NR_pipe2);
    int clone = position(inject, INJECT_CALLER, __NR_clone);
    int session = position(inject, INJECT_CHILD, __NR_setsid);
    int exec = position(inject, INJECT_CHILD, __NR_execve);
    int program = position(inject, INJECT_PROGRAM, __NR_readlink);
    if (program < 0)
        program = position(inject, INJECT_PROGRAM, __NR_getcwd);
    CHECK(pipe >= 0 && pipe < clone && clone < session && session < exec && exec < program);
    CHECK_INT(position(inject, INJECT_PROGRAM, __NR_execve), -1);
    CHECK_INT(position(inject, INJECT_CHILD, __NR_write), -1);
    finish(inject, told);
}

TEST(one_call_fails_and_the_next_start_works)
{
    struct told *told;
    struct inject *inject = begin(&told);
    run(inject, &(struct inject_order){.action = INJECT_ERRNO,
                                       .role = INJECT_CALLER,
                                       .number = INJECT_ANY,
                                       .which = 1,
                                       .choice = 1});
    const struct inject_call *hit = inject_hit(inject);
    REQUIRE(hit != NULL);
    CHECK_STR(calls_name(hit->number), "pipe2");
    CHECK_INT(hit->code, ENFILE);
    CHECK_INT(told->result, -ENFILE);
    CHECK_INT(told->fds, 0);
    run(inject, &(struct inject_order){.action = INJECT_NOTHING});
    CHECK_INT(told->result, 0);
    finish(inject, told);
}

TEST(what_a_careless_start_leaves_is_seen)
{
    struct told *told;
    struct inject *inject = begin(&told);
    run(inject, &(struct inject_order){.action = INJECT_ERRNO,
                                       .role = INJECT_CALLER,
                                       .number = __NR_clone,
                                       .which = 1,
                                       .code = EAGAIN});
    CHECK(inject_hit(inject) != NULL);
    CHECK_INT(told->result, -EAGAIN);
    CHECK_INT(told->fds, 2);
    finish(inject, told);
}

TEST(the_child_fails_apart_from_its_program)
{
    struct told *told;
    struct inject *inject = begin(&told);
    run(inject, &(struct inject_order){.action = INJECT_ERRNO,
                                       .role = INJECT_CHILD,
                                       .number = __NR_execve,
                                       .which = 1,
                                       .code = EIO});
    CHECK(inject_hit(inject) != NULL && WIFEXITED(told->status) &&
          WEXITSTATUS(told->status) == 127);
    run(inject, &(struct inject_order){.action = INJECT_ERRNO,
                                       .role = INJECT_CHILD,
                                       .number = __NR_write,
                                       .which = 1,
                                       .code = ENOSPC});
    CHECK(inject_hit(inject) == NULL); /* the program's write is not the child's */
    CHECK_INT(told->status, 0);
    run(inject,
        &(struct inject_order){
            .action = INJECT_ERRNO, .role = INJECT_CHILD, .number = INJECT_ANY, .which = 3});
    CHECK(inject_hit(inject) == NULL); /* setsid and execve are all */
    finish(inject, told);
}

TEST(the_choices_of_a_call_end)
{
    struct told *told;
    struct inject *inject = begin(&told);
    run(inject, &(struct inject_order){.action = INJECT_ERRNO,
                                       .role = INJECT_CALLER,
                                       .number = INJECT_ANY,
                                       .which = 1,
                                       .choice = 2});
    CHECK(inject_hit(inject) == NULL);
    CHECK(inject_spent(inject));
    CHECK_INT(told->result, 0);
    finish(inject, told);
}

TEST(a_kill_meets_the_child_before_its_call)
{
    struct told *told;
    struct inject *inject = begin(&told);
    for (unsigned step = 1; step <= 2; step++) {
        run(inject,
            &(struct inject_order){
                .action = INJECT_KILL, .role = INJECT_CHILD, .number = INJECT_ANY, .which = step});
        REQUIRE(inject_hit(inject) != NULL);
        CHECK_INT(inject_hit(inject)->fate, INJECT_KILLED);
        CHECK(WIFSIGNALED(told->status) && WTERMSIG(told->status) == SIGKILL);
        CHECK_INT(position(inject, INJECT_PROGRAM, __NR_write), -1);
    }
    run(inject,
        &(struct inject_order){
            .action = INJECT_KILL, .role = INJECT_PROGRAM, .number = INJECT_ANY, .which = 1});
    CHECK(inject_hit(inject) != NULL && WIFSIGNALED(told->status));
    finish(inject, told);
}

TEST(a_denied_call_fails_every_time_and_by_its_flag)
{
    struct told *told;
    struct inject *inject = begin(&told);
    CHECK_INT(inject_deny(inject, __NR_clone, CLONE_VM, EPERM), 0);
    run(inject, &(struct inject_order){.action = INJECT_NOTHING});
    CHECK_INT(told->result, 0); /* its clone has no such flag */
    CHECK_INT(inject_deny(inject, __NR_clone, SIGCHLD, ENOSYS), 0);
    for (int i = 0; i < 2; i++) {
        run(inject, &(struct inject_order){.action = INJECT_NOTHING});
        CHECK_INT(told->result, -ENOSYS);
    }
    finish(inject, told);
}

/* A child that is made in the middle: what its setsid(2) says, and what it has done. */
static int middle_body(void *user)
{
    struct told *told = user;
    while (inject_mark(INJECT_READY) == 0) {
        inject_mark(INJECT_ARM);
        pid_t middle = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (middle == 0) {
            pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
            if (child == 0) {
                told->kills[0] = (int)syscall(SYS_setsid);
                told->kills[1] = getsid(0) == getpid();
                _exit(open("/dev/null", O_RDONLY | O_CLOEXEC) < 0);
            }
            waitpid(child, &told->kills[2], 0);
            _exit(5);
        }
        waitpid(middle, &told->status, 0);
        inject_mark(INJECT_DISARM);
    }
    return 0;
}

static struct inject *begin_middle(struct told **told)
{
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    *told = mmap(NULL, sizeof **told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(*told != MAP_FAILED);
    struct inject *inject = inject_new(middle_body, *told, calls_codes);
    REQUIRE(inject != NULL);
    inject_has_middle(inject);
    CHECK_INT(inject_wait(inject, WAIT_MS), INJECT_EVENT_READY);
    return inject;
}

TEST(one_in_the_middle_has_a_role_of_its_own)
{
    struct told *told;
    struct inject *inject = begin_middle(&told);
    run(inject, &(struct inject_order){.action = INJECT_NOTHING});
    CHECK(WIFEXITED(told->status) && WEXITSTATUS(told->status) == 5);
    int made = position(inject, INJECT_CALLER, __NR_clone);
    int makes = position(inject, INJECT_MIDDLE, __NR_clone);
    int session = position(inject, INJECT_CHILD, __NR_setsid);
    CHECK(made >= 0 && made < makes && makes < session);
    CHECK_INT(position(inject, INJECT_MIDDLE, __NR_setsid), -1);
    size_t count;
    int opens = position(inject, INJECT_CHILD, __NR_openat);
    REQUIRE(opens >= 0);
    CHECK_STR(inject_trace(inject, &count)[opens].path, "/dev/null");
    finish(inject, told);
}

TEST(a_lie_is_a_call_that_was_not_made)
{
    struct told *told;
    struct inject *inject = begin_middle(&told);
    struct inject_order order = {
        .action = INJECT_LIE, .role = INJECT_CHILD, .number = __NR_setsid, .which = 1};
    run(inject, &order);
    CHECK_INT(told->kills[0], 0);
    CHECK_INT(told->kills[1], 0);
    REQUIRE(inject_hit(inject) != NULL);
    CHECK_INT(inject_hit(inject)->fate, INJECT_LIED);
    finish(inject, told);
}

/* The call itself is made: the child goes on, and is ours when its maker is gone. */
TEST(an_orphan_goes_on_without_its_maker)
{
    struct told *told;
    struct inject *inject = begin_middle(&told);
    struct inject_order order = {
        .action = INJECT_ORPHAN, .role = INJECT_CHILD, .number = __NR_setsid, .which = 1};
    run(inject, &order);
    CHECK(WIFSIGNALED(told->status) && WTERMSIG(told->status) == SIGKILL);
    REQUIRE(inject_hit(inject) != NULL);
    CHECK_INT(inject_hit(inject)->fate, INJECT_ORPHANED);
    pid_t orphan = inject_hit(inject)->pid;
    int status = -1;
    for (int turn = 0; turn < 100 && waitpid(orphan, &status, WNOHANG) == 0; turn++)
        CHECK_INT(inject_wait(inject, 100), INJECT_EVENT_TIMEOUT); /* its calls are let through */
    CHECK_INT(status, 0);
    CHECK_INT(told->kills[0], orphan);
    CHECK_INT(told->kills[1], 1);
    finish(inject, told);
}

/* Without one, what a child makes is part of the start as well; there is nobody to orphan it. */
TEST(where_nobody_is_in_the_middle_nobody_is_killed)
{
    struct told *told;
    struct inject *inject = begin(&told);
    struct inject_order order = {
        .action = INJECT_ORPHAN, .role = INJECT_CHILD, .number = INJECT_ANY, .which = 1};
    run(inject, &order);
    CHECK(inject_hit(inject) == NULL);
    CHECK_INT(told->status, 0);
    finish(inject, told);
}

static int sticky_body(void *user)
{
    struct told *told = user;
    inject_mark(INJECT_READY);
    inject_mark(INJECT_ARM);
    for (int i = 0; i < 3; i++)
        told->kills[i] = dup(2) < 0 ? -errno : 0;
    inject_mark(INJECT_DISARM);
    return dup(2) < 0;
}

TEST(pressure_stays_until_the_end_of_the_stretch)
{
    struct told *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct inject *inject = inject_new(sticky_body, told, calls_codes);
    REQUIRE(inject != NULL);
    CHECK_INT(inject_wait(inject, WAIT_MS), INJECT_EVENT_READY);
    inject_set(inject, &(struct inject_order){.action = INJECT_ERRNO,
                                              .role = INJECT_CALLER,
                                              .number = __NR_dup,
                                              .which = 2,
                                              .sticky = true});
    inject_go(inject);
    CHECK_INT(inject_wait(inject, WAIT_MS), INJECT_EVENT_GONE);
    CHECK_INT(told->kills[0], 0);
    CHECK_INT(told->kills[1], -EMFILE);
    CHECK_INT(told->kills[2], -EMFILE);
    CHECK_INT(inject_free(inject), 0);
    munmap(told, sizeof *told);
}

/* Signal 0: were it not refused, it would still hit nobody. */
static int killing_body(void *user)
{
    struct told *told = user;
    static const pid_t strangers[3] = {0, -1, -2};
    for (int i = 0; i < 3; i++)
        told->kills[i] = kill(strangers[i], 0) < 0 ? -errno : 0;
    return 3;
}

TEST(strangers_are_never_killed)
{
    struct told *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct inject *inject = inject_new(killing_body, told, calls_codes);
    REQUIRE(inject != NULL);
    CHECK_INT(inject_wait(inject, WAIT_MS), INJECT_EVENT_GONE);
    for (int i = 0; i < 3; i++)
        CHECK_INT(told->kills[i], -EPERM);
    CHECK_INT(inject_free(inject), 0);
    munmap(told, sizeof *told);
}

static int stalling_body(void *user)
{
    (void)user;
    if (fork() == 0)
        pause();
    pause();
    return 0;
}

TEST(a_target_that_stalls_is_ended_with_its_children)
{
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    struct inject *inject = inject_new(stalling_body, NULL, calls_codes);
    REQUIRE(inject != NULL);
    CHECK_INT(inject_wait(inject, 300), INJECT_EVENT_TIMEOUT);
    CHECK_INT(inject_free(inject), 1);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

TEST(a_stretch_costs_little)
{
    struct told *told;
    struct inject *inject = begin(&told);
    int64_t before = lab_now_ms();
    size_t calls = 0, count;
    for (int i = 0; i < 100; i++) {
        run(inject, &(struct inject_order){.action = INJECT_NOTHING});
        inject_trace(inject, &count);
        calls += count;
    }
    NOTE("100 starts with %zu armed calls in %lld ms", calls, (long long)(lab_now_ms() - before));
    CHECK_INT(told->result, 0);
    finish(inject, told);
}
