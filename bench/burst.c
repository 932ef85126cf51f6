/* SPDX-License-Identifier: MIT */
/*
 * bench/burst: the main job. Bursts of real git commands while descriptors run out, at several
 * consecutive limits, with brood and the old way; a table; a verdict.
 *
 *     burst [--starts N] [--limits FROM-TO]
 *
 * One limit proves little: the old way strands children only when 8 or 9 descriptors are free at
 * the wrong moment, and what is free depends on the limit. Hence ten of them.
 *
 * Invariant: exit 0 only if with brood, at every limit, every command ran with the right answer,
 * some starts were refused, every refusal left no trace, and nothing was left behind; and if the
 * old way, the control, was seen to leave something by every means that found nothing of brood's.
 */
#include "burst.h"

#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STARTS = 500,
    STARTS_MOST = 1500, /* the old way may strand that many at once */
    LIMIT_FROM = 64,
    LIMIT_TO = 73,
    LIMIT_LEAST = 24,
    LIMIT_MOST = 400,
    BOUND_S = 300 /* for one burst, on a slow machine too */
};

struct asked {
    unsigned starts, from, to;
};

/* One way at one limit. */
struct row {
    struct burst_result result;
    struct keeper_report report;
    int code; /* of keeper_run() */
};

/* What all rows of one way come to. */
struct total {
    unsigned limits, asked, ran, refused, left, stuck, bad_limits, limits_with_left;
    unsigned stage_counts[BURST_STAGES];
    char stages[BURST_STAGES][16];
    char evidence[sizeof((struct keeper_report *)0)->evidence];
    unsigned evidence_limit;
};

static void usage(FILE *to)
{
    (void)fprintf(to,
                  "usage: burst [--starts N] [--limits FROM-TO]\n"
                  "  --starts N        starts at each limit, 1-%d (%d)\n"
                  "  --limits FROM-TO  the soft limits of open descriptors, %d-%d (%d-%d)\n",
                  STARTS_MOST, STARTS, LIMIT_LEAST, LIMIT_MOST, LIMIT_FROM, LIMIT_TO);
}

/* A whole number at *text, which moves past it. */
static bool take_number(const char **text, unsigned *number)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(*text, &end, 10);
    if (end == *text || (*text)[0] < '0' || (*text)[0] > '9' || errno != 0 || value > 1000000)
        return false;
    *number = (unsigned)value;
    *text = end;
    return true;
}

static bool read_options(int argc, char **argv, struct asked *asked)
{
    *asked = (struct asked){.starts = STARTS, .from = LIMIT_FROM, .to = LIMIT_TO};
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool good = false;
        if (strcmp(argv[i], "--starts") == 0)
            good = take_number(&value, &asked->starts);
        else if (strcmp(argv[i], "--limits") == 0)
            good = take_number(&value, &asked->from) && *value++ == '-' &&
                   take_number(&value, &asked->to);
        if (!good || *value != '\0')
            return false;
    }
    return asked->starts >= 1 && asked->starts <= STARTS_MOST && asked->from >= LIMIT_LEAST &&
           asked->from <= asked->to && asked->to <= LIMIT_MOST;
}

/* Carries out one burst in a room of its own. */
static void run_row(enum keeper_room room, const struct burst *plan, struct row *row)
{
    struct burst burst = *plan;
    memset(row, 0, sizeof *row);
    burst.result = keeper_shared(sizeof *burst.result);
    if (burst.result == NULL) {
        row->code = -ENOMEM;
        return;
    }
    row->code = keeper_run(room, burst_run, &burst, BOUND_S, &row->report);
    row->result = *burst.result;
    keeper_unshare(burst.result, sizeof *burst.result);
}

static unsigned left_alive(const struct row *row)
{
    return row->report.left - row->report.zombies;
}

/* Brood's promise for one limit. */
static bool is_clean(const struct row *row, unsigned starts)
{
    const struct burst_result *result = &row->result;
    const struct keeper_report *report = &row->report;
    return row->code == 0 && report->exit_code == 0 && !report->timed_out && report->left == 0 &&
           result->finished && result->asked == starts && result->ran == starts &&
           result->wrong == 0 && result->refused > 0 && result->unclean == 0 && result->left == 0 &&
           result->zombies == 0 && result->as_before && result->after == result->before &&
           result->trouble[0] == '\0';
}

/* The old way is the control: each of its orphans must have been seen twice, by the audit of a
 * refusal and by the keeper, or neither could be trusted about brood. */
static bool is_seen(const struct row *row)
{
    return row->code == 0 && !row->report.timed_out && row->report.unkept == 0 &&
           row->result.left == left_alive(row) && row->result.unclean >= row->result.left;
}

static void print_row(const char *limit, const char *way, const struct row *row)
{
    const struct burst_result *result = &row->result;
    (void)printf("%5s  %-11s  %5u  %5u  %7u  %5u  %7u  %8u / %u / %u\n", limit, way, result->asked,
                 result->ran, result->refused, left_alive(row), row->report.zombies, result->before,
                 result->peak, result->after);
    (void)fflush(stdout);
}

/* Words for a row that is not as it must be. */
static void print_trouble(unsigned limit, const char *way, const struct row *row)
{
    const char *words = row->result.trouble;
    if (row->code != 0)
        words = strerror(-row->code);
    else if (row->report.timed_out)
        words = "not done within its bound, and ended";
    else if (words[0] == '\0' && row->result.refused == 0)
        words = "no start was refused: the limit is too high for this many starts";
    else if (words[0] == '\0')
        words = "see the figures";
    (void)printf("       %s at limit %u: %s\n", way, limit, words);
}

static void add_stages(struct total *total, const struct burst_result *result)
{
    for (size_t i = 0; i < BURST_STAGES && result->stages[i][0] != '\0'; i++) {
        for (size_t j = 0; j < BURST_STAGES; j++) {
            if (total->stages[j][0] == '\0')
                memcpy(total->stages[j], result->stages[i], sizeof total->stages[j]);
            if (strcmp(total->stages[j], result->stages[i]) == 0) {
                total->stage_counts[j] += result->stage_counts[i];
                break;
            }
        }
    }
}

static void add_row(struct total *total, unsigned limit, const struct row *row, bool bad)
{
    total->limits++;
    total->bad_limits += bad;
    total->asked += row->result.asked;
    total->ran += row->result.ran;
    total->refused += row->result.refused;
    total->left += left_alive(row);
    total->stuck += row->report.stuck;
    total->limits_with_left += left_alive(row) > 0;
    if (total->evidence[0] == '\0' && row->report.stuck > 0) {
        memcpy(total->evidence, row->report.evidence, sizeof total->evidence);
        total->evidence_limit = limit;
    }
    add_stages(total, &row->result);
}

static void run_limit(enum keeper_room room, struct burst *plan, struct total *brood,
                      struct total *old)
{
    static struct row row;
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%u", plan->limit);

    plan->way = &way_brood;
    run_row(room, plan, &row);
    bool clean = is_clean(&row, plan->starts);
    print_row(limit, plan->way->name, &row);
    if (!clean)
        print_trouble(plan->limit, plan->way->name, &row);
    add_row(brood, plan->limit, &row, !clean);

    plan->way = &way_old;
    run_row(room, plan, &row);
    bool seen = is_seen(&row);
    print_row("", plan->way->name, &row);
    if (!seen || !row.result.finished) /* so many orphans may meet a limit of processes */
        print_trouble(plan->limit, plan->way->name, &row);
    add_row(old, plan->limit, &row, !seen);
}

static void print_summary(const struct total *brood, const struct total *old)
{
    if (old->evidence[0] != '\0')
        (void)printf(
            "\n%u of the old way's %u stuck processes were proven never to go on; all have "
            "been ended. One of them:\n%s (limit %u)\n",
            old->stuck, old->left, old->evidence, old->evidence_limit);
    (void)printf("\nThe old way left %u processes behind, at %u of %u limits.\n", old->left,
                 old->limits_with_left, old->limits);
    (void)printf("brood ran %u of %u commands with the right answer and was refused %u starts (",
                 brood->ran, brood->asked, brood->refused);
    for (size_t i = 0; i < BURST_STAGES && brood->stages[i][0] != '\0'; i++)
        (void)printf("%s%u at stage %s", i == 0 ? "" : ", ", brood->stage_counts[i],
                     brood->stages[i]);
    if (brood->bad_limits == 0)
        (void)printf("), and left nothing behind at any limit.\n");
    else
        (void)printf("); %u of %u limits are NOT as they must be.\n", brood->bad_limits,
                     brood->limits);
}

static bool run_limits(const struct asked *asked, const struct repository *repo,
                       const struct command *commands, size_t command_count)
{
    struct total brood = {0}, old = {0};
    enum keeper_room room = keeper_best_room();
    (void)printf(
        "Bursts of %u git commands with three pipes each, in %s (%s commits, %s files).\n"
        "A refused start waits for one exit and is tried again. Each burst is a process of "
        "its own\n%s.\n\n"
        "limit  way          asked    ran  refused  stuck  zombies  descriptors before / "
        "peak / after\n",
        asked->starts, repo->cloned ? "a clone of this repository" : "a repository made for it",
        repo->commits, repo->files, keeper_room_name(room));
    for (unsigned limit = asked->from; limit <= asked->to; limit++) {
        struct burst plan = {.repo = repo,
                             .commands = commands,
                             .command_count = command_count,
                             .starts = asked->starts,
                             .limit = limit};
        run_limit(room, &plan, &brood, &old);
    }
    print_summary(&brood, &old);
    /* Fewer than five limits in a row may all miss the old way's window. */
    return brood.bad_limits == 0 && old.bad_limits == 0 &&
           (old.left > 0 || asked->to - asked->from < 4);
}

/* Everything but the repository's beginning and end. Returns the exit code. */
static int run_bursts(const struct asked *asked, const struct repository *repo)
{
    char why[512] = "";
    size_t count = 0;
    const struct command *commands = repo_commands(repo, &count, why, sizeof why);
    if (commands == NULL) {
        (void)fprintf(stderr, "burst: git cannot be run: %s\n", why);
        return 1;
    }
    return run_limits(asked, repo, commands, count) ? 0 : 1;
}

/* Runs the bursts in a process of its own, so that the repository is removed even when Ctrl-C ends
 * them. Returns their exit code, 128 + n after signal n. */
static int run_interruptibly(const struct asked *asked, const struct repository *repo)
{
    sigset_t wanted, before;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGHUP);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &wanted, &before);
    pid_t parent = getpid(), worker = fork();
    if (worker == 0) {
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        int code = getppid() == parent ? run_bursts(asked, repo) : 1;
        (void)fflush(stdout);
        _exit(code);
    }
    int status = 0;
    while (worker > 0 && waitpid(worker, &status, WNOHANG) == 0) {
        int caught = sigwaitinfo(&wanted, NULL);
        if (caught > 0 && caught != SIGCHLD)
            (void)kill(worker, SIGTERM); /* ours and not reaped yet */
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (worker < 0)
        return 1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    struct asked asked;
    struct repository repo;
    char why[512] = "";
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (!read_options(argc, argv, &asked)) {
        usage(stderr);
        return 2;
    }
    (void)signal(SIGCHLD,
                 SIG_DFL); /* ignored, as some parents leave it, nothing can be waited for */
    int code = 1;
    if (repo_open(&repo, why, sizeof why) == 0)
        code = run_interruptibly(&asked, &repo);
    else
        (void)fprintf(stderr, "burst: no repository to work on: %s\n", why);
    repo_close(&repo);
    return code;
}
