/* SPDX-License-Identifier: MIT */
/*
 * Starts under a storm of signals: no handler of the parent runs in a child that still shares its
 * memory, and no call is cut short by a handler without SA_RESTART.
 *
 * Room tests. Invariant: the storm is seen to have happened, or the test fails.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    STARTS = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 200 : 2000,
    PAUSE_NS = 50000,
    TIMER_US = 1000,
    LEAST_SEEN = 100
};

static pid_t own_pid;
static atomic_long handled, strangers;

/* By the raw call: what matters is the process that the kernel runs us in. */
static void on_signal(int number)
{
    (void)number;
    if (syscall(SYS_getpid) == own_pid)
        atomic_fetch_add(&handled, 1);
    else
        atomic_fetch_add(&strangers, 1);
}

static void catch_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART */
    REQUIRE(sigaction(number, &action, NULL) == 0);
}

/* SIGWINCH: by default it does nothing to the children, which are of the group too. */
static pid_t begin_group_storm(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid > 0)
        return pid;
    (void)signal(SIGWINCH, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (getppid() == parent) {
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        (void)kill(0, SIGWINCH);
        (void)nanosleep(&pause, NULL);
    }
    _exit(0);
}

static void start_good(void)
{
    struct brood_child *child = START(.argv = TARGET("exit", "9"));
    CHECK_EXITED(END_OF(child), 9);
    brood_child_free(child);
}

static void start_bad(void)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such/program")), &child, &error),
              -ENOENT);
    CHECK_INT(error.stage, BROOD_STAGE_EXEC);
}

static void check_storm(void)
{
    CHECK_INT(atomic_load(&strangers), 0);
    CHECK_SAY(atomic_load(&handled) >= LEAST_SEEN, "%ld signals", atomic_load(&handled));
    NOTE("%ld signals handled during %d starts", atomic_load(&handled), (int)STARTS);
}

TEST_TIMEOUT(no_handler_of_the_parent_runs_in_a_child, 90)
{
    own_pid = getpid();
    catch_signal(SIGWINCH, on_signal);
    pid_t storm = begin_group_storm();
    for (int i = 0; i < STARTS; i++)
        start_good();
    (void)kill(storm, SIGKILL);
    pid_t reaped;
    do {
        reaped = waitpid(storm, NULL, 0);
    } while (reaped < 0 && errno == EINTR);
    REQUIRE(reaped == storm);
    catch_signal(SIGWINCH, SIG_DFL);
    check_storm();
}

static void under_timer(unsigned timer, int number)
{
    const struct itimerval often = {{0, TIMER_US}, {0, TIMER_US}}, never = {{0, 0}, {0, 0}};
    own_pid = getpid();
    catch_signal(number, on_signal);
    REQUIRE(setitimer(timer, &often, NULL) == 0);
    for (int i = 0; i < STARTS / 4; i++) {
        start_good();
        start_bad();
    }
    REQUIRE(setitimer(timer, &never, NULL) == 0);
    catch_signal(number, SIG_DFL);
    CHECK_INT(atomic_load(&strangers), 0);
    NOTE("%ld signals handled during %d starts", atomic_load(&handled), STARTS / 2);
}

TEST_TIMEOUT(a_timer_that_interrupts_every_millisecond, 90)
{
    under_timer(ITIMER_REAL, SIGALRM);
    CHECK(atomic_load(&handled) >= STARTS / 20);
}

/* As a profiler does it. Processor time is little here, so is the number of signals. */
TEST_TIMEOUT(a_profiler_that_interrupts_every_millisecond, 90)
{
    under_timer(ITIMER_PROF, SIGPROF);
    CHECK(atomic_load(&handled) > 0);
}

/* The same while a start, a read, a write and a wait have something to wait for. */
TEST_TIMEOUT(interrupted_waits_go_on, 30)
{
    const struct itimerval often = {{0, TIMER_US}, {0, TIMER_US}}, never = {{0, 0}, {0, 0}};
    char byte;
    catch_signal(SIGALRM, on_signal);
    own_pid = getpid();
    REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
    struct brood_child *child =
        START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE, .start_timeout_ms = KIT_BOUND_MS);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, 200), -ETIMEDOUT);
    CHECK_INT(brood_child_wait(child, 200, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_write(child, "x", 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
    struct brood_result result;
    RUN(&result, .argv = TARGET("ignore-term"), .out = A_MEMORY, .timeout_ms = 200,
        .grace_ms = 100);
    CHECK_KILLED(result.exit, SIGKILL);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    brood_result_clear(&result);
    REQUIRE(setitimer(ITIMER_REAL, &never, NULL) == 0);
    catch_signal(SIGALRM, SIG_DFL);
    CHECK(atomic_load(&handled) > 0);
}
