/* SPDX-License-Identifier: MIT */
/*
 * The leak audit: a snapshot of everything a start must leave as it was, and the difference of two.
 *
 * It covers the process that calls it: descriptors (number, target, flags), children and zombies,
 * threads, the calling thread's signal mask, all 64 dispositions, directory, umask, limits,
 * environment, timers, ids, group, session, and the switches of prctl(2). Orphans of the process
 * are the runner's matter (procs.h), or the caller's own after PR_SET_CHILD_SUBREAPER.
 *
 * Invariant: no heap, no change of the process, and no descriptor needed for what can be known
 * without one, so a snapshot may be taken with none left and tens of thousands of times.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
    AUDIT_FDS = 256,      /* descriptors kept one by one; the rest as a count and a sum */
    AUDIT_CHILDREN = 512, /* children likewise */
    AUDIT_VARIABLES = 256,
    AUDIT_TARGET = 48,
    AUDIT_SIGNALS = 64,
    AUDIT_FACTS = 32,
    AUDIT_LIMITS = 16
};

/* One open descriptor. */
struct audit_fd {
    int fd, fd_flags, file_flags;
    uint32_t reserved;
    uint64_t target_hash;      /* of the whole target */
    char target[AUDIT_TARGET]; /* its beginning, for the words */
};

struct audit_disposition {
    uint64_t handler, flags, mask;
};

/* A snapshot; about 40 KiB, so static or on a full-size stack. */
struct audit {
    size_t fd_count, child_count, variable_count, fact_count;
    uint64_t fd_rest, child_rest, variable_rest; /* sums over what the tables cannot hold */
    struct audit_fd fds[AUDIT_FDS];
    pid_t children[AUDIT_CHILDREN];
    uint64_t variables[AUDIT_VARIABLES];
    struct audit_disposition dispositions[AUDIT_SIGNALS];
    struct rlimit limits[AUDIT_LIMITS];
    int64_t facts[AUDIT_FACTS]; /* single values, named by a table in audit.c */
    uint64_t mask, directory_hash;
    char directory[AUDIT_TARGET];
};

/* Takes a snapshot of the calling process and thread. */
void audit_take(struct audit *audit);

/*
 * Compares now with `before`. Returns the number of differences, and words them in `why` (one per
 * line, cut off at `size`; may be NULL with size 0). Waits for nothing except a thread that has
 * been joined and is not yet gone from /proc.
 */
unsigned audit_compare(const struct audit *before, char *why, size_t size);

/* The same of two snapshots, without looking at the process for more than names. */
unsigned audit_diff(const struct audit *before, const struct audit *after, char *why, size_t size);

/* Number of children of the calling process, zombies included. Costs one system call when none. */
int audit_children(void);

/* The pids of the children, up to `size` of them. Returns how many there are, -1 when they exist
 * but cannot be listed (no descriptor left). */
ssize_t audit_list_children(pid_t *pids, size_t size);

#endif
