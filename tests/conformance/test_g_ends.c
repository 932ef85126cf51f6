/* SPDX-License-Identifier: MIT */
/*
 * Ends that are missed, misread or miscounted: too quick, without the first thread, by a stop, with
 * a code that looks like a signal's.
 *
 * Room tests. Invariant: what is right is told by the kernel beside: a twin forked by the test
 * itself, /proc, the test's own usage.
 */
#include "kit.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOW = TEST_UNDER_ASAN || TEST_UNDER_TSAN };

/* ------------------------------------------------------------------ G01 */

/* What an event loop does, later than the end. Edge-triggered: the edge was before it looked. */
static void check_is_an_event(struct brood_child *child)
{
    int pidfd = brood_child_pidfd(child), loop = epoll_create1(EPOLL_CLOEXEC);
    if (pidfd >= 0) {
        struct epoll_event wanted = {.events = EPOLLIN | EPOLLET}, got;
        CHECK_INT(epoll_ctl(loop, EPOLL_CTL_ADD, pidfd, &wanted), 0);
        CHECK_INT(epoll_wait(loop, &got, 1, 0), 1);
    } else {
        CHECK_INT(pidfd, -ENOTSUP);
    }
    (void)close(loop);
}

/* One processor: the child may run to its end before the start goes on. */
TEST_TIMEOUT(g01_exit_before_registration, 60)
{
    enum { TIMES = SLOW ? 200 : 1500, MISUSED = 64 };
    cpu_set_t before, one;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    for (int i = 0; i < TIMES; i++) {
        struct brood_exit end;
        struct brood_child *child = START(.argv = ODD("no-such-verb"));
        if (i % 4 == 0) { /* surely over before anybody looks */
            CHECK_INT(lab_wait_gone(brood_child_pid(child), KIT_BOUND_MS), 0);
            check_is_an_event(child);
            CHECK_INT(brood_child_wait(child, 0, &end), 0);
        } else {
            end = END_OF(child);
        }
        CHECK_EXITED(end, MISUSED);
        brood_child_free(child);
    }
    CHECK_INT(sched_setaffinity(0, sizeof before, &before), 0);
}

/* ------------------------------------------------------------------ G02 */

/* What the kernel says to a parent that asks it directly. */
static int status_of_twin(char *const *argv, const char *directory, bool with_core)
{
    int status = -1;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        const struct rlimit core = {1 << 20, 1 << 20};
        if (chdir(directory) < 0 || (with_core && setrlimit(RLIMIT_CORE, &core) < 0))
            _exit(126);
        (void)execv(argv[0], argv);
        _exit(127);
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    return status;
}

static void check_decoded(const struct brood_exit *end, int status)
{
    CHECK_INT(end->wait_status, status);
    CHECK_INT(end->kind, WIFSIGNALED(status) ? BROOD_SIGNALLED : BROOD_EXITED);
    CHECK_INT(end->code, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    CHECK_INT(brood_exit_code(end),
              WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    CHECK_INT(!!(end->flags & BROOD_EXIT_CORE), WIFSIGNALED(status) && WCOREDUMP(status));
}

static void ends_like_its_twin(char *const *argv)
{
    struct brood_result result;
    int status = status_of_twin(argv, "/", false);
    RUN(&result, .argv = argv, .cwd = "/");
    check_decoded(&result.exit, status);
    brood_result_clear(&result);
}

static bool ends_by_default(int number)
{
    static const int others[] = {SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
                                 SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i] == number)
            return false;
    return true;
}

static void every_end_is_decoded(void)
{
    /* Those above 128 are what a shell makes of signals. */
    static const char *const codes[] = {"0", "1", "9", "126", "127", "128", "137", "143", "255"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        ends_like_its_twin(TARGET("exit", codes[i]));
    for (int number = 1; number <= 64; number++) {
        char script[24]; /* by the shell's own kill: libc's raise() leaves two signals out */
        (void)snprintf(script, sizeof script, "kill -%d $$", number);
        if (ends_by_default(number))
            ends_like_its_twin(WORDS("/bin/sh", "-c", script));
    }
}

static void a_core_is_told(void)
{
    struct rlimit now;
    const struct brood_rlimit core = {.resource = RLIMIT_CORE, .soft = 1 << 20, .hard = 1 << 20};
    if (geteuid() != 0 && (getrlimit(RLIMIT_CORE, &now) < 0 || now.rlim_max < 1 << 20))
        return;
    char *const *argv = WORDS("/bin/sh", "-c", "kill -QUIT $$");
    int status = status_of_twin(argv, lab_directory(), true);
    struct brood_result result;
    RUN(&result, .argv = argv, .cwd = lab_directory(), .rlimits = &core, .rlimit_count = 1);
    check_decoded(&result.exit, status);
    NOTE("%s a core", WCOREDUMP(status) ? "with" : "without");
    brood_result_clear(&result);
}

/* A stop and a continuation change the state, and are no ends. A group of its own: in an orphaned
 * one the kernel drops the terminal's stop signals. */
static void a_stop_is_no_end(int number)
{
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .out = A_PIPE, .flags = BROOD_NEW_GROUP);
    (void)READY(child);
    CHECK_INT(brood_child_signal(child, number), 0);
    CHECK(kit_in_state(brood_child_pid(child), "T"));
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_signal(child, SIGCONT), 0);
    CHECK(kit_in_state(brood_child_pid(child), "S"));
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_signal(child, SIGTERM), 0);
    struct brood_exit end = END_OF(child);
    check_decoded(&end, SIGTERM);
    brood_child_free(child);
}

TEST_TIMEOUT(g02_decoding, 60)
{
    every_end_is_decoded();
    a_core_is_told();
    a_stop_is_no_end(SIGSTOP);
    a_stop_is_no_end(SIGTTIN);
}

/* ------------------------------------------------------------------ G03 */

struct waiter {
    struct brood_child *child;
    struct brood_exit end;
    int result;
    long switches, processor_us;
};

static void *wait_for_it(void *argument)
{
    struct waiter *waiter = argument;
    struct rusage usage;
    waiter->result = brood_child_wait(waiter->child, KIT_BOUND_MS, &waiter->end);
    (void)getrusage(RUSAGE_THREAD, &usage);
    waiter->switches = usage.ru_nvcsw;
    waiter->processor_us = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    return NULL;
}

/* The wait began while the first thread was a zombie already, and ended with the last one. */
TEST(g03_leader_thread_gone)
{
    enum { LOOKS = 200, FEW_SWITCHES = 100 };
    struct waiter waiter = {
        .child = START(.argv = ODD("leader-gone", "6"), .in = A_PIPE, .out = A_PIPE)};
    pthread_t thread;
    (void)READY(waiter.child);
    CHECK(kit_in_state(brood_child_pid(waiter.child), "Z"));
    REQUIRE(pthread_create(&thread, NULL, wait_for_it, &waiter) == 0);
    for (int i = 0; i < LOOKS; i++) {
        CHECK_INT(brood_child_wait(waiter.child, 1, NULL), -ETIMEDOUT);
        CHECK_INT(brood_child_signal(waiter.child, 0), 0);
    }
    CHECK_INT(brood_child_close_stream(waiter.child, BROOD_IN), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(waiter.result, 0);
    CHECK_EXITED(waiter.end, 6);
    CHECK_SAY(waiter.processor_us < 50000, "the wait used %ld us", waiter.processor_us);
    if (brood_child_pidfd(waiter.child) >= 0) /* else it has to look now and then */
        CHECK_SAY(waiter.switches < FEW_SWITCHES, "the wait woke %ld times", waiter.switches);
    brood_child_free(waiter.child);
}

/* ------------------------------------------------------------------ G04 */

/* The kernel gives the thread that execs the number of the first one, which ends. */
TEST(g04_exec_from_another_thread)
{
    char pid[16], line[16] = "";
    struct brood_child *child =
        START(.argv = ODD("thread-exec", "/bin/sh", "-c", "echo $$; read line; exit 12"),
              .in = A_PIPE, .out = A_PIPE);
    (void)snprintf(pid, sizeof pid, "%d", (int)brood_child_pid(child));
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) > 0);
    CHECK_STR(line, pid);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_write(child, "\n", 1, KIT_BOUND_MS), 1);
    CHECK_EXITED(END_OF(child), 12);
    brood_child_free(child);
}

/* ------------------------------------------------------------------ G05 */

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static int64_t used_by_children(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

static void check_usage(const struct brood_exit *end, int64_t before)
{
    enum { BURNT_US = 100000, ROUNDING_US = 100 };
    int64_t told = (int64_t)(end->user_us + end->system_us), counted = used_by_children() - before;
    CHECK_INT(end->flags & BROOD_EXIT_HAS_USAGE, BROOD_EXIT_HAS_USAGE);
    CHECK_SAY(told >= BURNT_US && llabs(told - counted) <= ROUNDING_US,
              "told %lld us, the kernel counted %lld", (long long)told, (long long)counted);
    CHECK(end->max_rss_bytes >= 4096);
}

TEST(g05_usage)
{
    brood_child_free(START(.argv = TARGET("exit", "0"))); /* what the first start tries, is used */
    int64_t before = used_by_children();
    struct brood_child *child = START(.argv = TARGET("burn", "110"));
    struct brood_exit end = END_OF(child);
    check_usage(&end, before);
    brood_child_free(child);

    before = used_by_children();
    struct brood_result result;
    RUN(&result, .argv = TARGET("burn", "110"), .out = A_MEMORY);
    check_usage(&result.exit, before);
    brood_result_clear(&result);

    child = START(.argv = TARGET("burn", "20")); /* taken with the status: then none is told */
    CHECK_INT(waitpid(brood_child_pid(child), NULL, 0), brood_child_pid(child));
    end = END_OF(child);
    CHECK_INT(end.flags & BROOD_EXIT_HAS_USAGE, 0);
    CHECK_INT(end.user_us + end.system_us + end.max_rss_bytes, 0);
    brood_child_free(child);
}
