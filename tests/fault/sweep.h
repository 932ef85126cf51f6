/* SPDX-License-Identifier: MIT */
/*
 * The sweep of one scenario: every call of the caller and of the child fails in turn, the child is
 * killed at every step, every allocation fails; after each the same start must work.
 *
 * Invariant: the set of points that were met equals what the trace of a clean start shows.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "inject.h"
#include "scenario.h"

#include <stdbool.h>
#include <stddef.h>

/* Kernels that are imitated by standing denials. */
struct world {
    const char *name; /* "" for this kernel as it is */
    bool is_part;     /* without --all only SCENARIO_EVERYWHERE */
    struct {
        int number, code;
    } denials[4];
};

extern const struct world worlds[];
extern const size_t world_count;

struct sweep_options {
    bool all;         /* every realistic errno of every call, killing races, lasting pressure */
    bool traces;      /* print the clean trace and do no more */
    const char *self; /* how to call this program in the line that repeats a finding */
    const char *place, *witness;
};

struct sweep_counts {
    unsigned caller, child, kills, allocations, starts, findings;
    unsigned long calls; /* seen in clean traces */
};

/* One point, as --only names it. */
struct sweep_point {
    int role, number; /* number: of a system call, or SWEEP_MALLOC */
    unsigned kth;
    int code;     /* errno, or what else becomes of the call */
    bool lasting; /* every later call of the same kind fails, too */
};
enum {
    SWEEP_MALLOC = -2,
    SWEEP_KILL = -1,
    SWEEP_HOLD = -2,
    SWEEP_RACE = -3,
    SWEEP_LIE = -4,
    SWEEP_ORPHAN = -5
};

/* Sweeps a scenario in a world, or only `point` of it; counts are added up. Findings are printed as
 * they are found, as TAP comments. */
void sweep_scenario(const struct sweep_options *options, const struct scenario *scenario,
                    const struct world *world, const struct sweep_point *point,
                    struct sweep_counts *counts);

#endif
