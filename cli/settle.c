/* SPDX-License-Identifier: MIT */
/*
 * From what was asked for to the options of a start. Room cli.
 *
 * Invariant: the command gets what brood run itself was given (streams, closed ones too, and
 * ignored HUP, INT and QUIT) and what was asked for, and nothing else.
 */
#include "settle.h"
#include "keep.h"
#include "listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What holds without --grace, --drain and --start-timeout; the option table says the same. */
enum { DEFAULT_GRACE_MS = 10000, DEFAULT_DRAIN_MS = 1000, DEFAULT_START_TIMEOUT_MS = 60000 };

int64_t settle_grace_ms(const struct asked *asked)
{
    return asked->grace_ms >= 0 ? asked->grace_ms : DEFAULT_GRACE_MS;
}

bool settle_passes_output(const struct asked *asked)
{
    return asked->drain_ms >= 0 || asked->pty;
}

int64_t settle_drain_ms(const struct asked *asked)
{
    return asked->drain_ms >= 0 ? asked->drain_ms : DEFAULT_DRAIN_MS;
}

/* A stream that is inherited, be it by default or in so many words. */
static struct brood_stream inherited(const struct asked *asked, const struct entry *entry,
                                     const struct terminal *terminal, int index)
{
    bool given = asked->streams[index].given;
    if (asked->pty && !given)
        return (struct brood_stream){.kind = BROOD_PTY,
                                     .flags = BROOD_STREAM_NONBLOCK,
                                     .rows = terminal->rows,
                                     .columns = terminal->columns};
    if (entry->closed[index])
        return (struct brood_stream){.kind = BROOD_CLOSED};
    if (index != BROOD_IN && asked->drain_ms >= 0)
        return (struct brood_stream){.kind = BROOD_PIPE};
    /* A detached command is left without our streams, unless it is to have them. */
    if (asked->detach && given)
        return (struct brood_stream){.kind = BROOD_FD, .fd = index};
    return (struct brood_stream){0};
}

static void settle_streams(struct brood_options *options, const struct asked *asked,
                           const struct entry *entry, const struct terminal *terminal)
{
    struct brood_stream *streams[3] = {&options->in, &options->out, &options->err};
    for (int i = BROOD_IN; i <= BROOD_ERR; i++) {
        const struct asked_stream *want = &asked->streams[i];
        *streams[i] = (struct brood_stream){.kind = want->kind, .path = want->path};
        if (want->kind == BROOD_INHERIT)
            *streams[i] = inherited(asked, entry, terminal, i);
    }
    /* The same place as a closed stream is no place either. */
    if (options->out.kind == BROOD_CLOSED && options->err.kind == BROOD_MERGE)
        options->err.kind = BROOD_CLOSED;
    if (options->err.kind == BROOD_CLOSED && options->out.kind == BROOD_MERGE)
        options->out.kind = BROOD_CLOSED;
}

static void settle_process(struct brood_options *options, const struct asked *asked)
{
    static char *const empty[] = {NULL};
    options->cwd = asked->cwd;
    options->env = asked->clear_env ? empty : NULL;
    options->env_set = asked->set;
    options->env_unset = asked->unset;
    options->rlimits = asked->limits;
    options->rlimit_count = asked->limit_count;
    if (asked->umask >= 0) {
        options->flags |= BROOD_SET_UMASK;
        options->umask = (uint32_t)asked->umask;
    }
    if (asked->nice != INT64_MIN) {
        options->flags |= BROOD_SET_NICE;
        options->nice = (int32_t)asked->nice;
    }
    if (asked->oom != INT64_MIN) {
        options->flags |= BROOD_SET_OOM_SCORE_ADJ;
        options->oom_score_adj = (int32_t)asked->oom;
    }
    if (asked->new_session)
        options->flags |= BROOD_NEW_SESSION;
    if (asked->keep_all)
        options->flags |= BROOD_KEEP_ALL_FDS;
    if (asked->no_new_privs)
        options->flags |= BROOD_NO_NEW_PRIVS;
    if (asked->detach)
        options->flags |= BROOD_DETACHED;
    options->credentials = asked->changes_identity ? &asked->credentials : NULL;
    options->cpus = asked->cpu_words > 0 ? asked->cpus : NULL;
    options->cpu_words = asked->cpu_words;
    options->cgroup = asked->cgroup;
    options->ignore_signals |= asked->ignore_signals;
}

/* The start is part of the time that --timeout gives. */
static void settle_start_timeout(struct settled *settled, const struct asked *asked)
{
    int64_t bound =
        asked->start_timeout_ms >= 0 ? asked->start_timeout_ms : DEFAULT_START_TIMEOUT_MS;
    if (asked->timeout_ms > 0 && (bound == 0 || asked->timeout_ms < bound)) {
        bound = asked->timeout_ms;
        settled->start_is_timeout = true;
    }
    settled->options.start_timeout_ms = bound;
}

int settle(struct settled *settled, const struct asked *asked, const struct entry *entry,
           struct terminal *terminal)
{
    *settled = (struct settled){.options = {.size = sizeof(struct brood_options)}};
    struct brood_options *options = &settled->options;
    options->argv = asked->command;
    /* env(1), nohup(1) and timeout(1) run a script without #! by way of execvp(3). */
    options->flags = BROOD_SCRIPT_SHELL;
    options->ignore_signals = entry->ignored;
    settle_streams(options, asked, entry, terminal);
    if (asked->pty) {
        options->before_exec = terminal_begin;
        options->user = terminal;
    }
    settle_process(options, asked);
    settle_start_timeout(settled, asked);

    int code = keep_collect(asked, &settled->maps, &options->fd_count);
    if (code < 0)
        return code;
    options->fds = settled->maps;
    if (keep_is_listener(asked)) {
        settled->listener = listener_words(asked->command);
        if (!settled->listener)
            return -ENOMEM;
        options->program = LISTENER_PROGRAM;
        options->argv = settled->listener;
    }
    return 0;
}

void settle_done(struct settled *settled)
{
    free(settled->maps);
    free(settled->listener);
    settled->maps = NULL;
    settled->listener = NULL;
}
