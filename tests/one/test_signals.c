/* SPDX-License-Identifier: MIT */
/*
 * What a child is started with as to signals, whatever its parent does with them; and the parent
 * afterwards.
 *
 * Room tests. Invariant: the child tells it itself; nothing is concluded from its behaviour.
 */
#include "facts.h"
#include "kit.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(number) (UINT64_C(1) << ((number)-1))

struct told {
    uint64_t blocked, ignored, caught;
};

/* The child's own words, by a program that asks the kernel and does not need /proc. */
static struct told tell(const struct brood_options *asked)
{
    char text[128];
    struct told told = {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)};
    struct brood_options options = *asked;
    options.argv = ODD("signals");
    options.out = (struct brood_stream)A_PIPE;
    struct brood_child *child = kit_start(&options, __FILE__, __LINE__);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), text, sizeof text, KIT_BOUND_MS) > 0);
    CHECK_INT(sscanf(text, "blocked %" SCNx64 " ignored %" SCNx64 " caught %" SCNx64, &told.blocked,
                     &told.ignored, &told.caught),
              3);
    CHECK_STOLEN(END_OF(child), 0); /* a test may ignore SIGCHLD */
    brood_child_free(child);
    return told;
}

static void nothing(int number)
{
    (void)number;
}

/* The worst parent: everything blocked, some ignored, some caught. Undone by calm_parent(). */
static const int ignored_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGCHLD, SIGTTOU};
static const int caught_signals[] = {SIGTERM, SIGUSR1, SIGALRM};

static uint64_t ignored_bits(void)
{
    uint64_t bits = BIT(SIGRTMIN + 3) | BIT(SIGRTMAX);
    for (size_t i = 0; i < sizeof ignored_signals / sizeof *ignored_signals; i++)
        bits |= BIT(ignored_signals[i]);
    return bits;
}

static void set_parent(void (*ignored)(int), void (*caught)(int), int how)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(how, &all, NULL);
    for (size_t i = 0; i < sizeof ignored_signals / sizeof *ignored_signals; i++)
        (void)signal(ignored_signals[i], ignored);
    (void)signal(SIGRTMIN + 3, ignored);
    (void)signal(SIGRTMAX, ignored);
    for (size_t i = 0; i < sizeof caught_signals / sizeof *caught_signals; i++) {
        struct sigaction action = {.sa_handler = caught};
        (void)sigaction(caught_signals[i], &action, NULL);
    }
}

static void worst_parent(void)
{
    set_parent(SIG_IGN, nothing, SIG_BLOCK);
}

static void calm_parent(void)
{
    set_parent(SIG_DFL, SIG_DFL, SIG_UNBLOCK);
}

TEST(a_child_starts_with_defaults)
{
    struct told told = tell(BROOD_OPTIONS());
    CHECK_INT(told.blocked, 0);
    CHECK_INT(told.ignored, 0);
    CHECK_INT(told.caught, 0);
}

TEST(a_child_starts_with_defaults_under_the_worst_parent)
{
    worst_parent();
    struct told told = tell(BROOD_OPTIONS());
    calm_parent();
    CHECK_INT(told.blocked, 0);
    CHECK_INT(told.ignored, 0);
    CHECK_INT(told.caught, 0);
}

TEST(ignored_signals_are_kept_when_asked)
{
    worst_parent();
    struct told told = tell(BROOD_OPTIONS(.signals = BROOD_KEEP_IGNORED));
    calm_parent();
    CHECK_INT(told.blocked, 0);
    CHECK_INT(told.ignored, ignored_bits());
    CHECK_INT(told.caught, 0);
}

TEST(the_mask_is_kept_when_asked)
{
    sigset_t some, before;
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGUSR2);
    (void)sigaddset(&some, SIGRTMIN + 5);
    (void)pthread_sigmask(SIG_BLOCK, &some, &before);
    struct told told = tell(BROOD_OPTIONS(.signals = BROOD_KEEP_MASK));
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK_INT(told.blocked, BIT(SIGUSR2) | BIT(SIGRTMIN + 5));
    CHECK_INT(told.ignored, 0);
}

TEST(both_are_kept_when_asked)
{
    worst_parent();
    struct told told = tell(BROOD_OPTIONS(.signals = BROOD_KEEP_MASK | BROOD_KEEP_IGNORED));
    calm_parent();
    CHECK(told.blocked & BIT(SIGTERM));
    CHECK(told.blocked & BIT(SIGRTMAX));
    CHECK_INT(told.ignored, ignored_bits());
}

TEST(signals_are_ignored_when_asked)
{
    uint64_t some = BIT(SIGHUP) | BIT(SIGPIPE) | BIT(SIGRTMIN + 7);
    struct told told = tell(BROOD_OPTIONS(.ignore_signals = some));
    CHECK_INT(told.ignored, some);
    worst_parent();
    told = tell(BROOD_OPTIONS(.ignore_signals = some));
    CHECK_INT(told.ignored, some);
    told = tell(BROOD_OPTIONS(.ignore_signals = some, .signals = BROOD_KEEP_IGNORED));
    calm_parent();
    CHECK_INT(told.ignored, some | ignored_bits());
    CHECK_INT(told.caught, 0);
}

/* It has handlers of its own there, and does not give them back. */
static bool is_the_sanitizers(int number)
{
    return (TEST_UNDER_ASAN || TEST_UNDER_TSAN) &&
           (number == SIGSEGV || number == SIGBUS || number == SIGFPE);
}

/* Every signal that can be ignored, one at a time: none is forgotten in either direction. */
TEST(each_signal_is_reset_and_each_can_be_ignored)
{
    for (int number = 1; number <= 64; number++) {
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
        if (number == SIGKILL || number == SIGSTOP || is_the_sanitizers(number) ||
            sigaction(number, &ignore, &before) < 0)
            continue;
        struct told told = tell(BROOD_OPTIONS());
        CHECK_SAY(told.ignored == 0, "signal %d stays ignored", number);
        (void)sigaction(number, &before, NULL);
        told = tell(BROOD_OPTIONS(.ignore_signals = BIT(number)));
        CHECK_SAY(told.ignored == BIT(number), "signal %d is asked for", number);
    }
}

static void fail_and_succeed(const struct audit *before)
{
    char why[1024];
    struct brood_child *child = NULL;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such/program")), &child, NULL), -ENOENT);
    CHECK_SAY(audit_compare(before, why, sizeof why) == 0, "after a failed start: %s", why);
    CHECK_INT(
        brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .cwd = "/no/such"), &child, NULL),
        -ENOENT);
    CHECK_SAY(audit_compare(before, why, sizeof why) == 0, "after a failed step: %s", why);
    child = START(.argv = TARGET("exit", "0"), .start_timeout_ms = KIT_BOUND_MS);
    (void)END_OF(child);
    brood_child_free(child);
    CHECK_SAY(audit_compare(before, why, sizeof why) == 0, "after a start: %s", why);
}

TEST(the_parents_mask_and_dispositions_stay)
{
    static struct audit before;
    worst_parent();
    audit_take(&before);
    fail_and_succeed(&before);
    calm_parent();
    audit_take(&before);
    fail_and_succeed(&before);
}

/* SIGPIPE at its default: the writer ends when its reader has gone. */
TEST(a_pipeline_ends_when_its_reader_ends)
{
    (void)signal(SIGPIPE, SIG_IGN);
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "yes | head -n 1"), .out = A_MEMORY,
        .err = A_MEMORY);
    (void)signal(SIGPIPE, SIG_DFL);
    CHECK_STR(result.out, "y\n");
    CHECK_INT(result.err_length, 0); /* an ignored SIGPIPE makes yes complain of EPIPE */
    brood_result_clear(&result);
}

static void hide_proc(void)
{
    REQUIRE(lab_own_mounts() == 0);
    REQUIRE(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
    REQUIRE(access("/proc/self", F_OK) < 0);
}

TEST(without_proc_too_everything_is_reset)
{
    if (!kit_is_admin())
        SKIP("hiding /proc needs root");
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        char text[128];
        struct brood_child *child = NULL;
        hide_proc();
        worst_parent();
        int result =
            brood_start(BROOD_OPTIONS(.argv = ODD("signals"), .out = A_PIPE), &child, NULL);
        calm_parent();
        if (!facts_hide_by_one_call()) { /* better no child than one that has what it should not */
            CHECK_INT(result, -ENOENT);
            _exit(0);
        }
        REQUIRE(result == 0);
        CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), text, sizeof text, KIT_BOUND_MS) >
              0);
        CHECK_STR(text, "blocked 0 ignored 0 caught 0");
        brood_child_free(child);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}
