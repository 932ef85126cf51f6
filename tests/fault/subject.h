/* SPDX-License-Identifier: MIT */
/*
 * What the target of the sweep does for one point: opens a scene, starts, looks, and tells.
 *
 * Invariant: only the start itself lies between the marks; what is looked at afterwards is looked
 * at with every call working again.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "scenario.h"

#include <brood.h>
#include <stdbool.h>
#include <stdint.h>

enum { SUBJECT_WORDS = 2048, SUBJECT_REPORT = 16384 };

/* How the child of a start that succeeded did. */
enum subject_child {
    CHILD_NONE = 0,
    CHILD_RIGHT = 1,     /* it did and found everything as in the first, undisturbed start */
    CHILD_SIGNALLED = 2, /* SIGKILL ended it, and the exit says so */
    CHILD_WRONG = 3      /* the words say how */
};

/* Shared by the sweep and its target. */
struct subject {
    /* asked */
    const struct scenario *scenario;
    char directory[160], witness[160];
    unsigned fail_allocation; /* 0: none */
    bool allocation_sticky;
    bool keep_report; /* this undisturbed start is the measure of the later ones */
    bool stop;

    /* told */
    bool ran; /* the target came to the end of it */
    int result;
    struct brood_error error;
    int child; /* enum subject_child */
    unsigned allocations, differences;
    long heap_growth; /* blocks */
    int64_t took_ms;
    char words[SUBJECT_WORDS]; /* on the child and the differences */
    char report[SUBJECT_REPORT];
};

/* One more thing that is wrong. */
void subject_say(struct subject *subject, const char *words);

/* The body of the target, for inject_new(). `user`: a struct subject in shared memory. */
int subject_body(void *user);

#endif
