/* SPDX-License-Identifier: MIT */
/*
 * Orders descriptor moves: a target may be written once nobody still waits to read it. So chains
 * unwind from their free end, and what then remains are cycles, each cut once by saving one
 * descriptor under a temporary number.
 *
 * Room plan. Invariant: an action never overwrites a number that a later action reads.
 */
#include "moves.h"

static bool is_still_read(const struct bd_wish *wishes, size_t count, int32_t fd)
{
    for (size_t i = 0; i < count; i++)
        if (!wishes[i].done && wishes[i].from == fd && wishes[i].to != fd)
            return true;
    return false;
}

static struct bd_wish *find_target(struct bd_wish *wishes, size_t count, int32_t to)
{
    for (size_t i = 0; i < count; i++)
        if (!wishes[i].done && wishes[i].to == to)
            return &wishes[i];
    return NULL;
}

/* Each chain from its free end: what a move has read is free to be written next. */
static size_t unwind_chains(struct bd_wish *wishes, size_t count, struct bd_move *ret)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        struct bd_wish *wish = wishes[i].done ? NULL : &wishes[i];
        while (wish && !is_still_read(wishes, count, wish->to)) {
            ret[made++] = (struct bd_move){BD_MOVE, wish->from, wish->to};
            wish->done = true;
            wish = find_target(wishes, count, wish->from);
        }
    }
    return made;
}

/* What is left are pure cycles. The saved descriptor is read by exactly one wish of its cycle, the
 * one that the walk comes to last. */
static size_t turn_cycle(struct bd_wish *wishes, size_t first, struct bd_move *ret)
{
    int32_t start = wishes[first].to, hole = start;
    size_t made = 0;
#ifndef BROOD_MUTANT_NO_TEMPORARY
    ret[made++] = (struct bd_move){BD_SAVE, start, -1};
#endif
    for (;;) {
        size_t i = 0;
        while (wishes[i].done || wishes[i].to != hole)
            i++;
        wishes[i].done = true;
        if (wishes[i].from == start) {
#ifdef BROOD_MUTANT_NO_TEMPORARY
            ret[made++] = (struct bd_move){BD_MOVE, start, hole};
#else
            ret[made++] = (struct bd_move){BD_MOVE_SAVED, -1, hole};
#endif
            return made;
        }
        ret[made++] = (struct bd_move){BD_MOVE, wishes[i].from, hole};
        hole = wishes[i].from;
    }
}

size_t bd_moves_order(struct bd_wish *wishes, size_t count, struct bd_move *ret)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].from == wishes[i].to) {
            ret[made++] = (struct bd_move){BD_KEEP, wishes[i].from, wishes[i].to};
            wishes[i].done = true;
        }
    }
    made += unwind_chains(wishes, count, ret + made);
    for (size_t i = 0; i < count; i++)
        if (!wishes[i].done)
            made += turn_cycle(wishes, i, ret + made);
    return made;
}
