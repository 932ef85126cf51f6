/* SPDX-License-Identifier: MIT */
/*
 * One test from its fork to its verdict.
 *
 * Invariant: when runner_run returns, the test's process and everything that came from it have
 * ended and are reaped: the runner is a subreaper, so nothing can leave its family unseen.
 */
#include "inside.h"
#include "procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Present only in a program built with the leak sanitizer, or for coverage. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
void __gcov_dump(void) __attribute__((weak));

static volatile sig_atomic_t interrupted_by;
static struct audit before; /* too large for a stack that a test may have made small */

static const int runner_signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};

static void on_signal(int number)
{
    if (number != SIGCHLD)
        interrupted_by = number;
}

int runner_interrupted(void)
{
    return interrupted_by;
}

/* The signals are blocked but in ppoll, so none is missed between a look and a wait. */
static void take_over_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof runner_signals / sizeof *runner_signals; i++) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaddset(&set, runner_signals[i]);
        (void)sigaction(runner_signals[i], &action, NULL);
    }
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Closes what is above the standard streams; one by one where close_range(2) is refused. */
static void close_others(void)
{
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0)
        return;
    DIR *list = opendir(lab_proc("self/fd"));
    const struct dirent *entry;
    while (list && (entry = readdir(list)))
        if (atoi(entry->d_name) > STDERR_FILENO && atoi(entry->d_name) != dirfd(list))
            (void)close(atoi(entry->d_name));
    if (list)
        (void)closedir(list);
}

bool runner_open(void)
{
    void *page =
        mmap(NULL, sizeof *test_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    test_page = page;
    close_others(); /* what the runner was started with is not the tests' to hold */
    /* Under an emulator that lacks the call it is one already. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 && !getenv("HARNESS_REAPER"))
        return false;
    take_over_signals();
    return true;
}

static void restore_signals(void)
{
    sigset_t none;
    for (size_t i = 0; i < sizeof runner_signals / sizeof *runner_signals; i++)
        (void)signal(runner_signals[i], SIG_DFL);
    /* an ignored signal of whoever started the runner; handlers of a sanitizer stay */
    for (int number = 1; number <= AUDIT_SIGNALS; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            (void)signal(number, SIG_DFL);
    }
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The state that every test starts from, whatever started the runner. */
static void settle_test(int output_fd)
{
    int input = open("/dev/null", O_RDONLY);
    if (input < 0 || dup2(input, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0)
        _exit(EXIT_GAVE_UP);
    close_others();
    (void)setsid(); /* a group kill in the test stays in the test */
    struct rlimit no_core = {0};
    (void)getrlimit(RLIMIT_CORE, &no_core);
    no_core.rlim_cur = 0;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)umask(022);
    restore_signals();
}

static void audit_and_say(void)
{
    char why[8192], *rest = NULL;
    ssize_t count = audit_list_children(test_page->named, PAGE_NAMED);
    test_page->named_count = count > PAGE_NAMED ? PAGE_NAMED : count > 0 ? (size_t)count : 0;
    if (audit_compare(&before, why, sizeof why) == 0)
        return;
    for (char *line = strtok_r(why, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        page_fail("audit: %s", line);
}

void test_finish(enum test_state state)
{
    (void)fflush(NULL);
    audit_and_say();
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
        page_fail("memory was leaked (the sanitizer's words are in the output)");
    if (__gcov_dump)
        __gcov_dump();
    atomic_store(&test_page->state, (int)state);
    if (test_page->in_place)
        exit(report_in_place());
    _exit(0);
}

#if TEST_UNDER_TSAN
static void *give_number(void *ret)
{
    *(long *)ret = syscall(SYS_gettid);
    return NULL;
}
#endif

/* The thread sanitizer starts a thread of its own beside the first one of a process, and keeps it:
 * that is to have happened before the first snapshot. */
static void wake_sanitizer(void)
{
#if TEST_UNDER_TSAN
    enum { GONE_MS = 1000 };
    pthread_t thread;
    long number;
    if (pthread_create(&thread, NULL, give_number, &number) != 0)
        return;
    (void)pthread_join(thread, NULL);
    int64_t deadline = lab_now_ms() + GONE_MS; /* joined it may be counted for a moment still */
    while (access(lab_proc("self/task/%ld", number), F_OK) == 0 && lab_now_ms() < deadline)
        continue;
#endif
}

_Noreturn static void run_body(const struct test_case *test)
{
    test_page->test_pid = getpid();
    wake_sanitizer();
    audit_take(&before);
    test->body();
    if (getpid() != test_page->test_pid) {
        page_fail("a forked child returned from the test's body: it must end with _exit");
        _exit(EXIT_GAVE_UP);
    }
    test_finish(TEST_FINISHED);
}

/* Reaps dead orphans while the test runs, as pid 1 would. */
static void reap_orphans(pid_t test_pid)
{
    siginfo_t info = {.si_pid = 0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && info.si_pid > 0 &&
           info.si_pid != test_pid) {
        (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG | __WALL);
        info.si_pid = 0;
    }
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

/* By SIGCHLD, which every kernel has. False: the time is up, or the runner was asked to stop. */
static bool wait_for_test(pid_t pid, unsigned timeout_s)
{
    sigset_t none;
    sigemptyset(&none);
    int64_t deadline = lab_now_ms() + (int64_t)timeout_s * 1000;
    while (!interrupted_by) {
        int64_t left = deadline - lab_now_ms();
        struct timespec bound = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        if (has_ended(pid))
            return true;
        if (left <= 0)
            return false;
        (void)ppoll(NULL, 0, &bound, &none);
        reap_orphans(pid);
    }
    return false;
}

static void say_timed_out(pid_t pid, unsigned timeout_s)
{
    char text[320], where[128] = "";
    if (lab_read_file(lab_proc("%d/wchan", (int)pid), where, sizeof where) <= 0 ||
        !strcmp(where, "0"))
        (void)snprintf(where, sizeof where, "user space, or unknown");
    page_fail("not done within %u s: %s; it was in %s", timeout_s,
              proc_describe(pid, text, sizeof text), where);
}

static void judge_end(const siginfo_t *end)
{
    int state = atomic_load(&test_page->state);
    if (end->si_code != CLD_EXITED)
        page_fail("the test's process was ended by signal %d (%s)", end->si_status,
                  strsignal(end->si_status));
    else if (state == TEST_RUNNING)
        page_fail("the test ended early: its process exited with %d before the body was done",
                  end->si_status);
    else if (state == TEST_FINISHED && atomic_load(&test_page->checks) == 0)
        page_fail("the test checked nothing");
}

static void watch_test(pid_t pid, unsigned timeout_s)
{
    siginfo_t end = {.si_pid = 0};
    bool in_time = wait_for_test(pid, timeout_s);
    if (!in_time && !interrupted_by)
        say_timed_out(pid, timeout_s);
    if (!in_time)
        (void)kill(pid, SIGKILL); /* our own child, not yet reaped */
    if (!in_time && proc_wait_end(pid, END_WAIT_MS) < 0)
        page_fail("the test's process %d cannot be ended", (int)pid);
    else if (waitid(P_PID, (id_t)pid, &end, WEXITED) == 0 && in_time)
        judge_end(&end);
}

static unsigned time_limit(const struct test_case *test, const struct run_options *options)
{
    const char *scale = getenv("HARNESS_TIMEOUT_SCALE");
    unsigned factor = scale ? (unsigned)strtoul(scale, NULL, 10) : 1;
    unsigned limit = options->timeout_s ? options->timeout_s
                     : test->timeout_s  ? test->timeout_s
                                        : (unsigned)TEST_TIMEOUT_DEFAULT_S;
    return limit * (factor > 0 ? factor : 1);
}

static enum verdict verdict_of_page(void)
{
    if (atomic_load(&test_page->failures) > 0 || interrupted_by)
        return VERDICT_FAILED;
    return atomic_load(&test_page->state) == TEST_SKIPPED ? VERDICT_SKIPPED : VERDICT_PASSED;
}

enum verdict runner_run(const struct test_case *test, const struct run_options *options,
                        int *output_fd)
{
    memset(test_page, 0, sizeof *test_page);
    test_page->in_place = options->in_place;
    *output_fd = -1;
    if (options->in_place) {
        restore_signals();
        run_body(test);
    }
    /* a file, so that nothing left behind can hold the runner's own output open */
    int output = memfd_create("output", MFD_CLOEXEC);
    pid_t runner = getpid(), pid = output < 0 ? -1 : fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != runner)
            _exit(EXIT_GAVE_UP);
        settle_test(output);
        run_body(test);
    }
    if (pid < 0)
        page_fail("the test could not be run: %s", strerror(errno));
    else
        watch_test(pid, time_limit(test, options));
    end_leftovers();
    lab_clear(test_page->directory);
    *output_fd = output;
    return verdict_of_page();
}
