/* SPDX-License-Identifier: MIT */
/*
 * brood_run(): one child from start to end, with its output in memory.
 *
 * Room one. A loop over at most three descriptors: the pidfd and two pipes. Invariants: it never
 * waits for end-of-file alone, since a process that the child left behind may hold a pipe for ever;
 * every state has a deadline or waits for the child itself; on any failure the child is ended
 * first.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../plan/error.h"
#include "../plan/options.h"
#include "child.h"
#include "collect.h"

/* In this order: from DRAINING on the child has ended. */
enum run_state { RUNNING, ASKED_TO_END, KILLED, DRAINING, OVER };

struct run {
    struct brood_options options;
    struct brood_child *child;
    struct bd_collector collectors[BD_STREAMS]; /* BROOD_OUT and BROOD_ERR */
    enum run_state state;
    int64_t deadline_ns; /* of the state */
    uint32_t cause;      /* why it is being ended */
};

static bool child_is_gone(const struct run *run)
{
    return run->state >= DRAINING;
}

/* ------------------------------------------------------------------ ending */

static void kill_now(struct run *run)
{
    (void)bd_child_signal_because(run->child, SIGKILL, run->cause);
    run->state = KILLED;
    run->deadline_ns = bd_os_deadline_ns(BD_KILL_BOUND_MS);
}

static void begin_ending(struct run *run, uint32_t cause)
{
    run->cause = cause;
    if (run->options.grace_ms == 0) {
        kill_now(run);
        return;
    }
    (void)bd_child_ask(run->child, cause);
    run->state = ASKED_TO_END;
    run->deadline_ns = bd_os_deadline_ns(run->options.grace_ms);
}

/* The deadline of the state has passed. */
static int go_on_late(struct run *run)
{
    switch (run->state) {
    case RUNNING:
        begin_ending(run, BROOD_CAUSE_TIMEOUT);
        break;
    case ASKED_TO_END:
        kill_now(run);
        break;
    case KILLED:
        return -ETIMEDOUT;
    case DRAINING:
    case OVER:
        run->state = OVER;
        break;
    }
    return 0;
}

static void note_end(struct run *run)
{
    if (!bd_child_note_end(run->child)) {
        bd_os_pause_ns(OS_TRACED_PAUSE_NS);
        return;
    }
    run->state = DRAINING;
    run->deadline_ns = bd_os_deadline_ns(run->options.drain_ms);
}

/* ------------------------------------------------------------------ the loop */

static int collect_from(struct run *run, struct bd_collector *collector)
{
    int result = bd_collector_read(collector);
    if (result < 0)
        return result;
    if (collector->over_limit && !collector->discards && run->state == RUNNING)
        begin_ending(run, BROOD_CAUSE_OUTPUT_LIMIT);
    return 0;
}

static bool streams_are_open(const struct run *run)
{
    return run->collectors[BROOD_OUT].fd >= 0 || run->collectors[BROOD_ERR].fd >= 0;
}

/* Without a pidfd the end makes nothing ready: then it is looked for now and then. */
static int watch_all(struct run *run, struct os_watch watches[BD_STREAMS])
{
    if (watches[0].fd != -ENOTSUP)
        return bd_os_watch(watches, BD_STREAMS, run->deadline_ns);
    watches[0].fd = -1;
    int64_t tick_ns = bd_os_now_ns() + OS_TICK_NS;
    int ready =
        bd_os_watch(watches, BD_STREAMS, tick_ns < run->deadline_ns ? tick_ns : run->deadline_ns);
    watches[0].ready = bd_os_exit_wait(run->child->started.process, 0) == 0;
    return ready;
}

static int turn(struct run *run)
{
    struct os_watch watches[BD_STREAMS] = {
        {.fd = child_is_gone(run) ? -1 : brood_child_pidfd(run->child)},
        {.fd = run->collectors[BROOD_OUT].fd},
        {.fd = run->collectors[BROOD_ERR].fd},
    };
    int ready = watch_all(run, watches);
    if (ready < 0)
        return ready;
    for (int index = BROOD_OUT; index <= BROOD_ERR; index++) {
        int result = watches[index].ready ? collect_from(run, &run->collectors[index]) : 0;
        if (result < 0)
            return result;
    }
    if (watches[0].ready)
        note_end(run);
    /* By the clock and not by silence: a stream that always has something must not stretch a
     * bound. */
    if (bd_os_now_ns() >= run->deadline_ns)
        return go_on_late(run);
    return 0;
}

/* What is in the pipes when the time is over still belongs to the output. */
static int collect_rest(struct run *run)
{
    for (int index = BROOD_OUT; index <= BROOD_ERR; index++) {
        int result = bd_collector_read_pending(&run->collectors[index]);
        if (result < 0)
            return result;
    }
    return 0;
}

static int pump(struct run *run)
{
    run->deadline_ns =
        bd_os_deadline_ns(run->options.timeout_ms ? run->options.timeout_ms : BROOD_FOREVER);
    while (run->state != OVER && !(child_is_gone(run) && !streams_are_open(run))) {
        int result = turn(run);
        if (result < 0)
            return result;
    }
    return collect_rest(run);
}

/* ------------------------------------------------------------------ the call */

static void give_result(struct run *run, struct brood_result *ret)
{
    memset(ret, 0, sizeof *ret);
    (void)brood_child_wait(run->child, 0, &ret->exit);
    if (streams_are_open(run))
        ret->exit.flags |= BROOD_EXIT_STREAMS_HELD;
    if (run->collectors[BROOD_OUT].over_limit)
        ret->flags |= BROOD_OUT_TRUNCATED;
    if (run->collectors[BROOD_ERR].over_limit)
        ret->flags |= BROOD_ERR_TRUNCATED;
    ret->out = bd_collector_take(&run->collectors[BROOD_OUT], &ret->out_length);
    ret->err = bd_collector_take(&run->collectors[BROOD_ERR], &ret->err_length);
}

/* After the start nothing may fail for want of a buffer that could have been had before. */
static int prepare_collectors(struct run *run, struct brood_error *reterr)
{
    int result = bd_collector_init(&run->collectors[BROOD_OUT], &run->options.out);
    if (result == 0)
        result = bd_collector_init(&run->collectors[BROOD_ERR], &run->options.err);
    return result < 0 ? bd_error_memory(reterr) : 0;
}

static void explain_pump(const struct run *run, int result, struct brood_error *reterr)
{
    if (result != -ETIMEDOUT) {
        (void)bd_error_set(reterr, BROOD_STAGE_MEMORY, -result, NULL, -1);
        return;
    }
    (void)bd_error_detail(reterr, BROOD_STAGE_TIMEOUT, ETIMEDOUT, BROOD_DETAIL_TEXT,
                          "its end could not be reached in time", run->options.timeout_ms);
    reterr->unkillable_pid = brood_child_pid(run->child);
}

static int run_child(struct run *run, struct brood_result *ret, struct brood_error *reterr)
{
    int result = prepare_collectors(run, reterr);
    if (result < 0)
        return result;
    result = bd_child_new(&run->options, &run->child, reterr);
    if (result < 0)
        return result;
    for (int index = BROOD_OUT; index <= BROOD_ERR; index++) {
        int fd = brood_child_take_stream(run->child, (uint32_t)index);
        run->collectors[index].fd = fd < 0 ? -1 : fd;
    }
    result = pump(run);
    if (result < 0)
        explain_pump(run, result, reterr);
    else
        give_result(run, ret);
    if (result == -ETIMEDOUT)
        bd_child_set_aside(run->child); /* its bound is spent */
    else
        brood_child_free(run->child);
    return result;
}

int brood_run(const struct brood_options *options, struct brood_result *ret,
              struct brood_error *reterr)
{
    struct brood_error error;
    struct run run = {.state = RUNNING, .collectors = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
    int state = bd_os_cancel_off();
    int result = bd_options_read(options, BD_FOR_RUN, &run.options, &error);
    if (result == 0)
        result = ret ? run_child(&run, ret, &error) : bd_error_options(&error, "ret is NULL", NULL);
    bd_collector_done(&run.collectors[BROOD_OUT]);
    bd_collector_done(&run.collectors[BROOD_ERR]);
    bd_os_cancel_restore(state);
    return bd_error_give(result, &error, reterr);
}

void brood_result_clear(struct brood_result *result)
{
    if (!result)
        return;
    free(result->out);
    free(result->err);
    memset(result, 0, sizeof *result);
}
