/* SPDX-License-Identifier: MIT */
/*
 * A model of descriptors for lib/plan/moves.c: a table in which every action is carried out as the
 * kernel would, compared with what was wished.
 *
 * Invariant: it knows nothing of chains and cycles; it only copies.
 */
#ifndef MOVES_MODEL_H
#define MOVES_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plan/moves.h>

enum { NUMBERS = 48, WISHES = 24, MADE_VALUE = 1000 };

struct model {
    int32_t at[NUMBERS]; /* what the descriptor shows: at first its own number */
    bool survives[NUMBERS];
    int32_t saved;
    unsigned saves, writes;
};

static inline struct model model_new(void)
{
    struct model model = {.saved = -1};
    for (int32_t i = 0; i < NUMBERS; i++)
        model.at[i] = i;
    return model;
}

/* Something that lies in no target's way, such as a file opened before, has a value of its own. */
static inline int32_t model_read(const struct model *model, int32_t from)
{
    return from < -1 ? MADE_VALUE - from : model->at[from];
}

/* False: no action for a descriptor. */
static inline bool model_carry_out(struct model *model, const struct bd_move *move)
{
    if (move->kind == BD_SAVE) {
        model->saved = model_read(model, move->from);
        model->saves++;
        return true;
    }
    if (move->to < 0 || move->to >= NUMBERS)
        return false;
    model->survives[move->to] = true;
    if (move->kind == BD_KEEP)
        return move->from == move->to;
    if (move->kind != BD_MOVE && move->kind != BD_MOVE_SAVED)
        return false;
    bool is_saved = move->kind == BD_MOVE_SAVED;
    model->at[move->to] = is_saved ? model->saved : model_read(model, move->from);
    model->writes++;
    return is_saved || move->from != move->to;
}

/* Each target shows what its source was, and everything else is untouched. */
static inline bool model_came_true(const struct model *model, const struct bd_wish *wishes,
                                   size_t count)
{
    for (int32_t number = 0; number < NUMBERS; number++) {
        int32_t want = number;
        bool wished = false;
        for (size_t i = 0; i < count; i++) {
            if (wishes[i].to != number)
                continue;
            want = wishes[i].from < -1 ? MADE_VALUE - wishes[i].from : wishes[i].from;
            wished = true;
        }
        if (model->at[number] != want || model->survives[number] != wished)
            return false;
    }
    return true;
}

#endif
