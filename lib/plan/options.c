/* SPDX-License-Identifier: MIT */
/*
 * Checks what the caller says before anything is made of it, and says in words what is wrong.
 *
 * Room plan. Invariant: nothing in the world changes here.
 */
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "streams.h"

enum { KNOWN_FLAGS = 4095, SIGNAL_KILL = 9, SIGNAL_STOP = 19, NICE_LEAST = -20, NICE_MOST = 19 };
enum { OOM_MOST = 1000, GROUPS_MOST = 65536, CPU_WORDS_MOST = 1024 };

/* About 31 years: as nanoseconds far below the end of the clock. */
#define LONGEST_MS INT64_C(1000000000000)

/* ------------------------------------------------------------------ size and flags */

/* A caller with an older header gives less, one with a newer header may give more if it is all
 * zero. */
static int read_sized(const struct brood_options *given, struct brood_options *ret,
                      struct brood_error *reterr)
{
    size_t least = offsetof(struct brood_options, argv) + sizeof given->argv;
    if (!given)
        return bd_error_options(reterr, "options is NULL", NULL);
    size_t size = given->size;
    if (size < least)
        return bd_error_options(reterr,
                                "options.size is too small: use BROOD_OPTIONS() or "
                                "brood_options_init()",
                                NULL);
    memset(ret, 0, sizeof *ret);
    memcpy(ret, given, size < sizeof *ret ? size : sizeof *ret);
    for (size_t i = sizeof *ret; i < size; i++) {
        if (((const unsigned char *)given)[i]) {
            (void)bd_error_options(reterr, "options of a newer version than this library are set",
                                   NULL);
            reterr->code = E2BIG;
            return -E2BIG;
        }
    }
    return 0;
}

static int check_flags(const struct brood_options *options, struct brood_error *reterr)
{
    uint64_t flags = options->flags;
    if (flags & ~(uint64_t)KNOWN_FLAGS)
        return bd_error_options(reterr, "flags has unknown bits", NULL);
    if (options->reserved || options->reserved1)
        return bd_error_options(reterr, "a reserved member is not zero", NULL);
    if (options->signals & ~(uint32_t)(BROOD_KEEP_IGNORED | BROOD_KEEP_MASK))
        return bd_error_options(reterr, "signals has unknown bits", NULL);
    if (options->search > BROOD_SEARCH_NONE)
        return bd_error_options(reterr, "search is not a known value", NULL);
    if (options->scope > BROOD_SCOPE_GROUP)
        return bd_error_options(reterr, "scope is not a known value", NULL);
    return 0;
}

static bool has_terminal(const struct brood_options *options)
{
    return options->in.kind == BROOD_PTY || options->out.kind == BROOD_PTY ||
           options->err.kind == BROOD_PTY;
}

/* A detached process and one with a terminal of its own lead a session. */
static int settle_session(struct brood_options *options, struct brood_error *reterr)
{
    uint64_t flags = options->flags;
    if (flags & BROOD_DETACHED) {
        if ((flags & (BROOD_NEW_GROUP | BROOD_FOREGROUND)) || options->join_group)
            return bd_error_options(reterr,
                                    "BROOD_DETACHED makes a session itself: leave out groups and "
                                    "BROOD_FOREGROUND",
                                    NULL);
        if (options->scope != BROOD_SCOPE_CHILD)
            return bd_error_options(reterr, "a detached process has no scope but itself", NULL);
        options->flags |= BROOD_NEW_SESSION;
    }
    if (has_terminal(options)) {
        if ((flags & (BROOD_NEW_GROUP | BROOD_FOREGROUND)) || options->join_group)
            return bd_error_options(reterr,
                                    "a pseudoterminal makes a session itself: leave out groups and "
                                    "BROOD_FOREGROUND",
                                    NULL);
        options->flags |= BROOD_NEW_SESSION;
    }
    return 0;
}

static int check_group(const struct brood_options *options, struct brood_error *reterr)
{
    uint64_t flags = options->flags;
    if (options->scope == BROOD_SCOPE_GROUP && !(flags & (BROOD_NEW_SESSION | BROOD_NEW_GROUP)))
        return bd_error_options(reterr, "scope group needs BROOD_NEW_GROUP or BROOD_NEW_SESSION",
                                NULL);
    if ((flags & BROOD_NEW_SESSION) && (flags & BROOD_NEW_GROUP))
        return bd_error_options(reterr,
                                "BROOD_NEW_SESSION makes a group itself: leave out "
                                "BROOD_NEW_GROUP",
                                NULL);
    if (options->join_group < 0 || options->join_group == 1)
        return bd_error_options(reterr, "join_group is not a process group", NULL);
    if (options->join_group && (flags & (BROOD_NEW_SESSION | BROOD_NEW_GROUP)))
        return bd_error_options(reterr, "join_group contradicts a new session or group", NULL);
    if ((flags & BROOD_FOREGROUND) && !(flags & BROOD_NEW_GROUP) && !options->join_group)
        return bd_error_options(reterr, "BROOD_FOREGROUND needs BROOD_NEW_GROUP or join_group",
                                NULL);
    return 0;
}

static int check_credentials(const struct brood_credentials *wanted, struct brood_error *reterr)
{
    if (!wanted)
        return 0;
    if (wanted->flags & ~(uint32_t)BROOD_KEEP_GROUPS)
        return bd_error_options(reterr, "credentials.flags has unknown bits", NULL);
    if (wanted->reserved[0] || wanted->reserved[1] || wanted->reserved[2])
        return bd_error_options(reterr, "a reserved member is not zero", NULL);
    if (wanted->group_count && !wanted->groups)
        return bd_error_options(reterr, "group_count without groups", NULL);
    if (wanted->group_count && (wanted->flags & BROOD_KEEP_GROUPS))
        return bd_error_options(reterr, "BROOD_KEEP_GROUPS contradicts a list of groups", NULL);
    if (wanted->group_count > GROUPS_MOST)
        return bd_error_options(reterr, "group_count is above 65536", NULL);
    return 0;
}

static int check_cpus(const struct brood_options *options, struct brood_error *reterr)
{
    if (!options->cpus && !options->cpu_words)
        return 0;
    if (!options->cpus)
        return bd_error_options(reterr, "cpu_words without cpus", NULL);
    if (options->cpu_words > CPU_WORDS_MOST)
        return bd_error_options(reterr, "cpu_words is above 1024", NULL);
    for (size_t i = 0; i < options->cpu_words; i++)
        if (options->cpus[i])
            return 0;
    return bd_error_options(reterr, "cpus has no processor in it", NULL);
}

/* Who the child is and where it runs. */
static int check_belonging(const struct brood_options *options, struct brood_error *reterr)
{
    if ((options->flags & BROOD_SET_OOM_SCORE_ADJ) &&
        (options->oom_score_adj < -OOM_MOST || options->oom_score_adj > OOM_MOST))
        return bd_error_options(reterr, "oom_score_adj is not within -1000..1000", NULL);
    if (options->cgroup && !*options->cgroup)
        return bd_error_options(reterr, "cgroup is empty", NULL);
    int result = check_credentials(options->credentials, reterr);
    return result == 0 ? check_cpus(options, reterr) : result;
}

/* A value whose flag is missing would be without effect, and nobody would say so. */
static int check_flagged(const struct brood_options *options, struct brood_error *reterr)
{
    const struct {
        bool is_given;
        uint64_t flag;
        const char *sentence;
    } values[] = {
        {options->umask != 0, BROOD_SET_UMASK, "umask is given without BROOD_SET_UMASK"},
        {options->nice != 0, BROOD_SET_NICE, "nice is given without BROOD_SET_NICE"},
        {options->cwd_fd != 0, BROOD_SET_CWD_FD, "cwd_fd is given without BROOD_SET_CWD_FD"},
        {options->oom_score_adj != 0, BROOD_SET_OOM_SCORE_ADJ,
         "oom_score_adj is given without BROOD_SET_OOM_SCORE_ADJ"},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i].is_given && !(options->flags & values[i].flag))
            return bd_error_options(reterr, values[i].sentence, NULL);
    if (options->user && !options->before_exec)
        return bd_error_options(reterr, "user is given without before_exec", NULL);
    return 0;
}

static int check_values(const struct brood_options *options, struct brood_error *reterr)
{
    if ((options->flags & BROOD_SET_UMASK) && options->umask > 0777)
        return bd_error_options(reterr, "umask is not within 0..0777", NULL);
    if ((options->flags & BROOD_SET_NICE) &&
        (options->nice < NICE_LEAST || options->nice > NICE_MOST))
        return bd_error_options(reterr, "nice is not within -20..19", NULL);
    uint64_t never = UINT64_C(1) << (SIGNAL_KILL - 1) | UINT64_C(1) << (SIGNAL_STOP - 1);
    if (options->ignore_signals & never)
        return bd_error_options(reterr, "SIGKILL and SIGSTOP cannot be ignored", NULL);
    if (options->rlimit_count && !options->rlimits)
        return bd_error_options(reterr, "rlimit_count without rlimits", NULL);
    for (size_t i = 0; i < options->rlimit_count; i++) {
        const struct brood_rlimit *limit = &options->rlimits[i];
        if (limit->reserved)
            return bd_error_options(reterr, "a reserved member is not zero", NULL);
        if (limit->soft > limit->hard)
            return bd_error_options(reterr, "a soft limit is above its hard limit", NULL);
    }
    return 0;
}

static int check_times(const struct brood_options *options, enum bd_purpose purpose,
                       struct brood_error *reterr)
{
    if (options->start_timeout_ms < 0 || options->retry_ms < 0 || options->timeout_ms < 0 ||
        options->grace_ms < 0 || options->drain_ms < 0)
        return bd_error_options(reterr, "a duration is negative: 0 is none", NULL);
    if (options->start_timeout_ms > LONGEST_MS)
        return bd_error_options(reterr, "start_timeout_ms is above 10^12", NULL);
    if (purpose == BD_FOR_RUN && (options->flags & BROOD_DETACHED))
        return bd_error_options(reterr, "brood_run() stays until the end: nothing is detached",
                                NULL);
    if (purpose == BD_FOR_START && (options->timeout_ms || options->grace_ms || options->drain_ms))
        return bd_error_options(reterr,
                                "timeout_ms, grace_ms and drain_ms need a call that stays: "
                                "use brood_run()",
                                NULL);
    return 0;
}

/* ------------------------------------------------------------------ words */

static int check_argv(const struct brood_options *options, struct brood_error *reterr)
{
    if (!options->argv || !options->argv[0])
        return bd_error_options(reterr, "argv must have at least one word", NULL);
    if (options->program && (options->flags & BROOD_SHELL))
        return bd_error_options(reterr, "BROOD_SHELL runs /bin/sh: leave program out", NULL);
    return 0;
}

static int check_environment(char *const *list, const char *sentence, struct brood_error *reterr)
{
    for (; list && *list; list++) {
        const char *equals = strchr(*list, '=');
        if (!equals || equals == *list)
            return bd_error_options(reterr, sentence, *list);
    }
    return 0;
}

static int check_words(const struct brood_options *options, struct brood_error *reterr)
{
    int result = check_argv(options, reterr);
    if (result == 0)
        result = check_environment(options->env, "env: not NAME=VALUE:", reterr);
    if (result == 0)
        result = check_environment(options->env_set, "env_set: not NAME=VALUE:", reterr);
    for (char *const *name = options->env_unset; result == 0 && name && *name; name++)
        if (!**name || strchr(*name, '='))
            result = bd_error_options(reterr, "env_unset: not a name:", *name);
    return result;
}

/* ------------------------------------------------------------------ all of them */

int bd_options_read(const struct brood_options *given, enum bd_purpose purpose,
                    struct brood_options *ret, struct brood_error *reterr)
{
    memset(reterr, 0, sizeof *reterr);
    int result = read_sized(given, ret, reterr);
    if (result < 0)
        return result;
    bd_error_begin(reterr, ret);
    result = check_words(ret, reterr);
    if (result == 0)
        result = check_flags(ret, reterr);
    if (result == 0)
        result = settle_session(ret, reterr);
    if (result == 0)
        result = check_group(ret, reterr);
    if (result == 0)
        result = check_belonging(ret, reterr);
    if (result == 0)
        result = check_flagged(ret, reterr);
    if (result == 0)
        result = check_values(ret, reterr);
    if (result == 0)
        result = check_times(ret, purpose, reterr);
    for (int index = BROOD_IN; result == 0 && index <= BROOD_ERR; index++)
        result = bd_streams_check(ret, index, purpose, reterr);
    if (result == 0 && (ret->flags & BROOD_SET_CWD_FD))
        result = bd_streams_check_open(ret->cwd_fd, reterr);
    if (result == 0)
        result = bd_streams_check_map(ret, reterr);
    return result;
}

void brood_options_init(struct brood_options *options, size_t size)
{
    if (size < sizeof options->size)
        return;
    memset(options, 0, size);
    options->size = size;
}
