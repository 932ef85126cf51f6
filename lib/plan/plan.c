/* SPDX-License-Identifier: MIT */
/*
 * Options become a plan: everything copied, every program candidate spelled out, room for every
 * step.
 *
 * Room plan. Invariant: after bd_plan_make() the plan points to nothing of the caller's.
 */
#include "plan.h"

#include <errno.h>
#include <string.h>

#include "../base/text.h"
#include "error.h"
#include "moves.h"
#include "search.h"
#include "vectors.h"

/* At most one of each kind, but for two directory steps and three opens. */
enum { FIXED_STEPS = 32 };

/* ------------------------------------------------------------------ what is copied */

static bool is_mapped(const struct brood_options *options, int32_t number)
{
    for (size_t i = 0; i < options->fd_count; i++)
        if (options->fds[i].to == number)
            return true;
    return false;
}

/* The stream that `index` takes its descriptor from: a merged one the other output, a
 * pseudoterminal the first of its kind. */
static int source_of(const struct bd_plan *plan, int index)
{
    uint32_t kind = plan->streams[index].kind;
    if (kind == BROOD_MERGE) {
        index = index == BROOD_OUT ? BROOD_ERR : BROOD_OUT;
        kind = plan->streams[index].kind; /* no merged one: they cannot both be */
    }
    if (kind != BROOD_PTY)
        return index;
    int first = BROOD_IN;
    while (plan->streams[first].kind != BROOD_PTY)
        first++;
    return first;
}

/* All streams of the kind share one; the first that says a size counts. */
static void settle_terminal_size(struct bd_plan *plan)
{
    enum { ROWS = 24, COLUMNS = 80 };
    for (int index = 0; index < BD_STREAMS; index++) {
        const struct brood_stream *stream = &plan->streams[index];
        if (stream->kind != BROOD_PTY)
            continue;
        plan->rows = plan->rows ? plan->rows : stream->rows;
        plan->columns = plan->columns ? plan->columns : stream->columns;
    }
    plan->rows = plan->rows ? plan->rows : ROWS;
    plan->columns = plan->columns ? plan->columns : COLUMNS;
}

static int copy_streams(struct bd_plan *plan)
{
    settle_terminal_size(plan);
    for (int index = 0; index < BD_STREAMS; index++) {
        struct brood_stream *stream = &plan->streams[index];
        /* The caller's terminal is nothing for a life of its own. */
        if (stream->kind == BROOD_INHERIT && (plan->options.flags & BROOD_DETACHED) &&
            !is_mapped(&plan->options, index))
            stream->kind = BROOD_NULL;
        plan->sources[index] = source_of(plan, index);
        if (stream->kind != BROOD_FILE)
            continue;
        stream->path = bd_arena_copy(&plan->arena, stream->path, strlen(stream->path));
        if (!stream->path)
            return -ENOMEM;
    }
    return 0;
}

static int copy_map(struct bd_plan *plan)
{
    size_t count = plan->options.fd_count;
    plan->fds = bd_arena_array(&plan->arena, count, sizeof *plan->fds);
    plan->targets = bd_arena_array(&plan->arena, count, sizeof *plan->targets);
    if (!plan->fds || !plan->targets)
        return -ENOMEM;
    plan->fd_count = plan->target_count = count;
    for (size_t i = 0; i < count; i++) {
        plan->fds[i] = plan->options.fds[i];
        plan->targets[i] = plan->fds[i].to;
    }
    return 0;
}

static int copy_exec(struct bd_plan *plan)
{
    const struct brood_options *options = &plan->options;
    struct bd_arena *arena = &plan->arena;
    plan->exec.env = bd_vectors_environment(arena, options);
    plan->exec.argv = bd_vectors_argv(arena, options);
    if (!plan->exec.env || !plan->exec.argv)
        return -ENOMEM;
    if (options->flags & BROOD_SCRIPT_SHELL) {
        plan->exec.script_argv = bd_vectors_script_argv(arena, plan->exec.argv);
        if (!plan->exec.script_argv)
            return -ENOMEM;
    }

    const char *program = options->program ? options->program : plan->exec.argv[0];
    if (options->search != BROOD_SEARCH_NONE && *program && !strchr(program, '/')) {
        bool childs = options->search == BROOD_SEARCH_CHILD;
        const char *path = bd_os_variable(childs ? plan->exec.env : bd_os_environment(), "PATH");
        if (!path)
            path = bd_search_default_path;
        plan->path = bd_arena_copy(arena, path, strlen(path));
        if (!plan->path)
            return -ENOMEM;
    }
    int count = bd_search_candidates(arena, program, plan->path, &plan->exec.candidates);
    if (count < 0)
        return count;
    plan->exec.candidate_count = (size_t)count;
    return 0;
}

static int copy_directory(struct bd_plan *plan)
{
    if (!plan->options.cwd)
        return 0;
    plan->cwd = bd_arena_copy(&plan->arena, plan->options.cwd, strlen(plan->options.cwd));
    return plan->cwd ? 0 : -ENOMEM;
}

static int copy_ids(struct bd_plan *plan)
{
    const struct brood_credentials *wanted = plan->options.credentials;
    if (!wanted)
        return 0;
    bool keeps = (wanted->flags & BROOD_KEEP_GROUPS) != 0;
    plan->ids = (struct os_ids){.uid = wanted->uid,
                                .gid = wanted->gid,
                                .group_count = keeps ? SIZE_MAX : wanted->group_count};
    if (keeps)
        return 0;
    plan->ids.groups = bd_arena_array(&plan->arena, wanted->group_count, sizeof *wanted->groups);
    plan->ids.seen = bd_arena_array(&plan->arena, wanted->group_count, sizeof *wanted->groups);
    if (!plan->ids.groups || !plan->ids.seen)
        return -ENOMEM;
    for (size_t i = 0; i < wanted->group_count; i++)
        plan->ids.groups[i] = wanted->groups[i];
    return 0;
}

/* The name of the file that a process joins a control group by. */
static int copy_cgroup(struct bd_plan *plan)
{
    static const char file[] = "/cgroup.procs";
    const char *path = plan->options.cgroup;
    if (!path)
        return 0;
    size_t length = strlen(path), size = length + sizeof file;
    char *procs = bd_arena_alloc(&plan->arena, size);
    plan->cgroup = bd_arena_copy(&plan->arena, path, length);
    if (!procs || !plan->cgroup)
        return -ENOMEM;
    struct bd_text text = bd_text_over(procs, size);
    bd_text_add(&text, path);
    bd_text_add(&text, file);
    plan->cgroup_procs = procs;
    return 0;
}

static int copy_belonging(struct bd_plan *plan)
{
    const struct brood_options *options = &plan->options;
    plan->hook = (struct os_hook){.run = options->before_exec, .user = options->user};
    if (options->cpus) {
        uint64_t *cpus = bd_arena_array(&plan->arena, options->cpu_words, sizeof *cpus);
        if (!cpus)
            return -ENOMEM;
        memcpy(cpus, options->cpus, options->cpu_words * sizeof *cpus);
        plan->cpus = cpus;
    }
    struct bd_text number = bd_text_over(plan->oom_score_adj, sizeof plan->oom_score_adj);
    bd_text_add_number(&number, options->oom_score_adj);
    return copy_cgroup(plan);
}

/* Room for every step, wish and action, so that settling cannot fail. */
static int reserve_steps(struct bd_plan *plan)
{
    size_t wishes = BD_STREAMS + plan->fd_count;
    size_t steps = FIXED_STEPS + plan->options.rlimit_count + 2 * wishes;
    plan->wishes = bd_arena_array(&plan->arena, wishes, sizeof *plan->wishes);
    plan->moves = bd_arena_array(&plan->arena, 2 * wishes, sizeof *plan->moves);
    plan->steps = bd_arena_array(&plan->arena, steps, sizeof *plan->steps);
    return plan->wishes && plan->moves && plan->steps ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------------ the plan */

int bd_plan_make(struct bd_plan *plan, const struct brood_options *options,
                 struct brood_error *reterr)
{
    *plan =
        (struct bd_plan){.options = *options, .streams = {options->in, options->out, options->err}};
    if (copy_streams(plan) < 0 || copy_map(plan) < 0 || copy_exec(plan) < 0 ||
        copy_directory(plan) < 0 || copy_ids(plan) < 0 || copy_belonging(plan) < 0 ||
        reserve_steps(plan) < 0) {
        bd_plan_done(plan);
        return bd_error_memory(reterr);
    }
    return 0;
}

bool bd_plan_owns_memory(const struct brood_options *options)
{
    return options->credentials || (options->flags & BROOD_SET_OOM_SCORE_ADJ) ||
           options->before_exec;
}

void bd_plan_done(struct bd_plan *plan)
{
    bd_arena_done(&plan->arena);
}
