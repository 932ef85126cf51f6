/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a child and the record of its end: bounds, codes, signals, usage, times.
 *
 * Room tests. Invariant: what is expected is the kernel's own meaning of an exit, not this
 * library's.
 */
#include "facts.h"
#include "kit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(a_wait_keeps_its_bound)
{
    struct brood_exit end = {.kind = 99};
    struct brood_child *child = START(.argv = TARGET("sleep"));
    CHECK_INT(brood_child_wait(child, 0, &end), -ETIMEDOUT);
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_wait(child, 100, &end), -ETIMEDOUT);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took >= 99 && took < 5000, "%d ms", (int)took);
    CHECK_INT(end.kind, 99); /* written on success only */
    CHECK_INT(brood_child_signal(child, SIGKILL), 0);
    CHECK_INT(brood_child_wait(child, BROOD_FOREVER, &end), 0);
    CHECK_KILLED(end, SIGKILL);
    brood_child_free(child);
}

TEST(a_wait_may_be_repeated)
{
    struct brood_child *child = START(.argv = TARGET("exit", "42"));
    struct brood_exit first = END_OF(child), second;
    static const int64_t timeouts[] = {0, 1, BROOD_FOREVER};
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        CHECK_INT(brood_child_wait(child, timeouts[i], &second), 0);
        CHECK_MEM(&second, &first, sizeof first);
    }
    CHECK_INT(brood_child_wait(child, 0, NULL), 0);
    brood_child_free(child);
}

TEST(every_exit_code_comes_through)
{
    for (int code = 0; code <= 255; code++) {
        char word[8];
        (void)snprintf(word, sizeof word, "%d", code);
        struct brood_child *child = START(.argv = TARGET("exit", word));
        struct brood_exit end = END_OF(child);
        CHECK_EXITED(end, code);
        CHECK_INT(end.wait_status, code << 8);
        CHECK_INT(end.cause, BROOD_CAUSE_OWN);
        CHECK_INT(brood_exit_code(&end), code);
        brood_child_free(child);
    }
}

static bool ends_a_process(int number)
{
    static const int others[] = {SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
                                 SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] == number)
            return false;
    return true;
}

/* A stop, or a signal that does nothing, is not an end. */
static void try_signal(int number)
{
    struct brood_child *child = START(.argv = TARGET("sleep"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_signal(child, number), 0);
    if (!ends_a_process(number)) {
        CHECK_SAY(brood_child_wait(child, 10, NULL) == -ETIMEDOUT, "signal %d", number);
        CHECK_INT(brood_child_signal(child, SIGKILL), 0);
        number = SIGKILL;
    }
    struct brood_exit end = END_OF(child);
    CHECK_KILLED(end, number);
    CHECK_INT(end.wait_status, number);
    CHECK_INT(end.flags & BROOD_EXIT_CORE, 0);
    CHECK_INT(brood_exit_code(&end), 128 + number);
    brood_child_free(child);
}

TEST_TIMEOUT(every_signal_comes_through, 40)
{
    for (int number = 1; number <= 64; number++)
        try_signal(number);
}

TEST(a_core_is_told)
{
    char pattern[8] = "", path[PATH_MAX];
    const struct brood_rlimit cores = {.resource = RLIMIT_CORE, .soft = 1 << 20, .hard = 1 << 20};
    struct rlimit now;
    bool to_file =
        lab_read_file(lab_proc("sys/kernel/core_pattern"), pattern, sizeof pattern) > 0 &&
        pattern[0] != '|' && pattern[0] != '@';
    bool allowed = getrlimit(RLIMIT_CORE, &now) == 0 && (geteuid() == 0 || now.rlim_max >= 1 << 20);
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .out = A_PIPE, .cwd = lab_directory(),
              .rlimits = allowed ? &cores : NULL, .rlimit_count = allowed);
    (void)READY(child);
    CHECK_INT(brood_child_signal(child, SIGQUIT), 0);
    struct brood_exit end = END_OF(child);
    CHECK_KILLED(end, SIGQUIT);
    if (to_file && allowed) {
        CHECK_INT(end.flags & BROOD_EXIT_CORE, BROOD_EXIT_CORE);
        CHECK(WCOREDUMP(end.wait_status));
    } else {
        CHECK_INT(!!(end.flags & BROOD_EXIT_CORE), WCOREDUMP(end.wait_status) != 0);
    }
    CHECK_HAS(brood_exit_text(&end, path, sizeof path), "SIGQUIT");
    brood_child_free(child);
}

/* ------------------------------------------------------------------ several at once */

struct waiter {
    pthread_t thread;
    struct brood_child *child;
    int64_t timeout_ms;
    int result;
    struct brood_exit end;
};

static void *wait_for_it(void *argument)
{
    struct waiter *waiter = argument;
    waiter->result = brood_child_wait(waiter->child, waiter->timeout_ms, &waiter->end);
    return NULL;
}

TEST(threads_that_wait_at_once_get_one_answer)
{
    enum { WAITERS = 6 };
    struct waiter waiters[WAITERS];
    struct brood_child *child = START(.argv = TARGET("read", "1"), .in = A_PIPE, .out = A_PIPE);
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] =
            (struct waiter){.child = child, .timeout_ms = i % 2 ? BROOD_FOREVER : KIT_BOUND_MS};
        REQUIRE(pthread_create(&waiters[i].thread, NULL, wait_for_it, &waiters[i]) == 0);
    }
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0); /* it exits with 1 */
    for (int i = 0; i < WAITERS; i++) {
        CHECK_INT(pthread_join(waiters[i].thread, NULL), 0);
        CHECK_INT(waiters[i].result, 0);
        CHECK_EXITED(waiters[i].end, 1);
        CHECK_MEM(&waiters[i].end, &waiters[0].end, sizeof waiters[i].end);
    }
    brood_child_free(child);
}

/* The pidfd is an event for any loop, before and after the child has been waited for. */
TEST(the_pidfd_is_readable_once_it_has_ended)
{
    if (!facts_have_pidfds())
        SKIP("there are no pidfds here");
    struct brood_child *child = START(.argv = TARGET("read", "1"), .in = A_PIPE);
    struct pollfd event = {.fd = brood_child_pidfd(child), .events = POLLIN};
    CHECK_INT(poll(&event, 1, 0), 0);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(poll(&event, 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_wait(child, 0, NULL), 0);
    CHECK_INT(poll(&event, 1, 0), 1);
    brood_child_free(child);
}

/* ------------------------------------------------------------------ usage and times */

TEST(processor_time_is_counted)
{
    struct brood_child *child = START(.argv = TARGET("burn", "200"));
    struct brood_exit end = END_OF(child);
    CHECK_INT(end.flags & BROOD_EXIT_HAS_USAGE, BROOD_EXIT_HAS_USAGE);
    CHECK_SAY(end.user_us + end.system_us >= 150000, "%d us", (int)end.user_us);
    CHECK_SAY(end.user_us > 0 && end.user_us < 20000000, "%d us", (int)end.user_us);
    CHECK_SAY(end.max_rss_bytes >= 4096 && end.max_rss_bytes < UINT64_C(1) << 32, "%llu bytes",
              (unsigned long long)end.max_rss_bytes);
    brood_child_free(child);
}

TEST(processor_time_of_its_children_is_counted)
{
    char script[PATH_MAX + 32];
    (void)snprintf(script, sizeof script, "'%s' burn 200; :", kit_target);
    struct brood_child *child = START(.argv = WORDS("/bin/sh", "-c", script));
    struct brood_exit end = END_OF(child);
    CHECK_SAY(end.user_us + end.system_us >= 150000, "%d us", (int)end.user_us);
    brood_child_free(child);
}

TEST(times_are_in_order)
{
    uint64_t before = kit_now_ns();
    struct brood_child *child = START(.argv = TARGET("sleep", "50"));
    uint64_t started = kit_now_ns();
    struct brood_exit end = END_OF(child);
    uint64_t after = kit_now_ns();
    CHECK(before <= end.started_ns && end.started_ns <= started);
    CHECK(end.started_ns <= end.ended_ns && end.ended_ns <= after);
    CHECK(end.ended_ns - end.started_ns >= 40 * UINT64_C(1000000));
    brood_child_free(child);
}
