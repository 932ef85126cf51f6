/* SPDX-License-Identifier: MIT */
/*
 * What a start must answer when one of its steps fails, written down call by call and compared with
 * what it did answer.
 *
 * Invariant: a success after an injected failure is right only where a rule says why the start
 * survives it, and an error only with the stage of the rule and the errno that was injected.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include "inject.h"
#include "subject.h"

/* Compares what a subject told with what follows from the call that was hit (NULL: none, so the
 * scenario's own outcome). Returns NULL when it is right, else words in `why`. */
const char *expect_outcome(const struct subject *subject, const struct inject_call *hit, char *why,
                           size_t size);

/* The same for an allocation that failed. */
const char *expect_memory(const struct subject *subject, char *why, size_t size);

/* What must hold after every start, however it went. */
const char *expect_nothing_left(const struct subject *subject, char *why, size_t size);

/* The lines that the scenario wants in the report. */
const char *expect_facts(const struct subject *subject, char *why, size_t size);

#endif
