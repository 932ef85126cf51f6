/* SPDX-License-Identifier: MIT */
/*
 * refusals: which of the calls that filters.txt speaks of are refused here, a line each: what a
 * surrounding takes away must be seen to be gone.
 *
 * Invariant: each call is made in a way that no kernel answers with the errno of a filter, and that
 * changes nothing.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that ends at once, with a pidfd. */
static long clone_with_pidfd(void)
{
    int pidfd = -1;
    long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
    if (pid == 0)
        _exit(0);
    int error = errno;
    if (pid > 0)
        (void)waitpid((pid_t)pid, NULL, 0);
    if (pidfd >= 0)
        (void)close(pidfd);
    errno = error;
    return pid;
}

static void tell(const char *name, long result)
{
    int error = errno;
    if (result < 0 && (error == EPERM || error == ENOSYS || error == EINVAL))
        (void)printf("%s %s\n", name,
                     error == EPERM    ? "EPERM"
                     : error == ENOSYS ? "ENOSYS"
                                       : "EINVAL");
}

int main(void)
{
    enum { NO_FD = -1, BY_PIDFD = 3, HIGH = 1 << 20, CLOEXEC = 4 };
    tell("clone-pidfd", clone_with_pidfd());
    tell("clone3", syscall(SYS_clone3, NULL, HIGH)); /* E2BIG */
    tell("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0));
    tell("waitid-pidfd", syscall(SYS_waitid, BY_PIDFD, HIGH, NULL, WEXITED | WNOHANG, NULL));
    tell("pidfd_send_signal", syscall(SYS_pidfd_send_signal, NO_FD, 0, NULL, 0)); /* EBADF */
    tell("close_range", syscall(SYS_close_range, HIGH, HIGH, 0));
    tell("close_range-cloexec", syscall(SYS_close_range, HIGH, HIGH, CLOEXEC));
    return 0;
}
