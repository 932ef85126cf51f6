/* SPDX-License-Identifier: MIT */
/*
 * Ordering descriptor moves, against the model of moves_model.h.
 *
 * Invariant: what is wished is the same at each run.
 */
#include "harness.h"
#include "moves_model.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void word_wishes(const struct bd_wish *wishes, size_t count, char *words, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(words + at, size - at, " %d->%d", wishes[i].from, wishes[i].to);
}

/* Returns the number of saves. */
static unsigned try_wishes(const struct bd_wish *wishes, size_t count)
{
    struct bd_wish work[WISHES];
    struct bd_move moves[2 * WISHES + 1];
    struct model model = model_new();
    char words[512] = "";
    for (size_t i = 0; i < count; i++)
        work[i] = wishes[i];

    memset(moves, -1, sizeof moves);
    size_t made = bd_moves_order(work, count, moves);
    word_wishes(wishes, count, words, sizeof words);
    CHECK_SAY(made <= 2 * count, "%zu actions for%s", made, words);
    for (size_t i = 0; i < made && i < 2 * WISHES; i++)
        CHECK_SAY(model_carry_out(&model, &moves[i]), "action %zu of%s is none", i, words);
    for (size_t i = 0; i < count; i++)
        CHECK_SAY(work[i].done, "wish %zu of%s is not marked done", i, words);
    CHECK_SAY(model_came_true(&model, wishes, count), "%zu actions for%s", made, words);
    return model.saves;
}

/* All 27 maps of {0,1,2} into itself, some with cycles of two and of three. */
TEST(all_maps_of_three)
{
    unsigned saves = 0;
    for (int32_t a = 0; a < 3; a++) {
        for (int32_t b = 0; b < 3; b++) {
            for (int32_t c = 0; c < 3; c++) {
                const struct bd_wish wishes[] = {
                    {.from = a, .to = 0}, {.from = b, .to = 1}, {.from = c, .to = 2}};
                saves += try_wishes(wishes, 3);
            }
        }
    }
    CHECK_INT(saves, 11); /* nine have a swap, two turn all three; the rest need no temporary */
}

TEST(cycles_of_five_in_any_order)
{
    static const int32_t order[][5] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {1, 4, 0, 3, 2}};
    for (size_t row = 0; row < sizeof order / sizeof *order; row++) {
        struct bd_wish wishes[5] = {{0}};
        for (int i = 0; i < 5; i++) {
            int32_t at = order[row][i];
            wishes[i] = (struct bd_wish){.from = (at + 1) % 5 + 10, .to = at + 10};
        }
        CHECK_INT(try_wishes(wishes, 5), 1);
    }
}

TEST(two_cycles_are_cut_once_each)
{
    const struct bd_wish wishes[] = {
        {.from = 4, .to = 3}, {.from = 1, .to = 0}, {.from = 5, .to = 4}, {.from = 0, .to = 1},
        {.from = 3, .to = 5}, {.from = 3, .to = 9}, {.from = 1, .to = 8}, {.from = 7, .to = 7}};
    CHECK_INT(try_wishes(wishes, sizeof wishes / sizeof *wishes), 2);
}

TEST(chains_need_no_temporary)
{
    const struct bd_wish up[] = {{.from = 3, .to = 4}, {.from = 4, .to = 5}, {.from = 5, .to = 6}};
    const struct bd_wish down[] = {
        {.from = 6, .to = 5}, {.from = 5, .to = 4}, {.from = 4, .to = 3}};
    const struct bd_wish fan[] = {{.from = 1, .to = 0}, {.from = 1, .to = 2}, {.from = 1, .to = 9}};
    CHECK_INT(try_wishes(up, 3), 0);
    CHECK_INT(try_wishes(down, 3), 0);
    CHECK_INT(try_wishes(fan, 3), 0);
    CHECK_INT(try_wishes(NULL, 0), 0);
}

TEST(made_descriptors_and_kept_ones)
{
    const struct bd_wish wishes[] = {
        {.from = -2, .to = 0}, {.from = -3, .to = 2}, {.from = -2, .to = 1}, {.from = 0, .to = 5}};
    CHECK_INT(try_wishes(wishes, 4), 0);
    /* Kept, and read by another as well. */
    const struct bd_wish kept[] = {
        {.from = 4, .to = 4}, {.from = 4, .to = 6}, {.from = 6, .to = 8}};
    CHECK_INT(try_wishes(kept, 3), 0);
}

/* A fixed sequence, so that a failure comes again. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

TEST(random_maps)
{
    uint32_t state = 2463534242U;
    unsigned saves = 0;
    for (int round = 0; round < 20000; round++) {
        struct bd_wish wishes[WISHES] = {{0}};
        int32_t range = (int32_t)(next_random(&state) % (NUMBERS - 2)) + 3;
        size_t count = 0;
        for (int32_t to = 0; to < range && count < WISHES; to++) {
            uint32_t what = next_random(&state) % 8;
            if (what == 0)
                continue;
            int32_t from = (int32_t)(next_random(&state) % (uint32_t)range);
            wishes[count++] = (struct bd_wish){.from = what == 1 ? -2 - from : from, .to = to};
        }
        for (size_t i = count; i > 1; i--) {
            size_t other = next_random(&state) % i;
            struct bd_wish swapped = wishes[i - 1];
            wishes[i - 1] = wishes[other];
            wishes[other] = swapped;
        }
        saves += try_wishes(wishes, count);
    }
    CHECK(saves > 1000);
    NOTE("%u cycles cut", saves);
}
