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

/* What holds without --grace and --start-timeout; the option table says the same. */
enum { DEFAULT_GRACE_MS = 10000, DEFAULT_START_TIMEOUT_MS = 60000 };

int64_t settle_grace_ms(const struct asked *asked)
{
    return asked->grace_ms >= 0 ? asked->grace_ms : DEFAULT_GRACE_MS;
}

static void settle_streams(struct brood_options *options, const struct asked *asked,
                           const struct entry *entry)
{
    struct brood_stream *streams[3] = {&options->in, &options->out, &options->err};
    for (int i = BROOD_IN; i <= BROOD_ERR; i++) {
        const struct asked_stream *want = &asked->streams[i];
        *streams[i] = (struct brood_stream){.kind = want->kind, .path = want->path};
        if (want->kind == BROOD_INHERIT && entry->closed[i])
            streams[i]->kind = BROOD_CLOSED;
        else if (want->kind == BROOD_INHERIT && i != BROOD_IN && asked->drain_ms >= 0)
            streams[i]->kind = BROOD_PIPE;
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
    if (asked->new_session)
        options->flags |= BROOD_NEW_SESSION;
    if (asked->keep_all)
        options->flags |= BROOD_KEEP_ALL_FDS;
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

int settle(struct settled *settled, const struct asked *asked, const struct entry *entry)
{
    *settled = (struct settled){.options = {.size = sizeof(struct brood_options)}};
    struct brood_options *options = &settled->options;
    options->argv = asked->command;
    /* env(1), nohup(1) and timeout(1) run a script without #! by way of execvp(3). */
    options->flags = BROOD_SCRIPT_SHELL;
    options->ignore_signals = entry->ignored;
    settle_streams(options, asked, entry);
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
