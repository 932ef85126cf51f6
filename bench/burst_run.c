/* SPDX-License-Identifier: MIT */
/*
 * The loop of a burst (see burst.h): start until a start is refused, audit the refusal, wait for
 * one command to end, start the same one again.
 *
 * Invariant: nothing is collected while starts succeed, so every refusal comes from true pressure;
 * and every wait has a bound.
 */
#include "burst.h"

#include "census.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    JOBS = 128,       /* more than fit below the highest limit */
    QUIET_MS = 30000, /* when nothing at all happens for so long, something is wrong */
    REFUSALS_PER_COMMAND = 50
};

/* The state of a burst under way. */
struct progress {
    const struct burst *burst;
    struct burst_result *result;
    int children_fd;
    struct job jobs[JOBS];
    size_t live;
    struct census before_start, after_refusal;
};

static void note_trouble(struct burst_result *result, const char *what, const char *detail)
{
    if (result->trouble[0] == '\0')
        (void)snprintf(result->trouble, sizeof result->trouble, "%s: %s", what, detail);
}

static void count_stage(struct burst_result *result, const char *stage)
{
    for (size_t i = 0; i < BURST_STAGES; i++) {
        if (result->stages[i][0] == '\0')
            (void)snprintf(result->stages[i], sizeof result->stages[i], "%s", stage);
        if (strcmp(result->stages[i], stage) == 0) {
            result->stage_counts[i]++;
            return;
        }
    }
}

/* Takes what a stream has, and marks it done at its end. It stays open until the job is finished:
 * pressure is what is wanted here. */
static void drain(int *fd, struct digest *digest)
{
    static char buffer[65536];
    for (;;) {
        ssize_t got = read(*fd, buffer, sizeof buffer);
        if (got > 0) {
            digest_add(digest, buffer, (size_t)got);
            continue;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            *fd = -1;
        if (got == 0 || errno != EINTR)
            return;
    }
}

static bool is_done(const struct job *job)
{
    return job->end_fd < 0 && job->out_fd < 0 && job->err_fd < 0;
}

/* Compares a finished command with its noted answer. */
static void finish_job(struct progress *progress, struct job *job)
{
    const struct command *command = job->command;
    int code = progress->burst->way->finish(job);
    if (code == command->code && digest_equal(&job->out, &command->out) &&
        digest_equal(&job->err, &command->err)) {
        progress->result->ran++;
        return;
    }
    char words[200];
    (void)snprintf(words, sizeof words,
                   "ended with %d (alone: %d), %llu and %llu bytes (alone: %llu and %llu)", code,
                   command->code, (unsigned long long)job->out.length,
                   (unsigned long long)job->err.length, (unsigned long long)command->out.length,
                   (unsigned long long)command->err.length);
    progress->result->wrong++;
    note_trouble(progress->result, command->argv[1], words);
}

/* Finishes the first job that is done; the last takes its place. Others that are done as well stay
 * as they are: the next start is to find as little room as this one did. */
static bool finish_one(struct progress *progress)
{
    for (size_t i = 0; i < progress->live; i++) {
        if (!is_done(&progress->jobs[i]))
            continue;
        finish_job(progress, &progress->jobs[i]);
        progress->jobs[i] = progress->jobs[--progress->live];
        return true;
    }
    return false;
}

/* Takes one round of what the jobs have to say. False when nothing came within the bound. */
static bool take_round(struct progress *progress)
{
    static struct pollfd polled[3 * JOBS];
    for (size_t i = 0; i < progress->live; i++) {
        const struct job *job = &progress->jobs[i];
        polled[3 * i] = (struct pollfd){.fd = job->out_fd, .events = POLLIN};
        polled[3 * i + 1] = (struct pollfd){.fd = job->err_fd, .events = POLLIN};
        polled[3 * i + 2] = (struct pollfd){.fd = job->end_fd, .events = POLLIN};
    }
    int ready = poll(polled, 3 * progress->live, QUIET_MS);
    if (ready == 0)
        return false;
    for (size_t i = 0; i < progress->live; i++) {
        struct job *job = &progress->jobs[i];
        if (polled[3 * i].revents != 0)
            drain(&job->out_fd, &job->out);
        if (polled[3 * i + 1].revents != 0)
            drain(&job->err_fd, &job->err);
        if (polled[3 * i + 2].revents != 0)
            job->end_fd = -1;
    }
    return true;
}

/* Waits until one command has ended and its output is collected. */
static bool wait_for_one(struct progress *progress)
{
    while (!finish_one(progress)) {
        if (progress->live == 0 || !take_round(progress)) {
            note_trouble(progress->result, "waiting for an exit",
                         progress->live == 0 ? "no command is running" : "nothing happened");
            return false;
        }
    }
    return true;
}

/* One refusal, looked at: it must have changed nothing. */
static void audit_refusal(struct progress *progress, const struct refusal *refusal)
{
    struct burst_result *result = progress->result;
    char why[200] = "cannot be seen";
    result->refused++;
    count_stage(result, refusal->stage);
    if (census_take(progress->children_fd, &progress->after_refusal) != 0 ||
        census_differences(&progress->before_start, &progress->after_refusal, why, sizeof why) >
            0) {
        result->unclean++;
        note_trouble(result, "a refused start left its mark", why);
    }
    if (refusal->code != EMFILE)
        note_trouble(result, "refused for another reason than descriptors", refusal->words);
}

static void note_peak(struct progress *progress)
{
    unsigned open_now = (unsigned)census_count_fds();
    if (open_now > progress->result->peak)
        progress->result->peak = open_now;
    if (progress->live > progress->result->most_at_once)
        progress->result->most_at_once = (unsigned)progress->live;
}

/* Starts one command, however often it is refused. Returns false when the burst cannot go on. */
static bool start_one(struct progress *progress, const struct command *command)
{
    const struct burst *burst = progress->burst;
    for (unsigned tries = 0; tries < REFUSALS_PER_COMMAND && progress->live < JOBS; tries++) {
        struct job *job = &progress->jobs[progress->live];
        struct refusal refusal = {.code = 0};
        if (census_take(progress->children_fd, &progress->before_start) != 0)
            break;
        *job = (struct job){.command = command};
        digest_init(&job->out);
        digest_init(&job->err);
        if (burst->way->start(burst->repo, command, job, &refusal)) {
            progress->live++;
            note_peak(progress);
            return true;
        }
        note_peak(progress);
        audit_refusal(progress, &refusal);
        if (refusal.code != EMFILE || !wait_for_one(progress))
            break;
    }
    note_trouble(progress->result, command->argv[1], "given up");
    return false;
}

/* What the process has in the end: the descriptors of the beginning, and no child. */
static void look_at_the_end(struct progress *progress, const struct census *first)
{
    struct burst_result *result = progress->result;
    struct census *last = &progress->after_refusal;
    char why[200] = "cannot be seen";
    if (census_take(progress->children_fd, last) != 0) {
        note_trouble(result, "the end", why);
        return;
    }
    result->after = (unsigned)last->fd_count;
    for (size_t i = 0; i < last->child_count; i++) {
        bool zombie = census_state(last->children[i]) == 'Z';
        result->zombies += zombie;
        result->left += !zombie;
    }
    result->as_before = census_differences(first, last, why, sizeof why) == 0;
    if (!result->as_before)
        note_trouble(result, "not as before", why);
}

/* The limit of the burst, and nothing open but the standard streams: what this program inherited
 * (a make's jobserver) must not make the figures differ. */
static bool lower_limit(unsigned limit)
{
    (void)close_range(3, ~0U, 0); /* Linux 5.9; without it the figures count what is inherited */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return false;
    files.rlim_cur = limit;
    return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

int burst_run(void *argument)
{
    static struct progress progress;
    static struct census first;
    const struct burst *burst = argument;
    struct burst_result *result = burst->result;
    progress = (struct progress){.burst = burst, .result = result};
    bool lowered = lower_limit(burst->limit);
    progress.children_fd = census_open();
    if (!lowered || census_take(progress.children_fd, &first) != 0) {
        note_trouble(result, "the beginning", "cannot lower the limit or see the children");
        return 1;
    }
    result->before = result->peak = (unsigned)first.fd_count;

    bool going = true;
    for (; going && result->asked < burst->starts; result->asked++)
        going = start_one(&progress, &burst->commands[result->asked % burst->command_count]);
    while (progress.live > 0 && wait_for_one(&progress))
        ;
    result->finished = going && progress.live == 0;
    burst->way->end();
    look_at_the_end(&progress, &first);
    return result->finished ? 0 : 1;
}
