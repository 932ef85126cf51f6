/* SPDX-License-Identifier: MIT */
/*
 * BROOD_FOREGROUND: the child's group has the caller's terminal until it ends, and the caller has
 * it back then, and when a start fails at any stage.
 *
 * Invariant: each body runs in a session of its own with a terminal, and its frame (seats.c) looks
 * at the end whether the caller has the foreground.
 */
#include "seats.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define HOLDS "same 1 control 1 leader 0 foreground 1"

/* A child that holds the foreground until its input ends. */
static struct brood_child *start_holder(struct seat_pipe *told, pid_t join_group)
{
    seat_pipe_open(told);
    struct brood_child *child = start(
        BROOD_OPTIONS(.argv = SEAT("hold", "4"), .fds = &told->map, .fd_count = 1,
                      .in = {.kind = BROOD_PIPE}, .join_group = join_group,
                      .flags = BROOD_FOREGROUND | (join_group ? 0U : (unsigned)BROOD_NEW_GROUP)));
    REQUIRE(child);
    CHECK_HAS(seat_line(told), HOLDS);
    return child;
}

static void let_end(struct brood_child *child, struct seat_pipe *told)
{
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_HAS(seat_line(told), HOLDS); /* to its end */
    ends_with(child, 4);
    seat_pipe_close(told);
}

/* ------------------------------------------------------------------ it has it */

static void hold_and_end(int terminal)
{
    struct seat_pipe told;
    struct brood_child *child = start_holder(&told, 0);
    CHECK_INT(tcgetpgrp(terminal), brood_child_pid(child));
    let_end(child, &told);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
}

TEST(a_new_group_has_it_until_its_end)
{
    in_a_terminal(hold_and_end);
}

/* The second finds the first one's group in the foreground, which is gone when the second ends. */
static void end_in_the_wrong_order(int terminal)
{
    struct seat_pipe first, second;
    struct brood_child *one = start_holder(&first, 0);
    struct brood_child *other = start_holder(&second, 0);
    CHECK(!brood_child_free(one));
    CHECK_INT(tcgetpgrp(terminal), brood_child_pid(other));
    CHECK(!brood_child_free(other));
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    seat_pipe_close(&first);
    seat_pipe_close(&second);
}

TEST(two_that_end_in_the_wrong_order)
{
    in_a_terminal(end_in_the_wrong_order);
}

/* At the wait, before the handle is freed. */
static void wait_gives_back(int terminal)
{
    struct brood_child *child = start(
        BROOD_OPTIONS(.argv = TARGET("exit", "0"), .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP));
    REQUIRE(child);
    CHECK_INT(brood_child_wait(child, BOUND_MS, NULL), 0);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    CHECK(!brood_child_free(child));
}

TEST(the_wait_gives_it_back)
{
    in_a_terminal(wait_gives_back);
}

static void run_gives_back(int terminal)
{
    struct brood_result result;
    REQUIRE(brood_run(BROOD_OPTIONS(.argv = TARGET("terminal"),
                                    .in = {.kind = BROOD_FD, .fd = terminal},
                                    .out = {.kind = BROOD_MEMORY},
                                    .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP),
                      &result, NULL) == 0);
    int foreground = 0, group = 0;
    CHECK_INT(sscanf(result.out, "tty 1 0 0 foreground %d pgid %d", &foreground, &group), 2);
    CHECK(foreground > 1);
    CHECK_INT(foreground, group);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    brood_result_clear(&result);
}

TEST(a_run_gives_it_back)
{
    in_a_terminal(run_gives_back);
}

static void free_and_stop(int terminal)
{
    struct seat_pipe told;
    struct brood_child *child = start_holder(&told, 0);
    CHECK(!brood_child_free(child));
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    seat_pipe_close(&told);
    child = start_holder(&told, 0);
    CHECK_INT(brood_child_stop(child, 100, NULL), 0);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    CHECK(!brood_child_free(child));
    seat_pipe_close(&told);
}

TEST(free_and_stop_give_it_back)
{
    in_a_terminal(free_and_stop);
}

/* The status is somebody else's, the terminal is not. */
static void ignore_children(int terminal)
{
    struct seat_pipe told;
    struct brood_child *child = start_holder(&told, 0);
    REQUIRE(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    pid_t pid = brood_child_pid(child);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_HAS(seat_line(&told), HOLDS);
    CHECK_INT(lab_wait_gone(pid, BOUND_MS), 0);
    CHECK(!brood_child_free(child));
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    REQUIRE(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
    seat_pipe_close(&told);
}

TEST(free_gives_it_back_when_the_status_is_stolen)
{
    in_a_terminal(ignore_children);
}

/* The first of a pipeline leads a group, the second joins it. */
static void join(int terminal)
{
    struct seat_pipe told;
    struct brood_child *first = start(
        BROOD_OPTIONS(.argv = TARGET("cat"), .in = {.kind = BROOD_PIPE}, .flags = BROOD_NEW_GROUP));
    REQUIRE(first);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    struct brood_child *second = start_holder(&told, brood_child_pid(first));
    CHECK_INT(tcgetpgrp(terminal), brood_child_pid(first));
    let_end(second, &told);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    CHECK_INT(brood_child_close_stream(first, BROOD_IN), 0);
    ends_with(first, 0);
}

TEST(a_joined_group_has_it_until_its_end)
{
    in_a_terminal(join);
}

/* A shell that gives the terminal to a job of its own: at its end nobody takes it from that. */
static void taken_by_another(int terminal)
{
    struct seat_pipe told;
    struct brood_child *child = start_holder(&told, 0);
    struct seat_pipe other_told;
    seat_pipe_open(&other_told);
    struct brood_child *other =
        start(BROOD_OPTIONS(.argv = SEAT("take"), .fds = &other_told.map, .fd_count = 1));
    REQUIRE(other);
    CHECK_HAS(seat_line(&other_told), "foreground 1");
    pid_t taker = brood_child_pid(other);
    CHECK_INT(tcgetpgrp(terminal), taker);
    CHECK_INT(brood_child_stop(child, 0, NULL), 0);
    CHECK_INT(tcgetpgrp(terminal), taker);
    CHECK(!brood_child_free(child));
    CHECK(!brood_child_free(other));
    seat_pipe_close(&told);
    seat_pipe_close(&other_told);
    (void)signal(SIGTTOU, SIG_IGN);
    CHECK_INT(tcsetpgrp(terminal, getpgrp()), 0);
    (void)signal(SIGTTOU, SIG_DFL);
}

TEST(what_somebody_else_has_by_then_stays_theirs)
{
    in_a_terminal(taken_by_another);
}

/* ------------------------------------------------------------------ failed starts */

static int say_no(void *user)
{
    (void)user;
    return ENOTNAM;
}

static int crash(void *user)
{
    (void)user;
    return raise(SIGSEGV);
}

static void fail_at_each_stage(int terminal)
{
    const uint32_t flags = BROOD_FOREGROUND | BROOD_NEW_GROUP;
    is_refused("program", BROOD_OPTIONS(.argv = WORDS("/no/such"), .flags = flags),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT));
    is_refused("hook",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = flags, .before_exec = say_no),
               REFUSAL(.stage = BROOD_STAGE_HOOK, .code = ENOTNAM));
    is_refused("crash",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = flags, .before_exec = crash),
               REFUSAL(.stage = BROOD_STAGE_HOOK, .code = EINTR, .detail = BROOD_DETAIL_KILLED,
                       NUMBER(SIGSEGV)));
    is_refused("directory",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = flags, .cwd = "/no/such"),
               REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT));
    is_refused("file",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = flags,
                             .in = {.kind = BROOD_FILE, .path = "/no/such"}),
               REFUSAL(.stage = BROOD_STAGE_OPEN, .code = ENOENT));
    is_refused("group",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = BROOD_FOREGROUND,
                             .join_group = 999999999),
               REFUSAL(.stage = BROOD_STAGE_GROUP, .code = EPERM, NUMBER(999999999)));
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
}

TEST(a_failed_start_gives_it_back)
{
    in_a_terminal(fail_at_each_stage);
}

/* A limit below the number of open descriptors: /dev/tty cannot be opened in the child. */
static void fail_at_foreground(int terminal)
{
    static struct audit before;
    unsigned least = 99;
    char why[1024] = "";
    for (unsigned free_fds = 0; free_fds < 6; free_fds++) {
        struct brood_child *child = NULL;
        struct brood_error error = {.stage = 0};
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        audit_take(&before);
        int result = brood_start(
            BROOD_OPTIONS(.argv = TARGET("exit", "0"), .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP),
            &child, &error);
        if (result == 0)
            least = free_fds < least ? free_fds : least;
        else
            CHECK_SAY(
                result == -EMFILE && free_fds < least &&
                    (error.stage == BROOD_STAGE_TERMINAL || error.stage == BROOD_STAGE_CREATE),
                "%u free: %d at %s", free_fds, result, brood_stage_name(error.stage));
        ends_with(child, 0);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%u free: %s", free_fds, why);
        CHECK_INT(lab_restore_fds(old), 0);
        CHECK_INT(tcgetpgrp(terminal), getpgrp());
    }
    CHECK(least <= 3);
}

TEST(almost_no_descriptor_left)
{
    in_a_terminal(fail_at_foreground);
}

struct attempt {
    const char *program, *directory;
    struct brood_error error;
    int result;
};

static void *start_again_and_again(void *argument)
{
    struct attempt *attempt = argument;
    struct brood_child *child = NULL;
    attempt->result =
        brood_start(BROOD_OPTIONS(.argv = WORDS(attempt->program), .cwd = attempt->directory,
                                  .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP, .retry_ms = 5000),
                    &child, &attempt->error);
    (void)brood_child_free(child);
    return NULL;
}

/* The first try comes as far as exec (the program is open for writing), a later one not. */
static void later_try_fails_earlier(int terminal)
{
    pthread_t thread;
    struct attempt attempt = {.program = lab_file("busy"), .directory = lab_file("directory")};
    REQUIRE(lab_write_file(attempt.program, "#!/bin/true\n", 12, 0755) == 0);
    REQUIRE(mkdir(attempt.directory, 0700) == 0);
    int writer = open(attempt.program, O_WRONLY | O_CLOEXEC);
    REQUIRE(writer >= 0 && pthread_create(&thread, NULL, start_again_and_again, &attempt) == 0);
    int64_t deadline = lab_now_ms() + BOUND_MS;
    while (tcgetpgrp(terminal) == getpgrp() && lab_now_ms() < deadline - BOUND_MS + 300)
        continue; /* until a try has got that far, if it can be seen */
    CHECK_INT(rmdir(attempt.directory), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(attempt.result, -ENOENT);
    CHECK_INT(attempt.error.stage, BROOD_STAGE_DIRECTORY);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    CHECK_INT(close(writer), 0);
}

TEST(a_try_that_fails_earlier_than_the_first)
{
    in_a_terminal(later_try_fails_earlier);
}
