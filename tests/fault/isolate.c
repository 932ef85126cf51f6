/* SPDX-License-Identifier: MIT */
/*
 * The test's own pid namespace; see isolate.h.
 *
 * Invariant: when the outer process ends, by whatever means, everything inside ends.
 */
#include "isolate.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void wait_for(pid_t inside)
{
    int status;
    while (waitpid(inside, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

const char *isolate(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (geteuid() != 0 || unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return "as subreaper, without a pid namespace";
    fflush(NULL);
    pid_t inside = fork();
    if (inside < 0) {
        perror("fork into the pid namespace");
        exit(1);
    }
    if (inside > 0)
        wait_for(inside);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    /* Private first: a new /proc must not reach the outer mount namespace. */
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        perror("mounting /proc in the pid namespace");
        exit(1);
    }
    return "in a pid namespace";
}
