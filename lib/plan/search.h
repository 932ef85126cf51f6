/* SPDX-License-Identifier: MIT */
/*
 * Where a program name may lead.
 *
 * Room plan. Invariant: looks at nothing; the new process tries the candidates in order.
 */
#ifndef BD_PLAN_SEARCH_H
#define BD_PLAN_SEARCH_H

#include <stddef.h>

#include "../base/arena.h"

/* The paths to try for `program`: itself alone when `path` is NULL, else one for each element of
 * `path`. -ENOMEM, or the number of candidates, perhaps 0. */
int bd_search_candidates(struct bd_arena *arena, const char *program, const char *path,
                         const char *const **ret);

/* What execvp(3) searches when there is no PATH. */
extern const char bd_search_default_path[];

#endif
