/* SPDX-License-Identifier: MIT */
/*
 * What this system gives and what it does not, for tests where that changes the right answer.
 * Inline, as tests that use kit.h and tests that use starting.h ask.
 *
 * Invariant: asked of the library or the kernel at that moment, never told by a build or a name.
 */
#ifndef ONE_FACTS_H
#define ONE_FACTS_H

#include <brood.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Does a child have a pidfd? Starts one to see. */
static inline bool facts_have_pidfds(void)
{
    char *argv[] = {(char[]){"/bin/true"}, NULL};
    struct brood_child *child = NULL;
    bool have = brood_start(BROOD_OPTIONS(.argv = argv), &child, NULL) == 0 &&
                brood_child_pidfd(child) >= 0;
    brood_child_free(child);
    return have;
}

/* Is every start a plain fork here, whatever is tried first? Starts none. */
static inline bool facts_only_fork(void)
{
    char *argv[] = {(char[]){"/bin/true"}, NULL};
    char text[8192];
    ssize_t length = brood_plan_text(BROOD_OPTIONS(.argv = argv), text, sizeof text, NULL);
    return length > 0 && strncmp(text, "rung: portable", strlen("rung: portable")) == 0;
}

/* A pidfd that is no standard stream; or there is none, and a plain fork is why. */
static inline bool facts_are_right_for(int pidfd)
{
    return pidfd > 2 || (pidfd == -ENOTSUP && facts_only_fork());
}

/* Are all descriptors hidden by one call (Linux 5.11), without a look into /proc? */
static inline bool facts_hide_by_one_call(void)
{
#ifdef SYS_close_range
    enum { NOBODYS = 1 << 24, CLOSE_ON_EXEC = 4 };
    return syscall(SYS_close_range, NOBODYS, NOBODYS, CLOSE_ON_EXEC) == 0;
#else
    return false;
#endif
}

#endif
