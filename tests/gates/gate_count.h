/* SPDX-License-Identifier: MIT */
/*
 * Counts the system calls of a start, exactly, by seccomp user notification: every call of a
 * subject process and of its children is held, noted and let go.
 *
 * Not by ptrace(2): a traced zombie must first be let go by its tracer, so tracing makes calls of
 * its own. Invariant: the rule of counting stands in gate_count.c alone.
 */
#ifndef GATE_COUNT_H
#define GATE_COUNT_H

#include <sys/types.h>

enum { GATE_SIDES = 2, GATE_CALLER = 0, GATE_CHILD = 1, GATE_LINES = 64 };

/* How often one call was made; in the order in which the calls were first seen. */
struct gate_line {
    int number;
    long count;
};

struct gate_counts {
    struct gate_line lines[GATE_SIDES][GATE_LINES];
    int used[GATE_SIDES];
};

/* What the subject does. Each ends it by _exit when something fails. */
struct gate_subject {
    void (*prepare)(void); /* before anything is counted; NULL: nothing */
    void (*once)(void);    /* one start, up to its last close */
    void (*finish)(void);  /* takes back what prepare made and a process does not lose by its end */
};

/* Calls of 100 starts: those of 200 less those of 100, in a forked copy of this process, warm. 0,
 * or -errno; -ECHILD when the subject did not end well. */
int gate_count(const struct gate_subject *subject, struct gate_counts *ret);

enum { GATE_STARTS = 100 };

#endif
