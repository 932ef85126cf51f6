/* SPDX-License-Identifier: MIT */
/*
 * reserve, launch, learn, commit.
 *
 * Room start. Everything that can fail is done before there is a process, but for the program's own
 * exec; each acquisition pushes its undo, and a failure runs them backwards. Invariants: nothing
 * fails after the program has begun; a process that has not begun is killed and reaped before the
 * call returns, and one that the kernel cannot end in time is set aside together with all the
 * memory that it may still use.
 */
#include "start.h"

#include <errno.h>
#include <stdlib.h>

#include "../plan/error.h"
#include "explain.h"
#include "undo.h"

enum { SIGNAL_BITS = 0x7f };

/* Above this a retry has no end: its nanoseconds would not fit. */
#define LONGEST_RETRY_MS INT64_C(1000000000000)

enum { BACKOFF_FIRST_NS = 1000000, BACKOFF_LAST_NS = 50000000 };

/* One transaction. On the heap: what is set aside must outlive the call. */
struct bd_transaction {
    struct bd_plan plan;
    struct os_launch launch;
    struct os_pair ends[BD_STREAMS];
    struct bd_undo undo;
    struct os_parked parked;
    struct os_exit end; /* of a process that was taken back */
    bool set_aside;
    struct brood_error *error;
};

/* ------------------------------------------------------------------ undo */

static void free_set_aside(void *owner)
{
    struct bd_transaction *start = owner;
    bd_os_launch_done(&start->launch);
    bd_plan_done(&start->plan);
    free(start);
}

/* The last of all: from the moment that it is parked, another thread may free it. */
static void free_transaction(void *argument)
{
    struct bd_transaction *start = argument;
    if (!start->set_aside) {
        free(start);
        return;
    }
    start->parked =
        (struct os_parked){.pidfd = start->launch.pidfd, .free = free_set_aside, .owner = start};
    bd_os_park(&start->parked);
}

static void undo_plan(void *argument)
{
    struct bd_transaction *start = argument;
    if (!start->set_aside)
        bd_plan_done(&start->plan);
}

static void undo_streams(void *argument)
{
    struct bd_transaction *start = argument;
    for (int index = 0; index < BD_STREAMS; index++) {
        bd_os_close(bd_os_take(&start->ends[index].ours));
        bd_os_close(bd_os_take(&start->ends[index].childs));
    }
}

static void undo_launch(void *argument)
{
    struct bd_transaction *start = argument;
    if (!start->set_aside)
        bd_os_launch_done(&start->launch);
}

static void undo_process(void *argument)
{
    struct bd_transaction *start = argument;
    int result = bd_os_end(start->launch.pidfd, start->launch.pid,
                           bd_os_deadline_ns(BD_KILL_BOUND_MS), &start->end);
    if (result < 0) {
        start->set_aside = true;
        start->error->unkillable_pid = start->launch.pid;
        return;
    }
#ifndef BROOD_MUTANT_PIDFD_LEFT
    bd_os_close(bd_os_take(&start->launch.pidfd));
#endif
}

/* ------------------------------------------------------------------ reserve */

static int make_ends(const struct brood_stream *stream, int index, struct os_pair *ret)
{
    switch ((enum brood_stream_kind)stream->kind) {
    case BROOD_PIPE:
        return index == BROOD_IN ? bd_os_pipe_to_child(ret) : bd_os_pipe_from_child(ret);
    case BROOD_SOCKET:
        return bd_os_socket_pair(ret);
    case BROOD_MEMORY:
        if (index == BROOD_IN)
            return bd_os_memory_file(stream->input, stream->input_length, &ret->childs);
        return bd_os_pipe_from_child(ret);
    case BROOD_INHERIT:
    case BROOD_NULL:
    case BROOD_FILE:
    case BROOD_FD:
    case BROOD_MERGE:
    case BROOD_CLOSED:
        break;
    }
    return 0;
}

static int reserve_streams(struct bd_transaction *start)
{
    for (int index = 0; index < BD_STREAMS; index++) {
        const struct brood_stream *stream = &start->plan.streams[index];
        struct os_pair *pair = &start->ends[index];
        int result = make_ends(stream, index, pair);
        if (result == 0 && (stream->flags & BROOD_STREAM_NONBLOCK) && pair->ours >= 0)
            result = bd_os_set_nonblock(pair->ours);
        if (result < 0) {
            bool is_input = stream->kind == BROOD_MEMORY && index == BROOD_IN;
            return bd_error_set(start->error, is_input ? BROOD_STAGE_MEMORY : BROOD_STAGE_PIPE,
                                -result, NULL, index);
        }
    }
    return 0;
}

static int reserve(struct bd_transaction *start, const struct brood_options *options)
{
    int result = bd_plan_make(&start->plan, options, start->error);
    if (result < 0)
        return result;
    bd_undo_push(&start->undo, undo_plan, start);

    start->launch = (struct os_launch){
        .reads_dispositions = !(options->signals & BROOD_KEEP_IGNORED),
        .start_timeout_ns = options->start_timeout_ms * 1000000,
    };
    /* Before the streams: it needs a descriptor for a moment, and this keeps the peak low. */
    result = bd_os_launch_prepare(&start->launch);
    if (result < 0)
        return bd_error_set(start->error, BROOD_STAGE_MEMORY, -result, NULL, -1);
    bd_undo_push(&start->undo, undo_launch, start);

    bd_undo_push(&start->undo, undo_streams, start);
    result = reserve_streams(start);
    if (result < 0)
        return result;

    int childs_ends[BD_STREAMS];
    for (int index = 0; index < BD_STREAMS; index++)
        childs_ends[index] = start->ends[index].childs;
    bd_plan_settle(&start->plan, childs_ends);
    start->launch.steps = start->plan.steps;
    start->launch.step_count = start->plan.step_count;
    start->launch.targets = start->plan.targets;
    start->launch.target_count = start->plan.target_count;
    return 0;
}

/* ------------------------------------------------------------------ launch and learn */

static int explain_report(struct bd_transaction *start, const struct os_report *report)
{
    const struct os_step *step = &start->plan.steps[report->step];
    const char *subject;
    int64_t number;
    bd_plan_name_step(&start->plan, (size_t)report->step, &subject, &number);
    switch ((enum os_progress)report->progress) {
    case OS_TIMED_OUT:
        return bd_error_set(start->error, BROOD_STAGE_TIMEOUT, ETIMEDOUT, NULL,
                            start->plan.options.start_timeout_ms);
    case OS_KILLED:
        number = start->end.lost ? -1 : start->end.wait_status & SIGNAL_BITS;
        return bd_error_detail(start->error, step->stage, EINTR, BROOD_DETAIL_KILLED, NULL, number);
    case OS_BEGAN:
    case OS_FAILED:
        break;
    }
    if (step->op == OS_EXEC)
        return bd_explain_exec(&start->plan, report, start->error);
    return bd_error_set(start->error, step->stage, report->code, subject, number);
}

/* One process, or none. */
static int launch_once(struct bd_transaction *start)
{
    int result = bd_os_launch_create(&start->launch);
    if (result < 0)
        return bd_error_set(start->error, BROOD_STAGE_CREATE, -result, NULL, -1);
    size_t before = start->undo.count;
    bd_undo_push(&start->undo, undo_process, start);
    struct os_report report = bd_os_launch_learn(&start->launch);
    if (report.progress == OS_BEGAN)
        return 0;
    bd_undo_down_to(&start->undo, before);
    return explain_report(start, &report);
}

/* These two pass without anybody doing anything about them: a program file still open for writing
 * in some process that is about to exec, and a moment without room for processes. */
static bool may_pass(const struct brood_error *error)
{
    if (error->code == ETXTBSY)
        return error->stage == BROOD_STAGE_EXEC;
    return error->code == EAGAIN &&
           (error->stage == BROOD_STAGE_CREATE || error->stage == BROOD_STAGE_EXEC);
}

/* How long another try may wait and take: 0 when there is to be none. */
static int64_t time_for_another(const struct bd_transaction *start, int64_t began_ns,
                                int64_t *ret_start_left_ns)
{
    const struct brood_options *options = &start->plan.options;
    if (!options->retry_ms || start->set_aside || !may_pass(start->error))
        return 0;
    int64_t passed_ns = bd_os_now_ns() - began_ns;
    int64_t left_ns =
        options->retry_ms < LONGEST_RETRY_MS ? options->retry_ms * 1000000 - passed_ns : OS_NEVER;
    *ret_start_left_ns = options->start_timeout_ms * 1000000 - passed_ns;
    if (options->start_timeout_ms && *ret_start_left_ns < left_ns)
        left_ns = *ret_start_left_ns;
    return left_ns > 0 ? left_ns : 0;
}

static int launch(struct bd_transaction *start)
{
    int64_t began_ns = bd_os_now_ns();
    int64_t backoff_ns = BACKOFF_FIRST_NS;
    for (;;) {
        int64_t start_left_ns = 0;
        int result = launch_once(start);
        int64_t left_ns = result < 0 ? time_for_another(start, began_ns, &start_left_ns) : 0;
        if (left_ns <= 0)
            return result;
        int64_t pause_ns = backoff_ns < left_ns ? backoff_ns : left_ns;
        bd_os_pause_ns(pause_ns);
        backoff_ns = backoff_ns * 2 < BACKOFF_LAST_NS ? backoff_ns * 2 : BACKOFF_LAST_NS;
        if (start->error->stage == BROOD_STAGE_EXEC)
            bd_plan_again(&start->plan);
        if (start->launch.start_timeout_ns) { /* one bound for all tries */
            start->launch.start_timeout_ns = start_left_ns - pause_ns;
            if (start->launch.start_timeout_ns <= 0)
                return result;
            bd_plan_time(&start->plan, start->launch.start_timeout_ns);
        }
    }
}

/* ------------------------------------------------------------------ commit */

/* The last entry frees the transaction, so the stack is walked in a copy. */
static void unwind(struct bd_transaction *start)
{
    struct bd_undo undo = start->undo;
    bd_undo_down_to(&undo, 0);
}

/* Nothing here can fail. The process stays; of the streams our ends do. */
static void commit(struct bd_transaction *start, struct bd_started *ret)
{
    ret->pid = start->launch.pid;
    ret->pidfd = start->launch.pidfd;
    ret->started_ns = bd_os_now_ns();
    for (int index = 0; index < BD_STREAMS; index++)
        ret->streams[index] = bd_os_take(&start->ends[index].ours);
    start->undo.count--; /* undo_process */
    unwind(start);
}

int bd_start(const struct brood_options *options, struct bd_started *ret,
             struct brood_error *reterr)
{
    struct bd_transaction *start = calloc(1, sizeof *start);
    if (!start)
        return bd_error_memory(reterr);
    start->error = reterr;
    start->launch.pidfd = -1;
    for (int index = 0; index < BD_STREAMS; index++)
        start->ends[index] = (struct os_pair){-1, -1};
    bd_undo_push(&start->undo, free_transaction, start);

    int result = reserve(start, options);
    if (result == 0)
        result = launch(start);
    if (result < 0)
        unwind(start);
    else
        commit(start, ret);
    return result;
}
