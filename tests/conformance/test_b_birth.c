/* SPDX-License-Identifier: MIT */
/*
 * B: descriptors that must be no other process's from the moment they exist, and the caller's flags
 * that must not change for a child's sake.
 *
 * Room tests. Invariant: a sibling is a process that this library did not start: only close-on-exec
 * keeps ours from it.
 */
#include "calls.h"
#include "faulty.h"
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------------------ siblings */

/* fork and exec by hand, of the helper program: what is not close-on-exec goes along. */
static pid_t sibling(char *const *argv)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        (void)dup2(0, 1);
        (void)execv(kit_target, argv);
        _exit(99);
    }
    return pid;
}

static void end_sibling(pid_t pid)
{
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}

/* One that tells its descriptors has 0, 1 and 2 alone. */
static void check_that_a_sibling_gets_nothing(void)
{
    char path[PATH_MAX], told[4096] = "";
    CHECK_CHILD(sibling(TARGET("-o", lab_path(path, sizeof path, "sibling"), "fds")), 0);
    CHECK(lab_read_file(path, told, sizeof told) > 0);
    unsigned lines = 0;
    for (const char *at = told; *at; at++)
        lines += *at == '\n';
    CHECK_SAY(lines == 3, "a sibling got\n%s", told);
}

/* ------------------------------------------------------------------ B01 */

/* A call that makes a descriptor must make it close-on-exec in the same breath. */
static bool makes_it_well(const struct inject_call *call, unsigned *births)
{
    bool is_caller = call->role == INJECT_CALLER;
    (*births)++;
    switch (call->number) {
    case SYS_pipe2:
        return call->args[1] & O_CLOEXEC;
    case SYS_socket:
    case SYS_socketpair:
        return call->args[1] & SOCK_CLOEXEC;
    case SYS_openat:
        return call->args[2] & O_CLOEXEC;
    case SYS_memfd_create:
        return call->args[1] & MFD_CLOEXEC;
    case SYS_eventfd2:
        return call->args[1] & EFD_CLOEXEC;
    case SYS_timerfd_create:
        return call->args[1] & TFD_CLOEXEC;
    case SYS_dup3: /* the child's are the numbers that its program is to have */
        return !is_caller || (call->args[2] & O_CLOEXEC);
    case SYS_fcntl:
        return call->args[1] != F_DUPFD && !(is_caller && call->args[1] == F_SETFD);
    case SYS_dup:
#ifdef SYS_pipe
    case SYS_pipe:
    case SYS_dup2:
    case SYS_open:
    case SYS_creat:
    case SYS_eventfd:
    case SYS_epoll_create:
#endif
        return false;
    default:
        (*births)--;
        return true;
    }
}

static void check_births(const struct brood_options *options, unsigned least)
{
    struct faulty faulty;
    unsigned births = 0;
    size_t count;
    faulty_open(&faulty, options, false, calls_codes);
    faulty_run_clean(&faulty); /* the probes are done, once */
    faulty_run_clean(&faulty);
    const struct inject_call *trace = inject_trace(faulty.inject, &count);
    for (size_t i = 0; i < count; i++)
        if (trace[i].role != INJECT_PROGRAM)
            CHECK_SAY(makes_it_well(&trace[i], &births), "%s of role %d",
                      calls_name(trace[i].number), trace[i].role);
    CHECK_SAY(births >= least, "%u descriptors made, not %u", births, least);
    faulty_close(&faulty);
}

TEST(b01_pipe_without_cloexec_each_call)
{
    const struct brood_fd_map swap[] = {{40, 41}, {41, 40}, {41, 42}};
    char path[PATH_MAX];
    check_births(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PIPE, .err = A_PIPE,
                               .out = {.kind = BROOD_SOCKET}),
                 4);
    REQUIRE(dup3(0, 40, O_CLOEXEC) == 40 && dup3(0, 41, O_CLOEXEC) == 41);
    check_births(
        BROOD_OPTIONS(.argv = TARGET("cat"), .fds = swap, .fd_count = 3, .err = A_NULL,
                      .in = {.kind = BROOD_MEMORY, .input = "x", .input_length = 1},
                      .out = {.kind = BROOD_FILE, .path = lab_path(path, sizeof path, "out")}),
        5);
    CHECK_INT(close(40) + close(41), 0);
}

/* A number below 3 is free, so descriptors of ours have to be lifted over it. */
TEST(b01_pipe_without_cloexec_each_call_without_standard_streams)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(close(0) == 0 && close(1) == 0);
        check_births(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PIPE, .err = A_PIPE,
                                   .out = {.kind = BROOD_SOCKET}),
                     6);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST(b01_pipe_without_cloexec_a_foreign_sibling)
{
    char data[8];
    struct brood_child *child =
        START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE, .err = {.kind = BROOD_SOCKET});
    check_that_a_sibling_gets_nothing();
    pid_t sleeper = sibling(TARGET("sleep"));
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, KIT_BOUND_MS), 0);
    CHECK_INT(brood_child_read(child, BROOD_ERR, data, sizeof data, KIT_BOUND_MS), 0);
    CHECK_EXITED(END_OF(child), 0);
    CHECK_INT(waitpid(sleeper, NULL, WNOHANG), 0); /* it lives all the while */
    end_sibling(sleeper);
    brood_child_free(child);
}

enum { THREADS = 4, ROUNDS = 60, SLEEPERS = 24 };

static void *start_and_read_to_the_end(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        char data[8];
        struct brood_child *child = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
        CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
        CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, KIT_BOUND_MS), 0);
        CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
    }
    return NULL;
}

/* Siblings that stay are made at any moment of the starts. */
TEST(b01_pipe_without_cloexec_in_a_crowd)
{
    pthread_t threads[THREADS];
    pid_t sleepers[SLEEPERS];
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, start_and_read_to_the_end, NULL) == 0);
    for (size_t i = 0; i < SLEEPERS; i++)
        sleepers[i] = sibling(TARGET("sleep"));
    for (size_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < SLEEPERS; i++) {
        CHECK_INT(waitpid(sleepers[i], NULL, WNOHANG), 0);
        end_sibling(sleepers[i]);
    }
}

/* ------------------------------------------------------------------ a start half way */

static void end_half_way(struct held *held)
{
    held_let_go(held);
    kit_attempt_end(&held->attempt); /* its bound is the test's own */
    CHECK_INT(held->attempt.result, 0);
    if (held->attempt.result == 0)
        CHECK_EXITED(END_OF(held->attempt.child), 3);
    brood_child_free(held->attempt.child);
}

/* ------------------------------------------------------------------ B02 */

/* Whatever tells of exec's success must not lie in a process that was made meanwhile. */
TEST(b02_report_leaked_into_a_sibling)
{
    struct held held;
    held_open(&held);
    kit_attempt_begin(&held.attempt, BROOD_OPTIONS(.argv = TARGET("exit", "3"), .out = A_PIPE,
                                                   .in = HELD_IN(&held)));
    (void)held_wait(getpid());
    pid_t foreign = sibling(TARGET("sleep"));
    struct brood_child *ours =
        START(.argv = TARGET("sleep"), .out = A_PIPE, .flags = BROOD_KEEP_ALL_FDS);
    (void)READY(ours);
    end_half_way(&held);
    CHECK_INT(waitpid(foreign, NULL, WNOHANG), 0);
    CHECK_INT(brood_child_wait(ours, 0, NULL), -ETIMEDOUT);
    end_sibling(foreign);
    brood_child_free(ours);
}

/* The same of a start that fails: the sibling must not keep the error back. */
TEST(b02_report_leaked_into_a_sibling_of_a_failure)
{
    struct held held;
    held_open(&held);
    kit_attempt_begin(&held.attempt, BROOD_OPTIONS(.argv = WORDS("/no/such/program"), .out = A_PIPE,
                                                   .in = HELD_IN(&held)));
    (void)held_wait(getpid());
    pid_t foreign = sibling(TARGET("sleep"));
    held_let_go(&held);
    kit_attempt_end(&held.attempt);
    CHECK_INT(held.attempt.result, -ENOENT);
    CHECK_INT(held.attempt.error.stage, BROOD_STAGE_EXEC);
    CHECK_INT(waitpid(foreign, NULL, WNOHANG), 0);
    end_sibling(foreign);
}

/* ------------------------------------------------------------------ B22 */

enum { KEPT = 60, MOVED = 61 };

static const struct brood_fd_map passed[] = {{KEPT, KEPT}, {MOVED, 9}};

static void check_flags_of_the_caller(const char *when)
{
    CHECK_SAY(fcntl(KEPT, F_GETFD) == FD_CLOEXEC, "%s: %d", when, KEPT);
    CHECK_SAY(fcntl(MOVED, F_GETFD) == FD_CLOEXEC, "%s: %d", when, MOVED);
}

TEST(b22_cleared_in_the_caller)
{
    char path[PATH_MAX], told[4096] = "";
    struct held held;
    REQUIRE(dup3(0, KEPT, O_CLOEXEC) == KEPT && dup3(0, MOVED, O_CLOEXEC) == MOVED);
    held_open(&held);
    kit_attempt_begin(&held.attempt, BROOD_OPTIONS(.argv = TARGET("exit", "3"), .fds = passed,
                                                   .fd_count = 2, .in = HELD_IN(&held)));
    (void)held_wait(getpid());
    check_flags_of_the_caller("half way");
    check_that_a_sibling_gets_nothing();
    end_half_way(&held);
    check_flags_of_the_caller("after the start");

    struct brood_child *child =
        START(.argv = TARGET("-o", lab_path(path, sizeof path, "told"), "fds"), .fds = passed,
              .fd_count = 2);
    check_that_a_sibling_gets_nothing();
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
    CHECK(lab_read_file(path, told, sizeof told) > 0);
    CHECK_HAS(told, "\n60 cloexec=0 ");
    CHECK_HAS(told, "\n9 cloexec=0 ");
    CHECK(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .fds = passed, .fd_count = 2),
                      &child, NULL) == -ENOENT);
    check_flags_of_the_caller("after a failure");
    CHECK_INT(close(KEPT) + close(MOVED), 0);
}
