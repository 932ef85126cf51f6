/* SPDX-License-Identifier: MIT */
/*
 * See gate_shapes.h. The figures are the gates: a change that needs more must change them here,
 * where it is seen.
 */
#include "gate_shapes.h"

#include "harness.h"

#include <limits.h>
#include <string.h>

const struct gate_shape gate_shapes[] = {
    {.name = "bare", .most_calls = 14, .peak = 1, .steady = 1},
    {.name = "start timeout",
     .start_timeout_ms = 60000,
     .most_calls = 14 + 2,
     .peak = 1,
     .steady = 1},
    {.name = "three pipes",
     .in = BROOD_PIPE,
     .out = BROOD_PIPE,
     .err = BROOD_PIPE,
     .most_calls = 30,
     .peak = 7,
     .steady = 4},
    {.name = "three sockets",
     .in = BROOD_SOCKET,
     .out = BROOD_SOCKET,
     .err = BROOD_SOCKET,
     .most_calls = 30,
     .peak = 7,
     .steady = 4},
    {.name = "null", /* opened by the child: no descriptor of ours */
     .in = BROOD_NULL,
     .out = BROOD_NULL,
     .err = BROOD_MERGE,
     .most_calls = 18,
     .peak = 1,
     .steady = 1},
    {.name = "run",
     .by_run = true,
     .out = BROOD_MEMORY,
     .err = BROOD_MEMORY,
     .most_calls = 34,
     .peak = 5,
     .steady = 0},
    {.name = NULL},
};

static char program[PATH_MAX];
static char *alone[] = {program, NULL};

void gate_shapes_begin(void)
{
    (void)lab_built_program(program, sizeof program, "gates/nothing");
}

const struct gate_shape *gate_shape(const char *name)
{
    const struct gate_shape *shape = gate_shapes;
    while (shape->name && strcmp(shape->name, name) != 0)
        shape++;
    return shape;
}

struct brood_options gate_options(const struct gate_shape *shape, char *const *words)
{
    return (struct brood_options){
        .size = sizeof(struct brood_options),
        .argv = words ? words : alone,
        .start_timeout_ms = shape->start_timeout_ms,
        .in.kind = shape->in,
        .out.kind = shape->out,
        .err.kind = shape->err,
    };
}

int gate_once(const struct gate_shape *shape, struct brood_error *reterr)
{
    struct brood_options options = gate_options(shape, NULL);
    struct brood_child *child;
    struct brood_exit end;
    int result;
    if (shape->by_run) {
        struct brood_result all;
        result = brood_run(&options, &all, reterr);
        if (result == 0) {
            end = all.exit;
            brood_result_clear(&all);
        }
    } else {
        result = brood_start(&options, &child, reterr);
        if (result == 0) {
            result = brood_child_wait(child, BROOD_FOREVER, &end);
            (void)brood_child_free(child);
        }
    }
    if (result == 0 && (end.kind != BROOD_EXITED || end.code != 0))
        result = -1000 - end.wait_status;
    return result;
}

struct brood_child *gate_start_living(void)
{
    char word[] = "live";
    char *words[] = {program, word, NULL};
    struct brood_options options = gate_options(gate_shape("bare"), words);
    struct brood_child *child;
    return brood_start(&options, &child, NULL) == 0 ? child : NULL;
}
