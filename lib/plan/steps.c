/* SPDX-License-Identifier: MIT */
/*
 * The steps of the new process, in their order.
 *
 * Room plan. The order is the contract with the new process: timer; session or group; control
 * group; limits, umask, nice value and the like; directory; files; ids; hiding; moves; terminal;
 * the descriptor limit; signals; hook; exec. Files come after the directory, since their names are
 * relative to it, and after the umask, but before the ids: they are opened with the caller's
 * rights, as a shell's redirections are. Hiding comes before the moves because a moved descriptor
 * is not close-on-exec; the limit of descriptors comes after the moves, which may need numbers
 * above it; signals open last, so that nothing of ours is interrupted. Invariant: nothing here can
 * fail.
 */
#include "plan.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "moves.h"

enum { CREATE_MODE = 0666 };

static struct os_step *add_step(struct bd_plan *plan, enum os_op op, enum brood_stage stage)
{
    struct os_step *step = &plan->steps[plan->step_count++];
    *step = (struct os_step){.op = (uint16_t)op, .stage = (uint16_t)stage, .from = -1, .to = -1};
    return step;
}

static void add_limit(struct bd_plan *plan, uint32_t resource, uint64_t soft, uint64_t hard)
{
    struct os_step *step = add_step(plan, OS_LIMIT, BROOD_STAGE_RESOURCE);
    step->from = (int32_t)resource;
    step->value = soft;
    step->value2 = hard;
}

static void add_belonging(struct bd_plan *plan)
{
    const struct brood_options *options = &plan->options;
    if (options->start_timeout_ms) {
        struct os_step *step = add_step(plan, OS_TIMER, BROOD_STAGE_TIMEOUT);
        step->value = (uint64_t)options->start_timeout_ms * 1000000U;
    }
    if (options->flags & BROOD_NEW_SESSION)
        add_step(plan, OS_SESSION, BROOD_STAGE_SESSION);
    if (options->flags & BROOD_NEW_GROUP)
        add_step(plan, OS_GROUP, BROOD_STAGE_GROUP)->from = 0;
    if (options->join_group)
        add_step(plan, OS_GROUP, BROOD_STAGE_GROUP)->from = options->join_group;
    if (plan->cgroup)
        add_step(plan, OS_CGROUP, BROOD_STAGE_CGROUP)->data = plan->cgroup_procs;
}

static void add_resources(struct bd_plan *plan)
{
    const struct brood_options *options = &plan->options;
    for (size_t i = 0; i < options->rlimit_count; i++) {
        const struct brood_rlimit *limit = &options->rlimits[i];
        if (limit->resource != RLIMIT_NOFILE)
            add_limit(plan, limit->resource, limit->soft, limit->hard);
    }
    if (options->flags & BROOD_SET_UMASK)
        add_step(plan, OS_UMASK, BROOD_STAGE_RESOURCE)->value = options->umask;
    if (options->flags & BROOD_SET_NICE)
        add_step(plan, OS_NICE, BROOD_STAGE_RESOURCE)->from = options->nice;
    if (options->flags & BROOD_SET_OOM_SCORE_ADJ) {
        struct os_step *step = add_step(plan, OS_OOM, BROOD_STAGE_RESOURCE);
        step->data = plan->oom_score_adj;
        step->value = strlen(plan->oom_score_adj);
    }
    if (plan->cpus) {
        struct os_step *step = add_step(plan, OS_AFFINITY, BROOD_STAGE_RESOURCE);
        step->data = plan->cpus;
        step->value = options->cpu_words * sizeof *plan->cpus;
    }
}

static void add_directory(struct bd_plan *plan)
{
    if (plan->options.flags & BROOD_SET_CWD_FD)
        add_step(plan, OS_FCHDIR, BROOD_STAGE_DIRECTORY)->from = plan->options.cwd_fd;
    if (plan->cwd)
        add_step(plan, OS_CHDIR, BROOD_STAGE_DIRECTORY)->data = plan->cwd;
}

/* The last one counts, as elsewhere; NULL if there is none. */
static const struct brood_rlimit *asked_descriptor_limit(const struct bd_plan *plan)
{
    for (size_t i = plan->options.rlimit_count; i-- > 0;)
        if (plan->options.rlimits[i].resource == RLIMIT_NOFILE)
            return &plan->options.rlimits[i];
    return NULL;
}

/* A hard limit takes the caller's rights, which go with its uid, but the soft one must wait for the
 * moves. */
static void add_hard_descriptor_limit(struct bd_plan *plan)
{
    const struct brood_rlimit *limit = asked_descriptor_limit(plan);
    uint64_t soft = bd_os_soft_nofile();
    if (limit)
        add_limit(plan, RLIMIT_NOFILE, soft, limit->hard > soft ? limit->hard : soft);
}

/* Groups first: after the others there is no right to. */
static void add_ids(struct bd_plan *plan)
{
    const struct os_ids *ids = &plan->ids;
    if (!plan->options.credentials)
        return;
#ifndef BROOD_MUTANT_GROUPS_KEPT
    if (ids->group_count != SIZE_MAX) {
        struct os_step *step = add_step(plan, OS_GROUPS, BROOD_STAGE_CREDENTIALS);
        step->data = ids->groups;
        step->value = ids->group_count;
    }
#endif
    if (ids->gid != UINT32_MAX)
        add_step(plan, OS_GID, BROOD_STAGE_CREDENTIALS)->value = ids->gid;
    if (ids->uid != UINT32_MAX) {
        add_hard_descriptor_limit(plan);
        add_step(plan, OS_UID, BROOD_STAGE_CREDENTIALS)->value = ids->uid;
    }
    add_step(plan, OS_VERIFY, BROOD_STAGE_CREDENTIALS)->data = ids;
}

static uint64_t open_flags(const struct brood_stream *stream, int index)
{
    uint64_t flags = O_NOCTTY;
    if (index == BROOD_IN)
        return flags | O_RDONLY;
    flags |= O_WRONLY;
    flags |= stream->flags & BROOD_FILE_EXISTING ? 0U : (uint64_t)O_CREAT;
    flags |= stream->flags & BROOD_FILE_EXCLUSIVE ? (uint64_t)O_EXCL : 0U;
    if (stream->flags & BROOD_FILE_APPEND)
        return flags | O_APPEND;
    return stream->flags & BROOD_FILE_KEEP ? flags : flags | O_TRUNC;
}

/* ret[i]: the step that opens stream i, for the moves to refer to. /dev/null is opened once for
 * all. */
static void add_files(struct bd_plan *plan, int32_t ret[BD_STREAMS])
{
    int32_t null_step = -1;
    for (int index = 0; index < BD_STREAMS; index++) {
        const struct brood_stream *stream = &plan->streams[index];
        if (stream->kind == BROOD_NULL && null_step < 0) {
            null_step = (int32_t)plan->step_count;
            struct os_step *step = add_step(plan, OS_OPEN, BROOD_STAGE_OPEN);
            step->data = "/dev/null";
            step->value = O_RDWR;
        } else if (stream->kind == BROOD_FILE) {
            ret[index] = (int32_t)plan->step_count;
            struct os_step *step = add_step(plan, OS_OPEN, BROOD_STAGE_OPEN);
            step->data = stream->path;
            step->value = open_flags(stream, index);
            step->value2 = stream->create_mode ? stream->create_mode : CREATE_MODE;
        }
        if (stream->kind == BROOD_NULL)
            ret[index] = null_step;
    }
}

/* ------------------------------------------------------------------ descriptors */

/* What an inherited stream is in the child: the map may have given it another descriptor. */
static int32_t inherited_source(const struct bd_plan *plan, int index)
{
    for (size_t i = 0; i < plan->fd_count; i++)
        if (plan->fds[i].to == index)
            return plan->fds[i].from;
    return bd_os_survives_exec(index) ? index : -1;
}

/* Where stream `index` of the child comes from: a descriptor, or something a step makes; -1:
 * nowhere. */
static int32_t stream_source(const struct bd_plan *plan, int index, const int childs_ends[],
                             const int32_t opened[])
{
    int source = plan->sources[index];
    const struct brood_stream *stream = &plan->streams[source];
    switch ((enum brood_stream_kind)stream->kind) {
    case BROOD_NULL:
    case BROOD_FILE:
        return OS_MADE_BY(opened[source]);
    case BROOD_FD:
        return stream->fd;
    case BROOD_INHERIT:
        return inherited_source(plan, source);
    case BROOD_PIPE:
    case BROOD_SOCKET:
    case BROOD_MEMORY:
    case BROOD_PTY:
        return childs_ends[source];
    case BROOD_MERGE:
    case BROOD_CLOSED:
        break;
    }
    return -1;
}

static void add_moves(struct bd_plan *plan, size_t wish_count)
{
    size_t count = bd_moves_order(plan->wishes, wish_count, plan->moves);
    int32_t saved = -1;
    for (size_t i = 0; i < count; i++) {
        const struct bd_move *move = &plan->moves[i];
        enum os_op op = move->kind == BD_KEEP ? OS_KEEP : move->kind == BD_SAVE ? OS_SAVE : OS_MOVE;
        struct os_step *step = add_step(plan, op, BROOD_STAGE_DESCRIPTORS);
        if (move->kind == BD_SAVE)
            saved = OS_MADE_BY(plan->step_count - 1);
        step->from = move->kind == BD_MOVE_SAVED ? saved : move->from;
        step->to = move->to;
        /* The next cycle may need the number: only one need be free. */
        if (move->kind == BD_MOVE_SAVED)
            add_step(plan, OS_CLOSE, BROOD_STAGE_DESCRIPTORS)->from = saved;
    }
}

static void add_descriptors(struct bd_plan *plan, const int childs_ends[], const int32_t opened[])
{
    size_t wish_count = 0;
    bool closes[BD_STREAMS] = {false};
    if (!(plan->options.flags & BROOD_KEEP_ALL_FDS))
        add_step(plan, OS_HIDE, BROOD_STAGE_DESCRIPTORS);
    for (int index = 0; index < BD_STREAMS; index++) {
        if (plan->streams[index].kind == BROOD_INHERIT)
            continue;
        int32_t from = stream_source(plan, index, childs_ends, opened);
        closes[index] = from == -1;
        if (from != -1)
            plan->wishes[wish_count++] = (struct bd_wish){.from = from, .to = index};
    }
    for (size_t i = 0; i < plan->fd_count; i++)
        plan->wishes[wish_count++] =
            (struct bd_wish){.from = plan->fds[i].from, .to = plan->fds[i].to};
    add_moves(plan, wish_count);
    for (int index = 0; index < BD_STREAMS; index++)
        if (closes[index])
            add_step(plan, OS_CLOSE, BROOD_STAGE_DESCRIPTORS)->from = index;
}

/* The program's own value, unless the options give one: a limit that the host raised for itself
 * breaks programs that use select(2). */
static void add_descriptor_limit(struct bd_plan *plan)
{
    uint64_t soft, hard;
    const struct brood_rlimit *limit = asked_descriptor_limit(plan);
    if (limit)
        add_limit(plan, RLIMIT_NOFILE, limit->soft, limit->hard);
    else if (bd_os_nofile_before(&soft, &hard))
        add_limit(plan, RLIMIT_NOFILE, soft, hard);
}

/* After the moves, when the pseudoterminal is a standard stream. */
static void add_terminal(struct bd_plan *plan)
{
    for (int index = 0; index < BD_STREAMS; index++)
        if (plan->streams[index].kind == BROOD_PTY && plan->sources[index] == index)
            add_step(plan, OS_TERMINAL, BROOD_STAGE_TERMINAL)->from = index;
    if (plan->options.flags & BROOD_FOREGROUND)
        add_step(plan, OS_FOREGROUND, BROOD_STAGE_TERMINAL);
}

static void add_signals(struct bd_plan *plan)
{
    const struct brood_options *options = &plan->options;
    struct os_step *step = add_step(plan, OS_DISPOSITIONS, BROOD_STAGE_SIGNALS);
    step->value = options->signals & BROOD_KEEP_IGNORED ? ~UINT64_C(0) : 0;
    step->value2 = options->ignore_signals;
    add_step(plan, OS_MASK, BROOD_STAGE_SIGNALS)->from = (options->signals & BROOD_KEEP_MASK) != 0;
}

/* ------------------------------------------------------------------ all of them */

void bd_plan_settle(struct bd_plan *plan, const int childs_ends[BD_STREAMS])
{
    int32_t opened[BD_STREAMS] = {-1, -1, -1};
    plan->step_count = 0;
    add_belonging(plan);
    add_resources(plan);
    add_directory(plan);
    add_files(plan, opened);
    add_ids(plan);
    add_descriptors(plan, childs_ends, opened);
    add_terminal(plan);
    add_descriptor_limit(plan);
    if (plan->options.flags & BROOD_NO_NEW_PRIVS)
        add_step(plan, OS_NO_NEW_PRIVS, BROOD_STAGE_CREDENTIALS);
    add_signals(plan);
    if (plan->hook.run)
        add_step(plan, OS_HOOK, BROOD_STAGE_HOOK)->data = &plan->hook;
    add_step(plan, OS_EXEC, BROOD_STAGE_EXEC)->data = &plan->exec;
}

void bd_plan_again(struct bd_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].op == OS_OPEN && (plan->steps[i].value & O_EXCL))
            plan->steps[i].value = (plan->steps[i].value & ~(uint64_t)O_EXCL) | O_NOFOLLOW;
}

void bd_plan_time(struct bd_plan *plan, int64_t nanoseconds)
{
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].op == OS_TIMER)
            plan->steps[i].value = (uint64_t)nanoseconds;
}
