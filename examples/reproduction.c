/* SPDX-License-Identifier: MIT */
/*
 * The bug report's own script: use up all descriptors, free eight, start five programs, list the
 * children, exit. Once with brood and once with the sequence that the report is about.
 *
 *     reproduction
 *
 * A start with three pipes needs 7 descriptors with brood and 10 the old way; the old way strands
 * a child exactly when 8 or 9 are free. So the script runs with 7, 8 and 9, each time in a process
 * of its own (bench/keeper.h), where what is left can be counted and ended.
 *
 * Exit code 0: brood left nothing at any count, and the old way did at some.
 */
#include "brood.h"

#include "census.h"
#include "keeper.h"
#include "oldway.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LIMIT = 64, STARTS = 5, FREE_FROM = 7, FREE_TO = 9, BOUND_S = 30 };

/* What one run of the script came to; in memory shared with its keeper's caller. */
struct script {
    int (*start)(void); /* starts one program; 0 or errno */
    void (*end)(void);  /* what a program does before it exits */
    unsigned free;
    struct outcome {
        unsigned started, refused, listed;
        int refusal; /* errno of the last */
    } * outcome;
};

static char *const program[] = {"true", NULL};

static struct {
    struct brood_child *children[STARTS];
    size_t count;
} started;

static int start_with_brood(void)
{
    struct brood_stream pipe = {.kind = BROOD_PIPE};
    int code = brood_start(BROOD_OPTIONS(.argv = program, .in = pipe, .out = pipe, .err = pipe),
                           &started.children[started.count], NULL);
    started.count += code == 0;
    return -code;
}

/* Ends and reaps what still runs; brood_child_free() does both. */
static void end_with_brood(void)
{
    while (started.count > 0)
        (void)brood_child_free(started.children[--started.count]);
}

static int start_the_old_way(void)
{
    struct oldway_child child; /* its descriptors are never closed: the script only starts */
    return oldway_start(&(struct oldway_request){.argv = program, .env = environ}, &child);
}

/* Nothing open but the standard streams and the list of children, then all descriptors in use but
 * `count`. Returns the list, or -1. */
static int leave_free(unsigned count)
{
    struct rlimit files;
    int children_fd = close_range(3, ~0U, 0) == 0 ? census_open() : -1;
    if (children_fd < 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return -1;
    files.rlim_cur = LIMIT;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        return -1;
    int last = -1;
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
        last = fd;
    for (; count > 0; count--)
        (void)close(last--);
    return children_fd;
}

static int run_script(void *argument)
{
    const struct script *script = argument;
    struct outcome *outcome = script->outcome;
    pid_t pids[STARTS + 1];
    int children_fd = leave_free(script->free);
    if (children_fd < 0)
        return 1;
    for (int i = 0; i < STARTS; i++) {
        int code = script->start();
        outcome->started += code == 0;
        outcome->refused += code != 0;
        if (code != 0)
            outcome->refusal = code;
    }
    script->end();
    ssize_t listed = census_children(children_fd, pids, STARTS + 1);
    outcome->listed = listed < 0 ? 0 : (unsigned)listed;
    return listed < 0 ? 1 : 0;
}

/* Runs the script in one way with so many descriptors free, and prints its line. Returns whether it
 * came to its end. */
static bool show_script(enum keeper_room room, const char *way, struct script *script,
                        struct keeper_report *report)
{
    int code = keeper_run(room, run_script, script, BOUND_S, report);
    const struct outcome *outcome = script->outcome;
    bool ended = code == 0 && !report->timed_out && report->exit_code == 0 && report->unkept == 0;
    (void)printf("%4u  %-11s  %7u  %7u  %-19s  %8u  %15u%s\n", script->free, way, outcome->started,
                 outcome->refused, outcome->refused > 0 ? strerror(outcome->refusal) : "",
                 outcome->listed, report->left, ended ? "" : "  (no clean exit)");
    return ended;
}

int main(void)
{
    struct keeper_report report = {.left = 0};
    enum keeper_room room = keeper_best_room();
    bool brood_clean = true;
    unsigned brood_left = 0, old_left = 0;
    char evidence[sizeof report.evidence] = "";
    (void)printf("Five starts of true(1) with three pipes each, with few descriptors free:\n\n"
                 "free  way          started  refused  why                  children  left after "
                 "exit\n");
    for (unsigned free = FREE_FROM; free <= FREE_TO; free++) {
        struct outcome *outcomes = keeper_shared(2 * sizeof *outcomes);
        if (outcomes == NULL)
            return 1;
        struct script brood = {start_with_brood, end_with_brood, free, &outcomes[0]};
        brood_clean = show_script(room, "brood", &brood, &report) && brood_clean;
        brood_clean = brood_clean && outcomes[0].listed == 0 && report.left == 0;
        brood_left += report.left;
        struct script old = {start_the_old_way, oldway_shutdown, free, &outcomes[1]};
        (void)show_script(room, "the old way", &old, &report);
        old_left += report.left;
        if (report.stuck > 0)
            memcpy(evidence, report.evidence, sizeof evidence);
        keeper_unshare(outcomes, 2 * sizeof *outcomes);
    }
    if (evidence[0] != '\0')
        (void)printf("\nOne of those left: %s.\n", evidence);
    (void)printf("\nbrood left %u processes behind; the old way left %u, which have been ended.\n",
                 brood_left, old_left);
    return brood_clean && old_left > 0 ? 0 : 1;
}
