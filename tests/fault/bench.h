/* SPDX-License-Identifier: MIT */
/*
 * The bench of one scenario: a target under supervision, trials on it, findings told.
 *
 * Invariant: after every trial, whatever became of it, the bench is ready for the next.
 */
#ifndef BENCH_H
#define BENCH_H

#include "subject.h"
#include "sweep.h"

#include <stdbool.h>
#include <stddef.h>

enum { POINTS_MAX = 512 };

struct bench {
    const struct sweep_options *options;
    const struct scenario *scenario;
    const struct world *world;
    struct sweep_counts *counts;
    struct subject *subject; /* shared with the target */
    struct inject *inject;   /* NULL: no target at the moment */
    struct inject_call clean[POINTS_MAX];
    size_t clean_count;
    struct inject_call met; /* the last point */
    unsigned findings, refused;
    bool lasting;    /* the point being met is one of lasting pressure */
    bool racing;     /* or a SIGKILL during exec */
    bool race_begun; /* the last SIGKILL during exec met a program that had begun */
};

extern const char *const bench_role_names[];

/* The realistic errnos of a call, for inject_new(). */
int bench_codes(const struct inject_call *call, unsigned choice);

/* Was such a call, for such a thing, in a scenario of the same traits, met before in this run? */
bool bench_is_familiar(const struct bench *bench, const struct inject_call *call);

/* Tells a finding and the command that repeats it. `call`: what was made to fail; NULL: nothing. */
void bench_find(struct bench *bench, const struct inject_call *call, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One start under an order. False if the target did not come back; that is told. */
bool bench_trial(struct bench *bench, const struct inject_order *order,
                 const struct inject_call *blamed);

/* What must hold after a trial whatever its point was. */
void bench_look_around(struct bench *bench, const struct inject_call *call);

/* An undisturbed start, which must go as the scenario says. `after`: the point met before. */
bool bench_undisturbed(struct bench *bench, const struct inject_call *after);

/* Ends the target, and tells how many findings were left untold. */
void bench_end(struct bench *bench);

#endif
