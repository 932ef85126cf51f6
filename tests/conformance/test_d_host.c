/* SPDX-License-Identifier: MIT */
/*
 * The caller's program goes on while a process is made from it: its handlers, its locks, its
 * buffers, its hooks, its directory. None of it happens twice, in the wrong process, or not at all.
 *
 * Room tests. Invariant: what must not happen in the new process is counted where both can write.
 */
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FEWER = TEST_UNDER_ASAN || TEST_UNDER_TSAN, STARTS = FEWER ? 40 : 120, HAMMERS = 2 };

static atomic_bool enough;

static void start_good_and_bad(void)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE, .cwd = "/"),
                          &child, &error),
              -ENOENT);
    CHECK_INT(error.stage, BROOD_STAGE_EXEC);
    child = START(.argv = TARGET("exit", "3"), .out = A_PIPE);
    CHECK_EXITED(END_OF(child), 3);
    brood_child_free(child);
}

/* Counters that a process with memory of its own can raise, too. */
static atomic_int *shared_counters(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    return page;
}

/* ------------------------------------------------------------------ handlers */

static atomic_int *handled;
static pid_t own_pid;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&handled[syscall(SYS_getpid) == own_pid ? 0 : 1], 1);
}

/* The signal waits for the new process while that still has the caller's memory and handlers. */
static void signal_before_exec(int number, bool ends_it)
{
    struct held held;
    held_open(&held);
    kit_attempt_begin(&held.attempt, BROOD_OPTIONS(.argv = TARGET("cat"), .in = HELD_IN(&held)));
    pid_t pid = held_wait(getpid());
    CHECK_INT(kill(pid, number), 0);
    held_let_go(&held);
    kit_attempt_end(&held.attempt);
    if (ends_it) {
        CHECK(held.attempt.result < 0);
        CHECK_INT(held.attempt.error.detail, BROOD_DETAIL_KILLED);
        CHECK_INT(held.attempt.error.number, number);
    } else {
        REQUIRE(held.attempt.result == 0);
        CHECK_EXITED(END_OF(held.attempt.child), 0);
    }
    brood_child_free(held.attempt.child);
    CHECK_INT(unlink(held.fifo), 0);
}

TEST(d05_handler_runs_in_the_new_process)
{
    static const int numbers[] = {SIGWINCH, SIGUSR1, SIGSEGV};
    struct sigaction action = {.sa_handler = on_signal};
    own_pid = getpid();
    handled = shared_counters();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        REQUIRE(sigaction(numbers[i], &action, NULL) == 0);
    REQUIRE(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
    signal_before_exec(SIGWINCH, false);
    signal_before_exec(SIGUSR1, true);
    signal_before_exec(SIGSEGV, true);
    signal_before_exec(SIGRTMIN + 3, true);
    CHECK_INT(atomic_load(&handled[1]), 0); /* in another process */
    CHECK_INT(atomic_load(&handled[0]), 0); /* in ours: it was not sent to us */
    CHECK_INT(raise(SIGUSR1), 0);
    CHECK_INT(atomic_load(&handled[0]), 1); /* it does work */
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        REQUIRE(sigaction(numbers[i], &action, NULL) == 0);
    REQUIRE(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
    (void)munmap(handled, 4096);
}

/* ------------------------------------------------------------------ locks */

/* Takes the locks of malloc, of a stream, of the time zone, of the locale, again and again. */
static void *hold_locks(void *stream)
{
    while (!atomic_load(&enough)) {
        time_t now = time(NULL);
        struct tm parts;
        void *memory = malloc(100000); /* from the arena, not a mapping of its own */
        (void)localtime_r(&now, &parts);
        (void)fprintf(stream, "%p %d\n", memory, parts.tm_sec);
        (void)setlocale(LC_ALL, "C");
        free(memory);
    }
    return NULL;
}

/* A lock that was held by another thread is held for ever in the new process: one that takes it
 * hangs, and the test with it. */
TEST_TIMEOUT(d10_locks_held_at_the_fork, 60)
{
    pthread_t threads[HAMMERS];
    FILE *stream = fopen("/dev/null", "we");
    REQUIRE(stream != NULL);
    for (int i = 0; i < HAMMERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, hold_locks, stream) == 0);
    for (int i = 0; i < STARTS; i++)
        start_good_and_bad();
    atomic_store(&enough, true);
    for (int i = 0; i < HAMMERS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(fclose(stream), 0);
}

/* ------------------------------------------------------------------ buffers and hooks */

static int marks_fd;

static void mark_the_end(void)
{
    (void)!write(marks_fd, "end\n", 4);
}

/* What a program has not written yet, and what it does at its end, is its own. */
static _Noreturn void buffer_and_end(const char *path, const char *marks)
{
    char text[64];
    FILE *stream = fopen(path, "we");
    REQUIRE(stream != NULL && atexit(mark_the_end) == 0 && at_quick_exit(mark_the_end) == 0);
    (void)fputs("once\n", stream);
    for (int i = 0; i < 3; i++)
        start_good_and_bad();
    struct brood_child *child = NULL;
    CHECK_INT(
        brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .cwd = "/no/such"), &child, NULL),
        -ENOENT);
    CHECK_INT(lab_read_file(path, text, sizeof text), 0); /* nor too early, by the new process */
    CHECK_INT(lab_read_file(marks, text, sizeof text), 0);
    exit(5); /* flushes */
}

TEST(d12_buffers_flushed_twice)
{
    char written[PATH_MAX], marks[PATH_MAX], text[256];
    (void)lab_path(written, sizeof written, "written");
    marks_fd = open(lab_path(marks, sizeof marks, "marks"),
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(marks_fd >= 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        buffer_and_end(written, marks);
    CHECK_CHILD(pid, 5);
    CHECK(lab_read_file(written, text, sizeof text) > 0);
    CHECK_STR(text, "once\n");
    CHECK(lab_read_file(marks, text, sizeof text) > 0);
    CHECK_STR(text, "end\n");
    (void)close(marks_fd);
}

static atomic_int *hooks;

static void count_prepare(void)
{
    atomic_fetch_add(&hooks[0], 1);
}

static void count_parent(void)
{
    atomic_fetch_add(&hooks[1], 1);
}

static void count_child(void)
{
    atomic_fetch_add(&hooks[2], 1);
}

TEST(d13_surprises_by_fork_handlers)
{
    hooks = shared_counters();
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) { /* what pthread_atfork() did cannot be undone */
        REQUIRE(pthread_atfork(count_prepare, count_parent, count_child) == 0);
        for (int i = 0; i < 3; i++)
            start_good_and_bad();
        for (int i = 0; i < 3; i++)
            CHECK_INT(atomic_load(&hooks[i]), 0);
        pid_t own = fork();
        if (own == 0)
            _exit(0);
        CHECK_CHILD(own, 0);
        for (int i = 0; i < 3; i++)
            CHECK_INT(atomic_load(&hooks[i]), 1); /* they do work */
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    (void)munmap(hooks, 4096);
}

/* ------------------------------------------------------------------ directory, umask, limits */

static atomic_long changes;

/* Changes what belongs to the whole process, and finds it each time as it left it. */
static void *change_own_state(void *unused)
{
    char directory[64];
    struct rlimit limit, seen;
    REQUIRE(getrlimit(RLIMIT_CORE, &limit) == 0);
    for (unsigned i = 1; !atomic_load(&enough); i++) {
        const char *there = i % 2 ? "/proc" : "/dev";
        const mode_t mask = i % 2 ? 0027 : 0077;
        limit.rlim_cur = i % 2 ? 0 : limit.rlim_max;
        CHECK(chdir(there) == 0 && setrlimit(RLIMIT_CORE, &limit) == 0);
        (void)umask(mask);
        (void)sched_yield();
        CHECK_STR(getcwd(directory, sizeof directory), there);
        CHECK_INT(umask(mask), mask);
        CHECK(getrlimit(RLIMIT_CORE, &seen) == 0 && seen.rlim_cur == limit.rlim_cur);
        CHECK_INT(getpriority(PRIO_PROCESS, 0), 0);
        atomic_fetch_add(&changes, 1);
    }
    return unused;
}

static void start_elsewhere(const char *path)
{
    char text[300];
    const struct brood_rlimit limit = {.resource = RLIMIT_CORE, .soft = 0, .hard = 0};
    struct brood_child *child =
        START(.argv = WORDS("/bin/sh", "-c", "pwd; umask; exit 3"), .cwd = "/usr", .umask = 0111,
              .nice = 5, .flags = BROOD_SET_UMASK | BROOD_SET_NICE, .rlimits = &limit,
              .rlimit_count = 1, .out = {.kind = BROOD_FILE, .path = path, .create_mode = 0666});
    CHECK_EXITED(END_OF(child), 3);
    brood_child_free(child);
    CHECK(lab_read_file(path, text, sizeof text) > 0);
    CHECK_STR(text, "/usr\n0111\n");
}

TEST_TIMEOUT(d14_the_host_changes_during_a_start, 60)
{
    char path[PATH_MAX], directory[PATH_MAX];
    struct rlimit limit;
    pthread_t thread;
    mode_t mask = umask(022);
    REQUIRE(getcwd(directory, sizeof directory) != NULL && getrlimit(RLIMIT_CORE, &limit) == 0);
    (void)lab_path(path, sizeof path, "told");
    REQUIRE(pthread_create(&thread, NULL, change_own_state, NULL) == 0);
    for (int i = 0; i < STARTS / 2; i++)
        start_elsewhere(path);
    atomic_store(&enough, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_SAY(atomic_load(&changes) > STARTS, "%ld changes", atomic_load(&changes));
    CHECK(chdir(directory) == 0 && setrlimit(RLIMIT_CORE, &limit) == 0);
    (void)umask(mask);
}
