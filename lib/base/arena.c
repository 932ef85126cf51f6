/* SPDX-License-Identifier: MIT */
/*
 * A bump allocator over malloc(): a plan needs dozens of small pieces, and one undo for all of
 * them.
 *
 * Room base. Invariant: chunks never move, so pointers into an arena stay valid until it is done.
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 8192 - 64, ARENA_ALIGN = _Alignof(max_align_t) };

struct bd_arena_chunk {
    struct bd_arena_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

static struct bd_arena_chunk *arena_grow(struct bd_arena *arena, size_t least)
{
    size_t size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
    if (size > SIZE_MAX - sizeof(struct bd_arena_chunk))
        return NULL;
    struct bd_arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return NULL;
    *chunk = (struct bd_arena_chunk){.next = arena->chunks, .used = 0, .size = size};
    arena->chunks = chunk;
    return chunk;
}

void *bd_arena_alloc(struct bd_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    struct bd_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = arena_grow(arena, size);
    if (!chunk)
        return NULL;
    void *piece = chunk->bytes + chunk->used;
    chunk->used += size;
    return memset(piece, 0, size);
}

void *bd_arena_array(struct bd_arena *arena, size_t count, size_t item_size)
{
    if (item_size && count > SIZE_MAX / item_size)
        return NULL;
    return bd_arena_alloc(arena, count * item_size);
}

char *bd_arena_copy(struct bd_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = bd_arena_alloc(arena, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void bd_arena_done(struct bd_arena *arena)
{
    while (arena->chunks) {
        struct bd_arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
}
