/* SPDX-License-Identifier: MIT */
/*
 * The plan of one start: the options, settled and copied, and the flat list of steps made from
 * them.
 *
 * Room plan. Invariants: bd_plan_make() does all that can fail; bd_plan_settle() only fills in,
 * once the child's ends of the streams have numbers; nothing allocates after that. A plan owns
 * every string it points to.
 */
#ifndef BD_PLAN_PLAN_H
#define BD_PLAN_PLAN_H

#include <brood.h>

#include "../base/arena.h"
#include "../os/os.h"

struct bd_wish;
struct bd_move;

enum { BD_STREAMS = 3 };

struct bd_plan {
    struct bd_arena arena;
    struct brood_options options; /* borrowed strings in it are only used while making the plan */
    struct brood_stream streams[BD_STREAMS]; /* paths copied */
    int sources[BD_STREAMS];                 /* the stream that it takes its descriptor from */
    uint16_t rows, columns;                  /* of the pseudoterminal */
    struct brood_fd_map *fds;
    size_t fd_count;
    const char *cwd, *path;            /* path: the value of PATH that was searched, or NULL */
    const char *cgroup, *cgroup_procs; /* its directory, and the file in it that takes processes */
    char oom_score_adj[16];            /* as text */
    const uint64_t *cpus;
    struct os_ids ids;
    struct os_hook hook;
    struct os_exec exec;

    struct os_step *steps;
    size_t step_count;
    struct bd_wish *wishes; /* room for settling */
    struct bd_move *moves;
    int32_t *targets;
    size_t target_count;
};

/* 0, or -errno with *reterr filled in but for the program; then nothing is left to free. */
int bd_plan_make(struct bd_plan *plan, const struct brood_options *options,
                 struct brood_error *reterr);

/* Does a step change what the new process would share with the caller, were their memory one? The
 * kernel keeps the dumpable flag and oom_score_adj with the memory, and a hook writes to it. */
bool bd_plan_owns_memory(const struct brood_options *options);

/* `childs_ends[i]`: the descriptor that stream i of kind pipe, socket, pty or memory leads to, else
 * -1. */
void bd_plan_settle(struct bd_plan *plan, const int childs_ends[BD_STREAMS]);

/* A start that failed once its files were open is tried again: those of the first try exist now. */
void bd_plan_again(struct bd_plan *plan);

/* The time that is left for the start, in its timer. */
void bd_plan_time(struct bd_plan *plan, int64_t nanoseconds);

/* What step `index` is about, for an error: words or NULL, and a number or -1. */
void bd_plan_name_step(const struct bd_plan *plan, size_t index, const char **ret_subject,
                       int64_t *ret_number);

void bd_plan_done(struct bd_plan *plan);

#endif
