/* SPDX-License-Identifier: MIT */
/*
 * The helper program's verbs, one row each; target.c has those that tell, target_acts.c those that
 * do.
 *
 * Invariant: no verb lives longer than TARGET_LIFE_MS, so one that is lost does not stay for ever.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdio.h>

enum { TARGET_LIFE_MS = 120000, TARGET_MISUSED = 64 };

struct target_verb {
    const char *name, *help;
    int (*run)(FILE *out, int argc, char **argv); /* arguments without the verb; the exit code */
};

/* Ends with a row of NULL. */
extern const struct target_verb target_acts[];

#endif
