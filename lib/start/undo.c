/* SPDX-License-Identifier: MIT */
/*
 * The undo stack of a transaction.
 *
 * Room start. Invariant: an entry runs once; its room is fixed by the number of kinds of
 * acquisition, so pushing cannot fail.
 */
#include "undo.h"

void bd_undo_push(struct bd_undo *undo, void (*run)(void *argument), void *argument)
{
    undo->entries[undo->count].run = run;
    undo->entries[undo->count].argument = argument;
    undo->count++;
}

void bd_undo_down_to(struct bd_undo *undo, size_t keep)
{
    while (undo->count > keep) {
        undo->count--;
        undo->entries[undo->count].run(undo->entries[undo->count].argument);
    }
}
