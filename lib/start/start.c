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
enum { BACKOFF_FIRST_NS = 1000000, BACKOFF_LAST_NS = 50000000 };

/* One transaction. On the heap: what is set aside must outlive the call. */
struct bd_transaction {
    struct bd_plan plan;
    struct os_launch launch;
    struct os_pair ends[BD_STREAMS];
    int terminal_fd; /* the caller's terminal, with BROOD_FOREGROUND; or -1 */
    pid_t foreground_before;
    struct bd_undo undo;
    size_t undo_after_launch; /* entries that a process which still stands may use */
    struct os_parked parked;
    struct os_exit end; /* of a process that was taken back */
    bool set_aside;
    struct brood_error *error;
};

/* ------------------------------------------------------------------ undo */

static void free_transaction(void *argument)
{
    free(argument);
}

static void undo_plan(void *argument)
{
    struct bd_transaction *start = argument;
    bd_plan_done(&start->plan);
}

static void undo_launch(void *argument)
{
    struct bd_transaction *start = argument;
    bd_os_launch_done(&start->launch);
}

static void undo_descriptors(void *argument)
{
    struct bd_transaction *start = argument;
    bd_os_close(bd_os_take(&start->launch.cgroup_fd));
    bd_os_close(bd_os_take(&start->terminal_fd));
    for (int index = 0; index < BD_STREAMS; index++) {
        bd_os_close(bd_os_take(&start->ends[index].ours));
        bd_os_close(bd_os_take(&start->ends[index].childs));
    }
}

/* Before the terminal is closed, and before the next try clears the record that tells. */
static void undo_foreground(void *argument)
{
    struct bd_transaction *start = argument;
#ifdef BROOD_MUTANT_TERMINAL_KEPT
    return;
#endif
    if (start->terminal_fd >= 0 && bd_os_launch_gave_terminal(&start->launch))
        bd_os_terminal_give_back(start->terminal_fd, start->foreground_before);
}

static void undo_process(void *argument)
{
    struct bd_transaction *start = argument;
    pid_t pid = start->launch.process.pid;
    int64_t deadline_ns = bd_os_deadline_ns(BD_KILL_BOUND_MS);
    if (bd_os_launch_end(&start->launch, deadline_ns, &start->end) < 0) {
        start->set_aside = true;
        start->error->unkillable_pid = pid;
    }
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
    case BROOD_PTY:
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

static int make_terminal(const struct bd_plan *plan, struct os_pair *ret)
{
    const struct brood_credentials *credentials = plan->options.credentials;
    int result = bd_os_pty_open(plan->rows, plan->columns, ret);
    /* So that its user can open it by name; without the right to, it works as a descriptor. */
    if (result == 0 && credentials && credentials->uid != UINT32_MAX)
        (void)bd_os_pty_give(ret->childs, credentials->uid);
    return result;
}

/* Of a pseudoterminal both directions come by one descriptor. Who has it for in and for out gets
 * two, so that each can be closed by itself; what comes out comes by out, if that is one. */
static int share_terminal(struct bd_transaction *start, int index)
{
    int first = start->plan.sources[index];
    if (index == BROOD_ERR && start->plan.streams[BROOD_OUT].kind == BROOD_PTY)
        return 0;
    return bd_os_duplicate(start->ends[first].ours, &start->ends[index].ours);
}

static int explain_ends(struct bd_transaction *start, const struct brood_stream *stream, int index,
                        int code)
{
    if (stream->kind == BROOD_PTY)
        return bd_error_set(start->error, BROOD_STAGE_TERMINAL, code, "of its own (/dev/ptmx)", -1);
    bool is_input = stream->kind == BROOD_MEMORY && index == BROOD_IN;
    return bd_error_set(start->error, is_input ? BROOD_STAGE_MEMORY : BROOD_STAGE_PIPE, code, NULL,
                        index);
}

/* Our ends of a pseudoterminal are one description: the flag of one stream is that of all. */
static bool is_nonblock(const struct bd_plan *plan, const struct brood_stream *stream)
{
    uint32_t flags = stream->flags;
    for (int index = 0; stream->kind == BROOD_PTY && index < BD_STREAMS; index++)
        if (plan->streams[index].kind == BROOD_PTY)
            flags |= plan->streams[index].flags;
    return (flags & BROOD_STREAM_NONBLOCK) != 0;
}

static int reserve_streams(struct bd_transaction *start)
{
    for (int index = 0; index < BD_STREAMS; index++) {
        const struct brood_stream *stream = &start->plan.streams[index];
        struct os_pair *pair = &start->ends[index];
        int result;
        if (stream->kind != BROOD_PTY)
            result = make_ends(stream, index, pair);
        else if (start->plan.sources[index] == index)
            result = make_terminal(&start->plan, pair);
        else
            result = share_terminal(start, index);
        if (result == 0 && is_nonblock(&start->plan, stream) && pair->ours >= 0)
            result = bd_os_set_nonblock(pair->ours);
        if (result < 0)
            return explain_ends(start, stream, index, -result);
    }
    return 0;
}

static int reserve_cgroup(struct bd_transaction *start)
{
    if (!start->plan.cgroup)
        return 0;
    const char *path = start->plan.cgroup;
    int result = bd_os_cgroup_open(path, &start->launch.cgroup_fd);
    if (result == -ENODEV)
        return bd_error_sentence(start->error, BROOD_STAGE_CGROUP, ENODEV, path,
                                 " is not a control group");
    return result == 0 ? 0 : bd_error_set(start->error, BROOD_STAGE_CGROUP, -result, path, -1);
}

/* It stays open until the child has ended, to give the foreground back. */
static int reserve_terminal(struct bd_transaction *start, const struct brood_options *options)
{
    if (!(options->flags & BROOD_FOREGROUND))
        return 0;
    int result = bd_os_terminal_open(&start->terminal_fd);
    if (result == 0) {
        start->foreground_before = bd_os_terminal_foreground(start->terminal_fd);
        result = start->foreground_before < 0 ? start->foreground_before : 0;
    }
    return result == 0 ? 0
                       : bd_error_set(start->error, BROOD_STAGE_TERMINAL, -result,
                                      "of the caller (/dev/tty)", -1);
}

static int reserve_descriptors(struct bd_transaction *start, const struct brood_options *options)
{
    int result = reserve_streams(start);
    if (result == 0)
        result = reserve_cgroup(start);
    if (result == 0)
        result = reserve_terminal(start, options);
    return result;
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
        .cgroup_fd = -1,
        .owns_memory = bd_plan_owns_memory(options),
        .detached = (options->flags & BROOD_DETACHED) != 0,
    };
    /* Before the streams: it needs a descriptor for a moment, and this keeps the peak low. */
    result = bd_os_launch_prepare(&start->launch);
    if (result < 0)
        return bd_error_set(start->error, BROOD_STAGE_MEMORY, -result, NULL, -1);
    bd_undo_push(&start->undo, undo_launch, start);
    start->undo_after_launch = start->undo.count;

    bd_undo_push(&start->undo, undo_descriptors, start);
    result = reserve_descriptors(start, options);
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

/* Since Linux 3.1 it is exec that fails when a change of uid has exceeded RLIMIT_NPROC. */
static bool exceeds_users_limit(const struct bd_plan *plan, const struct os_report *report)
{
    return report->progress == OS_FAILED && report->code == EAGAIN && plan->options.credentials &&
           plan->options.credentials->uid != UINT32_MAX;
}

static int explain_report(struct bd_transaction *start, const struct os_report *report)
{
    if (report->step < 0)
        return bd_error_set(start->error, BROOD_STAGE_CREATE, report->code, NULL, -1);
    const struct os_step *step = &start->plan.steps[report->step];
    const char *subject;
    int64_t number;
    bd_plan_name_step(&start->plan, (size_t)report->step, &subject, &number);
    switch ((enum os_progress)report->progress) {
    case OS_TIMED_OUT:
        return bd_error_set(start->error, BROOD_STAGE_TIMEOUT, ETIMEDOUT, NULL,
                            start->plan.options.start_timeout_ms);
    case OS_KILLED:
        number = start->end.lost ? 0 : start->end.wait_status & SIGNAL_BITS;
        return bd_error_detail(start->error, step->stage, EINTR, BROOD_DETAIL_KILLED, NULL,
                               number ? number : -1);
    case OS_BEGAN:
    case OS_FAILED:
        break;
    }
    if (step->op == OS_EXEC && exceeds_users_limit(&start->plan, report))
        return bd_error_set(start->error, BROOD_STAGE_CREDENTIALS, report->code,
                            "uid: that user has too many processes (limit nproc)", -1);
    if (step->op == OS_AFFINITY && report->code == EINVAL)
        subject = "processor affinity: none of those processors may be used";
    if (step->op == OS_EXEC)
        return bd_explain_exec(&start->plan, report, start->error);
    return bd_error_set(start->error, step->stage, report->code, subject, number);
}

/* One process, or none. Between two tries the terminal is the caller's again. */
static int launch_once(struct bd_transaction *start)
{
    int result = bd_os_launch_create(&start->launch);
    if (result < 0)
        return bd_error_set(start->error, BROOD_STAGE_CREATE, -result, NULL, -1);
    size_t before = start->undo.count;
    bd_undo_push(&start->undo, undo_foreground, start);
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
           (error->stage == BROOD_STAGE_CREATE || error->stage == BROOD_STAGE_CREDENTIALS ||
            error->stage == BROOD_STAGE_EXEC);
}

static int launch(struct bd_transaction *start)
{
    const struct brood_options *options = &start->plan.options;
    int64_t start_deadline_ns =
        options->start_timeout_ms ? bd_os_deadline_ns(options->start_timeout_ms) : OS_NEVER;
    int64_t deadline_ns = bd_os_deadline_ns(options->retry_ms);
    if (start_deadline_ns < deadline_ns)
        deadline_ns = start_deadline_ns;
    int64_t backoff_ns = BACKOFF_FIRST_NS;
    for (;;) {
        int result = launch_once(start);
        if (result == 0 || start->set_aside || !options->retry_ms || !may_pass(start->error))
            return result;
        int64_t left_ns = deadline_ns - bd_os_now_ns();
        if (left_ns <= 0)
            return result;
        bd_os_pause_ns(backoff_ns < left_ns ? backoff_ns : left_ns);
        backoff_ns = backoff_ns * 2 < BACKOFF_LAST_NS ? backoff_ns * 2 : BACKOFF_LAST_NS;
        if (start->error->stage != BROOD_STAGE_CREATE)
            bd_plan_again(&start->plan);
        if (options->start_timeout_ms) { /* one bound for all tries */
            int64_t start_left_ns = start_deadline_ns - bd_os_now_ns();
            if (start_left_ns <= 0)
                return result;
            start->launch.start_timeout_ns = start_left_ns;
            bd_plan_time(&start->plan, start_left_ns);
        }
    }
}

/* ------------------------------------------------------------------ commit */

/* The last entry frees the transaction, so the stack is walked in a copy. */
static void unwind(void *owner)
{
    struct bd_transaction *start = owner;
    struct bd_undo undo = start->undo;
    bd_undo_down_to(&undo, 0);
}

/* A process that stands may still use the launch and the plan: what is left of the stack waits with
 * it. From the moment that it is parked, another thread may free it. */
static void take_back(struct bd_transaction *start)
{
    if (!start->set_aside) {
        unwind(start);
        return;
    }
    bd_undo_down_to(&start->undo, start->undo_after_launch);
    start->parked =
        (struct os_parked){.process = start->launch.process, .free = unwind, .owner = start};
    bd_os_park(&start->parked);
}

/* Nothing here can fail. The process stays; of the streams our ends do. */
static void commit(struct bd_transaction *start, struct bd_started *ret)
{
    ret->process = start->launch.process;
    ret->detached = start->launch.detached;
    ret->terminal_fd = bd_os_take(&start->terminal_fd);
    ret->foreground_before = start->foreground_before;
    ret->started_ns = bd_os_now_ns();
    for (int index = 0; index < BD_STREAMS; index++)
        ret->streams[index] = bd_os_take(&start->ends[index].ours);
    start->undo.count -= 2; /* undo_process, undo_foreground */
    unwind(start);
}

int bd_start(const struct brood_options *options, struct bd_started *ret,
             struct brood_error *reterr)
{
    struct bd_transaction *start = calloc(1, sizeof *start);
    if (!start)
        return bd_error_memory(reterr);
    start->error = reterr;
    start->launch.cgroup_fd = start->terminal_fd = -1;
    for (int index = 0; index < BD_STREAMS; index++)
        start->ends[index] = (struct os_pair){-1, -1};
    bd_undo_push(&start->undo, free_transaction, start);

    int result = reserve(start, options);
    if (result == 0)
        result = launch(start);
    if (result < 0)
        take_back(start);
    else
        commit(start, ret);
    return result;
}
