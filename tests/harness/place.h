/* SPDX-License-Identifier: MIT */
/*
 * Where the tests themselves find /proc: at its own place, or at another one when they are to see
 * how the library does without it (tests/configurations/around noproc).
 *
 * Invariant: decided at the first question, so a test that hides /proc later changes nothing here.
 */
#ifndef HARNESS_PLACE_H
#define HARNESS_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define PLACE_OF_PROC "/proc"
#define OTHER_PLACE_OF_PROC "/proc/elsewhere"

/* The directory, without a slash at its end. */
static inline const char *place_of_proc(void)
{
    enum { UNKNOWN, USUAL, OTHER };
    static _Atomic int known = UNKNOWN;
    int place = atomic_load_explicit(&known, memory_order_relaxed);
    if (place == UNKNOWN) {
        place = access(PLACE_OF_PROC "/self", F_OK) < 0 &&
                        access(OTHER_PLACE_OF_PROC "/self", F_OK) == 0
                    ? OTHER
                    : USUAL;
        atomic_store_explicit(&known, place, memory_order_relaxed);
    }
    return place == OTHER ? OTHER_PLACE_OF_PROC : PLACE_OF_PROC;
}

#endif
