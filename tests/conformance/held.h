/* SPDX-License-Identifier: MIT */
/*
 * A new process held still before its exec, without any privilege: its standard input is a FIFO
 * that nobody has opened for writing, which the new process itself opens.
 *
 * Room tests. Invariant: who is held is seen to be in that open, not guessed after a time.
 */
#ifndef CONFORMANCE_HELD_H
#define CONFORMANCE_HELD_H

#include "kit.h"

struct held {
    char fifo[PATH_MAX];
    struct kit_attempt attempt;
};

/* The stream that holds a start. */
#define HELD_IN(held_)                                                                             \
    {                                                                                              \
        .kind = BROOD_FILE, .path = (held_)->fifo                                                  \
    }

/* Makes the FIFO, in the test's directory. */
void held_open(struct held *held);

/* Waits until a child of that process stands at the FIFO. Returns its pid. */
pid_t held_wait(pid_t parent);

/* Lets who is held go on: it reads end-of-file. */
void held_let_go(const struct held *held);

#endif
