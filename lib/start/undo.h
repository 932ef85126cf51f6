/* SPDX-License-Identifier: MIT */
/*
 * What to take back, in the reverse order of what was taken.
 *
 * Room start. Invariant: every acquisition of a transaction is followed at once by its undo.
 */
#ifndef BD_START_UNDO_H
#define BD_START_UNDO_H

#include <stddef.h>

enum { BD_UNDO_ROOM = 8 };

struct bd_undo {
    struct {
        void (*run)(void *argument);
        void *argument;
    } entries[BD_UNDO_ROOM];
    size_t count;
};

void bd_undo_push(struct bd_undo *undo, void (*run)(void *argument), void *argument);

/* Takes back everything above the first `keep` entries. */
void bd_undo_down_to(struct bd_undo *undo, size_t keep);

#endif
