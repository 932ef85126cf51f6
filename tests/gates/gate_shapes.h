/* SPDX-License-Identifier: MIT */
/*
 * The shapes of a start that the gates measure: one table for calls, descriptors, faults and
 * memory.
 *
 * Invariant: a shape runs from nothing to nothing: start, wait, free.
 */
#ifndef GATE_SHAPES_H
#define GATE_SHAPES_H

#include <brood.h>
#include <stdbool.h>

struct gate_shape {
    const char *name;
    bool by_run; /* brood_run and not brood_start */
    uint32_t in, out, err;
    int64_t start_timeout_ms;
    int most_calls;   /* the gate, for a start with reap and closes */
    int peak, steady; /* descriptors of the caller */
};

/* Ends with a row without a name. */
extern const struct gate_shape gate_shapes[];
const struct gate_shape *gate_shape(const char *name);

/* The options of a shape; the program is `nothing`, found once by gate_shapes_begin(). `words`: its
 * arguments, NULL for none. */
void gate_shapes_begin(void);
struct brood_options gate_options(const struct gate_shape *shape, char *const *words);

/* One start to its end. 0 or -errno with *reterr as the library gave it. */
int gate_once(const struct gate_shape *shape, struct brood_error *reterr);

/* The program of the gates, with an argument: lives. NULL when it could not be started. */
struct brood_child *gate_start_living(void);

#endif
