/* SPDX-License-Identifier: MIT */
/*
 * The census of bench/: what this process has (descriptors, children, mask, dispositions), and why
 * another process can never go on.
 *
 * Invariant: a snapshot needs no descriptor and no memory beyond what census_open() and its caller
 * set aside, so it can be taken at the very moment when a start is refused for lack of them.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CENSUS_FDS = 256, CENSUS_CHILDREN = 2048, CENSUS_TARGET = 48, CENSUS_SIGNALS = 64 };

struct census_fd {
    int fd, fd_flags, file_flags;
    char target[CENSUS_TARGET]; /* where it leads, as /proc says it */
};

struct census {
    size_t fd_count, child_count;
    struct census_fd fds[CENSUS_FDS];
    pid_t children[CENSUS_CHILDREN]; /* those of the calling thread, zombies included, ascending */
    uint64_t blocked;                /* bit n - 1: signal n */
    uint64_t dispositions[CENSUS_SIGNALS];
};

/* Opens the list of the calling thread's children. Returns the descriptor or -errno. */
int census_open(void);

/* The children, up to `size` of them. Returns how many there are, or -errno. */
ssize_t census_children(int children_fd, pid_t *pids, size_t size);

/* Takes a snapshot of the calling process. Returns 0 or -errno. */
int census_take(int children_fd, struct census *census);

/* Number of differences between two snapshots; the first of them in words, in `why`. */
unsigned census_differences(const struct census *before, const struct census *after, char *why,
                            size_t size);

/* Number of children in `after` that `before` does not have. */
size_t census_new_children(const struct census *before, const struct census *after);

/* Number of open descriptors of the calling process. */
size_t census_count_fds(void);

/* The state letter of a process as /proc has it; 0 when there is none. */
char census_state(pid_t pid);

/* Whether the process sleeps in a read of a pipe whose write end it holds itself: while it sleeps
 * nobody else can make that read end, since those who could have are gone. In words, in `why`. */
bool census_is_stuck(pid_t pid, char *why, size_t size);

#endif
