/* SPDX-License-Identifier: MIT */
/*
 * The strings of a plan: the child's environment and its argument vectors.
 *
 * Room plan. Invariant: everything is copied; NULL means that memory was short.
 */
#ifndef BD_PLAN_VECTORS_H
#define BD_PLAN_VECTORS_H

#include <brood.h>

#include "../base/arena.h"

/* The caller's environment or options->env, less env_unset, with env_set laid over it. */
char *const *bd_vectors_environment(struct bd_arena *arena, const struct brood_options *options);

/* argv as it is, or {"/bin/sh", "-c", every word quoted} with BROOD_SHELL. */
char *const *bd_vectors_argv(struct bd_arena *arena, const struct brood_options *options);

/* {"/bin/sh", NULL for the script, argv[1], …}, for scripts without #!. */
const char **bd_vectors_script_argv(struct bd_arena *arena, char *const *argv);

#endif
