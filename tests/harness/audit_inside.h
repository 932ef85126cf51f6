/* SPDX-License-Identifier: MIT */
/*
 * What the files of the audit share: the words of a comparison, and the parts of a snapshot.
 *
 * Invariant: a difference is counted even where its words no longer fit.
 */
#ifndef HARNESS_AUDIT_INSIDE_H
#define HARNESS_AUDIT_INSIDE_H

#include "audit.h"

struct audit_words {
    char *text;
    size_t size, used;
    unsigned count;
};

/* Adds one difference as a line. */
void audit_say(struct audit_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

uint64_t audit_hash(const void *data, size_t length);

/* Descriptors: audit_fds.c. */
void audit_take_fds(struct audit *audit);
void audit_diff_fds(const struct audit *before, const struct audit *after,
                    struct audit_words *words);

/* What one read of /proc tells in place of 64 system calls; unknown when no descriptor is left. */
struct audit_status {
    bool known;
    uint64_t ignored, caught;
    int64_t umask;
};

void audit_read_status(struct audit_status *status);

/* Single values (umask, ids, switches, ...): audit_facts.c. */
void audit_take_facts(struct audit *audit, const struct audit_status *status);
void audit_diff_facts(const struct audit *before, const struct audit *after,
                      struct audit_words *words);

/* Waits, bounded, until no more threads are seen than `before` had: a joined thread may be in /proc
 * for a moment longer, and the kernel offers no event for its going. */
void audit_settle_threads(const struct audit *before);

#endif
