/* SPDX-License-Identifier: MIT */
/*
 * The candidates of a program search, by the rules of execvp(3): an empty element of PATH is the
 * current directory, an element that no path can hold is passed over.
 *
 * Room plan. Invariant: made before the launch, so that the new process only tries.
 */
#include "search.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

const char bd_search_default_path[] = "/bin:/usr/bin";

static size_t count_elements(const char *path)
{
    size_t count = 1;
    for (; *path; path++)
        count += *path == ':';
    return count;
}

static char *join(struct bd_arena *arena, const char *directory, size_t length, const char *program)
{
    size_t program_length = strlen(program);
    char *joined = bd_arena_alloc(arena, length + 1 + program_length + 1);
    if (!joined)
        return NULL;
    memcpy(joined, directory, length);
    size_t at = length;
    if (length)
        joined[at++] = '/';
    memcpy(joined + at, program, program_length);
    return joined;
}

static int search_along(struct bd_arena *arena, const char *program, const char *path,
                        const char **candidates)
{
    int count = 0;
    for (;;) {
        size_t length = strcspn(path, ":");
        if (length < PATH_MAX) {
            candidates[count] = join(arena, path, length, program);
            if (!candidates[count])
                return -ENOMEM;
            count++;
        }
        if (!path[length])
            return count;
        path += length + 1;
    }
}

int bd_search_candidates(struct bd_arena *arena, const char *program, const char *path,
                         const char *const **ret)
{
    size_t room = path ? count_elements(path) : 1;
    const char **candidates = bd_arena_array(arena, room, sizeof *candidates);
    if (!candidates)
        return -ENOMEM;
    *ret = candidates;
    if (path)
        return search_along(arena, program, path, candidates);
    candidates[0] = bd_arena_copy(arena, program, strlen(program));
    return candidates[0] ? 1 : -ENOMEM;
}
