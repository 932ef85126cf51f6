/* SPDX-License-Identifier: MIT */
/*
 * A child that is traced by somebody else, as by strace -f or a debugger: once it has ended it is
 * the tracer's until the tracer lets go, and for that the kernel has no event. No call takes that
 * for a lost status, none exceeds its bound, and nothing is left in the end.
 *
 * Room tests. Invariant: the child is a zombie, and its tracer alive, before the first call; the
 * tracer never waits for it.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

enum { CODE = 5, SHORT_MS = 150, SOON_MS = 5000, NO_TRACING = 77 };

struct tracer {
    pid_t pid;
    int hold_fd; /* it lets go when this is closed, or after its time */
};

static _Noreturn void trace(pid_t pid, int said_fd, int held_fd, int hold_ms)
{
    struct pollfd held = {.fd = held_fd};
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
        _exit(errno == EPERM ? NO_TRACING : 1);
    if (write(said_fd, "\n", 1) < 0)
        _exit(1);
    (void)poll(&held, 1, hold_ms);
    _exit(0);
}

/* Skips where nobody may trace. `hold_ms`: -1 until it is told. */
static struct tracer begin_tracer(struct brood_child *child, int hold_ms)
{
    int said[2], held[2];
    char line[2];
    REQUIRE(pipe2(said, O_CLOEXEC) == 0 && pipe2(held, O_CLOEXEC) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        (void)close(held[1]);
        (void)close(brood_child_stream(child, BROOD_IN)); /* our own must be the last one */
        trace(brood_child_pid(child), said[1], held[0], hold_ms);
    }
    (void)close(said[1]);
    (void)close(held[0]);
    ssize_t length = lab_read_line(said[0], line, sizeof line, KIT_BOUND_MS);
    (void)close(said[0]);
    if (length < 0) {
        (void)close(held[1]);
        brood_child_free(child);
        CHECK_CHILD(pid, NO_TRACING);
        SKIP("tracing is not allowed here");
    }
    return (struct tracer){.pid = pid, .hold_fd = held[1]};
}

static void end_tracer(const struct tracer *tracer)
{
    CHECK_INT(close(tracer->hold_fd), 0);
    CHECK_CHILD(tracer->pid, 0);
}

/* Ends with CODE when its input does, which it has not yet. */
static struct brood_child *start_child(void)
{
    return START(.argv = WORDS("/bin/sh", "-c", "read line; exit 5"), .in = A_PIPE);
}

static void let_it_end(struct brood_child *child)
{
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(lab_wait_gone(brood_child_pid(child), KIT_BOUND_MS), 0);
    CHECK_INT(lab_process_state(brood_child_pid(child)), 'Z');
}

TEST(a_look_at_it_is_only_a_look)
{
    struct brood_child *child = start_child();
    struct tracer tracer = begin_tracer(child, -1);
    struct brood_exit end;
    let_it_end(child);
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_wait(child, 0, &end), -ETIMEDOUT);
    CHECK_INT(brood_child_wait(child, SHORT_MS, &end), -ETIMEDOUT);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took >= SHORT_MS - 1 && took < SOON_MS, "took %d ms", (int)took);
    CHECK_INT(brood_child_signal(child, SIGTERM), -ESRCH);
    end_tracer(&tracer);
    CHECK_EXITED(END_OF(child), CODE);
    brood_child_free(child);
}

TEST(a_wait_goes_on_until_the_tracer_lets_go)
{
    struct brood_child *child = start_child();
    struct tracer tracer = begin_tracer(child, SHORT_MS);
    let_it_end(child);
    CHECK_EXITED(END_OF(child), CODE);
    brood_child_free(child);
    end_tracer(&tracer);
}

TEST(free_waits_until_the_tracer_lets_go)
{
    struct brood_child *child = start_child();
    struct tracer tracer = begin_tracer(child, SHORT_MS);
    pid_t pid = brood_child_pid(child);
    let_it_end(child);
    brood_child_free(child);
    CHECK_INT(lab_process_state(pid), 0);
    end_tracer(&tracer);
}

/* The tracer stays longer than free does: a later start reaps it. Ten seconds by themselves. */
TEST_TIMEOUT(what_free_leaves_is_reaped_by_a_later_start, 60)
{
    struct brood_child *child = start_child();
    struct tracer tracer = begin_tracer(child, -1);
    pid_t pid = brood_child_pid(child);
    let_it_end(child);
    brood_child_free(child);
    CHECK_INT(lab_process_state(pid), 'Z');
    end_tracer(&tracer);
    CHECK_INT(audit_children(), 1);
    child = START(.argv = TARGET("exit", "0"));
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
    CHECK_INT(lab_process_state(pid), 0);
    CHECK_INT(audit_children(), 0);
}
