/* SPDX-License-Identifier: MIT */
/*
 * Statuses that somebody else has taken: which answer is right on this system. The kernel keeps
 * them from Linux 6.15 on, for who has a pidfd; everywhere else they are lost, and said to be.
 *
 * Room tests. Invariant: an answer that is made up, an end with 0 above all, passes nowhere.
 */
#ifndef TAKEN_H
#define TAKEN_H

#include "kit.h"

/* Starts one child to see whether there are pidfds here. */
static inline bool taken_are_kept(void)
{
    struct brood_child *child = NULL;
    if (!kit_keeps_statuses() ||
        brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0")), &child, NULL) < 0)
        return false;
    bool has_pidfd = brood_child_pidfd(child) >= 0;
    brood_child_free(child);
    return has_pidfd;
}

/* It ended so, or it is lost. Where `kept` only the first will do. */
#define CHECK_TAKEN(end_, code_, kept_) taken_check(end_, code_, kept_, __FILE__, __LINE__)

static inline bool taken_check(struct brood_exit end, int code, bool kept, const char *file,
                               int line)
{
    if (!kept && end.kind == BROOD_LOST)
        return test_check_int(end.code, -1, "code of a lost status", "-1", file, line);
    return kit_check_end(end, BROOD_EXITED, code, file, line);
}

#endif
