/* SPDX-License-Identifier: MIT */
/*
 * A bump allocator: everything made for one purpose, freed at once.
 *
 * Room base: no policy, no system. Invariant: what an arena gave stays where it is until
 * bd_arena_done().
 */
#ifndef BD_BASE_ARENA_H
#define BD_BASE_ARENA_H

#include <stddef.h>

struct bd_arena_chunk;

struct bd_arena {
    struct bd_arena_chunk *chunks; /* newest first */
};

/* All of these return NULL when memory is short; what was made before stays valid. */
void *bd_arena_alloc(struct bd_arena *arena, size_t size); /* aligned for any type, all zero */
void *bd_arena_array(struct bd_arena *arena, size_t count, size_t item_size);
char *bd_arena_copy(struct bd_arena *arena, const char *text, size_t length); /* adds a zero byte */

void bd_arena_done(struct bd_arena *arena);

#endif
