/* SPDX-License-Identifier: MIT */
/*
 * The same start again and again in a process of its own, where the N-th system call can be made to
 * fail from outside (inject.h), each followed by the audit of that process.
 *
 * Room tests. Invariant: what is told was seen by the process that started, after it had undone
 * everything that a good user undoes.
 */
#ifndef CONFORMANCE_FAULTY_H
#define CONFORMANCE_FAULTY_H

#include <brood.h>

#include "harness.h"
#include "inject.h"

enum { FAULTY_CODE = 3, FAULTY_BOUND_MS = 15000 };

/* What one start came to. */
struct faulty_told {
    int result;               /* of brood_start() */
    struct brood_error error; /* when it failed */
    struct brood_exit end;    /* when it succeeded and was to be waited for */
    int pidfd;                /* what brood_child_pidfd() said */
    int64_t took_ms;
    unsigned differences; /* of the audit, with its words */
    char why[1024];
};

struct faulty {
    struct inject *inject;
    struct faulty_told *told;
    const struct brood_options *options;
    bool waits; /* for the end of what was started; else it is freed while it runs */
};

/* Makes the process. `options` must live as long; the caller becomes a subreaper. */
void faulty_open(struct faulty *faulty, const struct brood_options *options, bool waits,
                 inject_codes *codes);

/* One start under an order. False, and a failed check, when the process has gone or hangs. */
bool faulty_run(struct faulty *faulty, const struct inject_order *order);

/* One start with nothing in its way, which must do what was asked. */
void faulty_run_clean(struct faulty *faulty);

/* Ends the process; nothing but it may be there to be ended. */
void faulty_close(struct faulty *faulty);

/* The calls that make a process, whichever of them the library uses here. */
extern const int faulty_makers[];
extern const size_t faulty_maker_count;

#endif
