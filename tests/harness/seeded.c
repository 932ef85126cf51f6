/* SPDX-License-Identifier: MIT */
/*
 * Defects planted for the harness to find, one a test; here those that leave something changed or
 * behind. test_selftest.c runs each alone; this program is never run as a test itself.
 *
 * Invariant: every test here fails, and what it leaves behind sleeps for a minute at most.
 */
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void linger(void)
{
    (void)nanosleep(&(struct timespec){.tv_sec = 60}, NULL);
    _exit(0);
}

/* Returns the pid; the child lingers. */
static pid_t fork_lingering(void)
{
    pid_t pid = fork();
    if (pid == 0)
        linger();
    return pid;
}

/* Returns once the child is a zombie, without reaping it. */
static pid_t fork_zombie(void)
{
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    return pid;
}

/* Processes. */

TEST(child_left)
{
    CHECK(fork_lingering() > 0);
}

TEST(child_stopped)
{
    siginfo_t info;
    pid_t pid = fork_lingering();
    CHECK(pid > 0 && kill(pid, SIGSTOP) == 0);
    CHECK_INT(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
}

TEST(setsid_orphan)
{
    pid_t middle = fork();
    if (middle == 0) {
        pid_t last = fork();
        if (last == 0) {
            (void)setsid();
            linger();
        }
        _exit(0);
    }
    CHECK_CHILD(middle, 0);
}

TEST(double_forked_orphan)
{
    pid_t middle = fork();
    if (middle == 0) {
        (void)fork_lingering();
        _exit(0);
    }
    CHECK_CHILD(middle, 0);
}

/* Three generations down, each in its own session, with signals ignored and the streams closed. */
TEST(hidden_orphan)
{
    pid_t middle = fork();
    if (middle == 0) {
        for (int generation = 0; generation < 3; generation++) {
            if (fork() != 0)
                _exit(0);
            (void)setsid();
        }
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        (void)syscall(SYS_close_range, 0, ~0U, 0);
        linger();
    }
    CHECK_CHILD(middle, 0);
}

TEST(zombie)
{
    CHECK(fork_zombie() > 0);
}

/* Made without an exit signal, so that a plain wait does not see it. */
TEST(clone_child_left)
{
    long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
    if (pid == 0)
        linger();
    CHECK(pid > 0);
}

static void *stay_in_thread(void *unused)
{
    linger();
    return unused;
}

TEST(thread_left)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, stay_in_thread, NULL), 0);
}

/* Descriptors. */

TEST(fd_opened)
{
    CHECK(open("/dev/null", O_RDONLY) >= 0);
}

TEST(fd_closed)
{
    CHECK_INT(close(0), 0);
}

TEST(fd_retargeted)
{
    int fd = open("/dev/zero", O_RDONLY);
    CHECK_INT(dup2(fd, 0), 0);
    (void)close(fd);
}

TEST(fd_nonblocking)
{
    CHECK_INT(fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK), 0);
}

TEST(fd_cloexec)
{
    CHECK_INT(fcntl(1, F_SETFD, FD_CLOEXEC), 0);
}

/* Signals. */

static void on_signal(int number)
{
    (void)number;
}

TEST(mask_changed)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

TEST(disposition_ignored)
{
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

TEST(disposition_handler)
{
    CHECK(signal(SIGUSR2, on_signal) != SIG_ERR);
}

TEST(timer_left)
{
    struct itimerval timer = {.it_value.tv_sec = 50};
    CHECK_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* The rest of the process. */

TEST(directory_changed)
{
    CHECK_INT(chdir("/proc"), 0);
}

TEST(umask_changed)
{
    CHECK_INT(umask(0), 022);
}

TEST(limit_changed)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur -= 1;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(environment_set)
{
    CHECK_INT(setenv("SEEDED_VARIABLE", "1", 1), 0);
}

TEST(environment_removed)
{
    CHECK_INT(unsetenv("PATH"), 0);
}

TEST(subreaper_set)
{
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
}

/* A hang that holds on: signals blocked, a child as well. */
TEST_TIMEOUT(hang_with_child, 1)
{
    sigset_t all;
    sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    CHECK(fork_lingering() > 0);
    for (;;)
        (void)pause();
}
