/* SPDX-License-Identifier: MIT */
/*
 * A burst's starts the old way (oldway.h), for comparison. Same streams, same commands.
 *
 * Invariant: this only translates; the defects are all in oldway.c.
 */
#include "burst.h"

#include "oldway.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool feed_old(struct job *job, struct refusal *refusal)
{
    const char *input = job->command->input;
    if (input == NULL)
        return true;
    size_t length = strlen(input);
    bool fed = write(job->old.in_fd, input, length) == (ssize_t)length;
    (void)close(job->old.in_fd);
    job->old.in_fd = -1;
    if (fed)
        return true;
    refusal->code = EIO;
    (void)snprintf(refusal->stage, sizeof refusal->stage, "input");
    return false;
}

static bool start_old(const struct repository *repo, const struct command *command, struct job *job,
                      struct refusal *refusal)
{
    int code = oldway_start(
        &(struct oldway_request){.argv = command->argv, .env = repo->env, .cwd = repo->directory},
        &job->old);
    if (code != 0) {
        refusal->code = code;
        (void)snprintf(refusal->stage, sizeof refusal->stage, "start");
        (void)snprintf(refusal->words, sizeof refusal->words, "%s", strerror(code));
        return false;
    }
    job->out_fd = job->old.out_fd;
    job->err_fd = job->old.err_fd;
    job->end_fd = job->old.exit_fd;
    return feed_old(job, refusal);
}

static int finish_old(struct job *job)
{
    int status = 0;
    if (oldway_finish(&job->old, &status) < 0)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const struct way way_old = {
    .name = "the old way", .start = start_old, .finish = finish_old, .end = oldway_shutdown};
