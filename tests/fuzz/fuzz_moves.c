/* SPDX-License-Identifier: MIT */
/* Descriptor moves, against the model of the unit test. */
#include "../../lib/plan/moves.c"

#include "../unit/moves_model.h"
#include "bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {.at = data, .left = size};
    struct bd_wish wishes[WISHES], work[WISHES];
    struct bd_move moves[2 * WISHES];
    struct model model = model_new();
    uint64_t taken = 0;
    size_t count = 0;
    while (bytes.left && count < WISHES) {
        int32_t to = bytes_one(&bytes) % NUMBERS, from = (int32_t)(bytes_one(&bytes) % 64);
        if (taken >> to & 1)
            continue;
        taken |= UINT64_C(1) << to;
        wishes[count++] = (struct bd_wish){.from = from < NUMBERS ? from : 46 - from, .to = to};
    }
    memcpy(work, wishes, count * sizeof *work);
    size_t made = bd_moves_order(work, count, moves);
    DEMAND(made <= 2 * count);
    for (size_t i = 0; i < made; i++)
        DEMAND(model_carry_out(&model, &moves[i]));
    for (size_t i = 0; i < count; i++)
        DEMAND(work[i].done);
    DEMAND(model_came_true(&model, wishes, count));
    return 0;
}
