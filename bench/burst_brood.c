/* SPDX-License-Identifier: MIT */
/*
 * A burst's starts through brood's public interface: three pipes each.
 *
 * Invariant: nothing but include/brood.h. Our ends are borrowed from the child and closed with it.
 */
#include "burst.h"

#include "brood.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { INPUT_TIMEOUT_MS = 10000, START_TIMEOUT_MS = 30000 };

static bool feed_brood(struct job *job, struct refusal *refusal)
{
    const char *input = job->command->input;
    if (input == NULL)
        return true;
    size_t length = strlen(input);
    ssize_t put = brood_child_write(job->child, input, length, INPUT_TIMEOUT_MS);
    int closed = brood_child_close_stream(job->child, BROOD_IN);
    if (put == (ssize_t)length && closed == 0)
        return true;
    refusal->code = put < 0 ? (int)-put : EIO;
    (void)snprintf(refusal->stage, sizeof refusal->stage, "input");
    (void)snprintf(refusal->words, sizeof refusal->words, "cannot feed it: %s",
                   strerror(refusal->code));
    job->child = brood_child_free(job->child);
    return false;
}

static bool start_brood(const struct repository *repo, const struct command *command,
                        struct job *job, struct refusal *refusal)
{
    struct brood_stream in = {.kind = BROOD_PIPE};
    struct brood_stream out = {.kind = BROOD_PIPE, .flags = BROOD_STREAM_NONBLOCK};
    struct brood_error error;
    if (brood_start(BROOD_OPTIONS(.argv = command->argv, .env = repo->env, .cwd = repo->directory,
                                  .in = in, .out = out, .err = out,
                                  .start_timeout_ms = START_TIMEOUT_MS),
                    &job->child, &error) < 0) {
        refusal->code = error.code;
        (void)snprintf(refusal->stage, sizeof refusal->stage, "%s", brood_stage_name(error.stage));
        (void)brood_error_text(&error, refusal->words, sizeof refusal->words);
        return false;
    }
    job->out_fd = brood_child_stream(job->child, BROOD_OUT);
    job->err_fd = brood_child_stream(job->child, BROOD_ERR);
    job->end_fd = brood_child_pidfd(job->child);
    return feed_brood(job, refusal);
}

static int finish_brood(struct job *job)
{
    struct brood_exit end;
    int code = brood_child_wait(job->child, 0, &end) == 0 ? brood_exit_code(&end) : -1;
    job->child = brood_child_free(job->child);
    return code;
}

static void end_brood(void)
{
    /* Nothing to shut down: the library has no thread and no global state of ours. */
}

const struct way way_brood = {
    .name = "brood", .start = start_brood, .finish = finish_brood, .end = end_brood};
