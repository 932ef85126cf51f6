/* SPDX-License-Identifier: MIT */
/*
 * Descriptor moves as a parallel copy: every source is read before any target is written.
 *
 * Room plan. Invariant: pure arithmetic on numbers.
 */
#ifndef BD_PLAN_MOVES_H
#define BD_PLAN_MOVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One wish: descriptor `to` shall be what `from` is now. `from` < -1 is something that lies nowhere
 * in the way of a target. */
struct bd_wish {
    int32_t from, to;
    bool done;
};

/* One action. Save: give `from` a second number, known as the saved one from then on. */
enum bd_move_kind { BD_MOVE, BD_MOVE_SAVED, BD_KEEP, BD_SAVE };
struct bd_move {
    uint32_t kind; /* enum bd_move_kind */
    int32_t from, to;
};

/* Orders `count` wishes with distinct targets into at most 2 * count actions. Marks the wishes
 * done. Returns the number of actions. */
size_t bd_moves_order(struct bd_wish *wishes, size_t count, struct bd_move *ret);

#endif
