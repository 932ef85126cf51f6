/* SPDX-License-Identifier: MIT */
/*
 * Signal state that a child would have from its parent, and what comes of it: a child deaf to
 * SIGTERM, a writer that nobody stops, a command that loses its nohup.
 *
 * Room tests. Invariant: the symptom itself is looked for, by signals that reach the child or do
 * not.
 */
#include "kit.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST_REALTIME = 32, LAST_REALTIME = 64, SIGSET_BYTES = 8 };

/* ------------------------------------------------------------------ the raw calls: libc keeps two
 * real-time signals to itself */

static uint64_t mask_raw(int how, uint64_t mask)
{
    uint64_t before = 0;
    (void)syscall(SYS_rt_sigprocmask, how, &mask, &before, SIGSET_BYTES);
    return before;
}

struct raw_action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static void dispose_raw(int number, const struct raw_action *action, struct raw_action *before)
{
    REQUIRE(syscall(SYS_rt_sigaction, number, action, before, SIGSET_BYTES) == 0);
}

/* It reads and answers, so a signal that was sent before is known to have done nothing. */
static void check_answers(struct brood_child *child, const char *after)
{
    char line[8] = "";
    CHECK_INT(brood_child_write(child, "still\n", 6, KIT_BOUND_MS), 6);
    (void)lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS);
    CHECK_SAY(strcmp(line, "still") == 0, "no answer after %s", after);
}

/* ------------------------------------------------------------------ E01 */

/* The thread that starts has blocked all there is, and has one of it waiting. */
static void *start_from_a_deaf_thread(void *options)
{
    struct brood_child *child = NULL;
    uint64_t before = mask_raw(SIG_SETMASK, ~UINT64_C(0));
    (void)raise(SIGUSR1);
    int result = brood_start(options, &child, NULL);
    sigset_t one;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGUSR1);
    CHECK_INT(sigwaitinfo(&one, NULL), SIGUSR1); /* still the thread's own */
    (void)mask_raw(SIG_SETMASK, before);
    CHECK_INT(result, 0);
    return child;
}

static struct brood_child *started_by_a_deaf_thread(struct brood_options *options)
{
    pthread_t thread;
    void *child = NULL;
    REQUIRE(pthread_create(&thread, NULL, start_from_a_deaf_thread, options) == 0);
    REQUIRE(pthread_join(thread, &child) == 0);
    REQUIRE(child != NULL);
    return child;
}

TEST(e01_blocked_mask)
{
    static const int64_t start_timeouts[] = {0, KIT_BOUND_MS};
    for (size_t i = 0; i < 2; i++) {
        struct brood_exit end;
        struct brood_child *child =
            started_by_a_deaf_thread(BROOD_OPTIONS(.argv = TARGET("sleep"), .out = A_PIPE,
                                                   .start_timeout_ms = start_timeouts[i]));
        (void)READY(child);
        CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
        CHECK_KILLED(end, SIGTERM); /* SIGKILL: it was deaf until the grace was over */
        brood_child_free(child);
    }
}

/* ------------------------------------------------------------------ E02 */

TEST(e02_ignored_sigpipe)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as every server does */
    struct brood_child *child = START(.argv = TARGET("flood", "100000000"), .out = A_PIPE);
    char byte;
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_close_stream(child, BROOD_OUT), 0);
    CHECK_KILLED(END_OF(child), SIGPIPE);
    brood_child_free(child);
    CHECK(signal(SIGPIPE, SIG_DFL) == SIG_IGN); /* the caller's own stays */
}

/* ------------------------------------------------------------------ E03 */

/* What nohup and a shell's `&` set, for a command that must have it from its starter. */
static const int kept[] = {SIGHUP, SIGINT, SIGQUIT};
enum { KEPT = sizeof kept / sizeof kept[0] };

static void set_kept(void (*handler)(int))
{
    for (size_t i = 0; i < KEPT; i++)
        (void)signal(kept[i], handler);
}

TEST(e03_over_reset)
{
    set_kept(SIG_IGN);
    struct brood_child *child =
        START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE, .signals = BROOD_KEEP_IGNORED);
    for (size_t i = 0; i < KEPT; i++) {
        CHECK_INT(brood_child_signal(child, kept[i]), 0);
        check_answers(child, brood_signal_name(kept[i]));
    }
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);

    for (size_t i = 0; i < KEPT; i++) { /* and only if it was asked for */
        child = START(.argv = TARGET("cat"), .in = A_PIPE);
        CHECK_INT(brood_child_signal(child, kept[i]), 0);
        CHECK_KILLED(END_OF(child), kept[i]);
        brood_child_free(child);
    }
    set_kept(SIG_DFL);
}

/* ------------------------------------------------------------------ E04 */

static uint64_t ignored_by_child(void)
{
    char text[128] = "";
    uint64_t blocked, ignored = ~UINT64_C(0);
    struct brood_child *child = START(.argv = ODD("signals"), .out = A_PIPE);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), text, sizeof text, KIT_BOUND_MS) > 0);
    CHECK_INT(sscanf(text, "blocked %" SCNx64 " ignored %" SCNx64, &blocked, &ignored), 2);
    CHECK_INT(blocked, 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
    return ignored;
}

/* Both of libc's own are among them: a loop that ends at the first refusal would end there. */
TEST(e04_realtime_signals)
{
    const struct raw_action ignore = {.handler = SIG_IGN};
    struct raw_action before[LAST_REALTIME + 1];
    for (int number = FIRST_REALTIME; number <= LAST_REALTIME; number++)
        dispose_raw(number, &ignore, &before[number]);
    CHECK_INT(ignored_by_child(), 0);
    static const int numbers[] = {34, 37, LAST_REALTIME}; /* 34: SIGRTMIN */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct brood_child *child = START(.argv = TARGET("sleep"));
        CHECK_INT(brood_child_signal(child, numbers[i]), 0);
        CHECK_KILLED(END_OF(child), numbers[i]);
        brood_child_free(child);
    }
    for (int number = FIRST_REALTIME; number <= LAST_REALTIME; number++)
        dispose_raw(number, &before[number], NULL);
}
