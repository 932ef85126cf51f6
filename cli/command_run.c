/* SPDX-License-Identifier: MIT */
/*
 * The command `brood run`: start one command, be for its caller what the command itself would be,
 * and end as it did. Room cli.
 *
 * Invariant: all that can fail (the record's file, the signals, the threads that pass output on)
 * is made ready before the command is started; after that nothing makes us leave it before its
 * end.
 */
#include "command_run.h"
#include "asked.h"
#include "feeder.h"
#include "fifo.h"
#include "outcome.h"
#include "pass.h"
#include "record.h"
#include "relay.h"
#include "result_file.h"
#include "settle.h"
#include "show_plan.h"
#include "terminal.h"
#include "watch.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one run holds. */
struct run {
    struct asked asked;
    struct settled settled;
    struct entry *entry;
    struct pass pass;
    struct terminal terminal; /* with --pty */
    struct relay relay;
    bool relays;
    struct feed feed;
    bool feeds;
    struct result_file json;
    struct outcome outcome;
};

static int say_why(const struct outcome *outcome)
{
    char text[1024];
    return words_say(asked_table.who, "%s", outcome_why(outcome, text, sizeof text));
}

static int say_errno(const char *what, int code)
{
    return words_say(asked_table.who, "%s: %s", what, strerror(-code));
}

/* ------------------------------------------------------------------ a run */

static int open_json(struct run *run, int64_t began_ns)
{
    const char *name = run->asked.json;
    if (!name)
        return 0;
    int code = result_file_open(&run->json, name, run->entry->closed[BROOD_OUT],
                                fifo_deadline(&run->settled.options, began_ns));
    if (code == -ETIMEDOUT)
        return words_say(asked_table.who, "--json: nobody reads %s; nothing was started", name);
    if (code < 0)
        return words_say(asked_table.who, "--json: cannot write %s: %s; nothing was started", name,
                         strerror(-code));
    return 0;
}

/* A failure of our own, before there is a start: said, and put into the record as one. */
static int not_ready(struct run *run, const char *what, int stage, int code)
{
    run->outcome.error = (struct brood_error){.stage = stage, .code = -code, .number = -1};
    (void)snprintf(run->outcome.error.program, sizeof run->outcome.error.program, "%s",
                   run->asked.command[0]);
    return words_say(asked_table.who, "%s: %s", what, strerror(-code));
}

static enum lane_source source_of(const struct brood_stream *stream)
{
    return stream->kind == BROOD_PIPE  ? LANE_FROM_PIPE
           : stream->kind == BROOD_PTY ? LANE_FROM_TERMINAL
                                       : LANE_FROM_NOTHING;
}

/* What the command writes to one terminal comes out once. */
static int open_relay(struct run *run)
{
    const struct brood_options *options = &run->settled.options;
    enum lane_source out = source_of(&options->out), err = source_of(&options->err);
    if (out == LANE_FROM_TERMINAL && err == LANE_FROM_TERMINAL)
        err = LANE_FROM_NOTHING;
    run->relays = out || err;
    return run->relays ? relay_open(&run->relay, out, err) : 0;
}

static int make_ready(struct run *run)
{
    const struct asked *asked = &run->asked;
    int code = pass_open(&run->pass, !asked->new_session && !asked->pty, run->entry->ignored,
                         asked->command[0], asked->pty ? &run->terminal : NULL);
    if (code < 0)
        return not_ready(run, "cannot take over the signals", BROOD_STAGE_SIGNALS, code);
    code = open_relay(run);
    if (code < 0)
        return not_ready(run, "cannot pass output on", BROOD_STAGE_PIPE, code);
    run->feeds = run->settled.options.in.kind == BROOD_PTY;
    code = run->feeds ? feed_open(&run->feed) : 0;
    return code < 0 ? not_ready(run, "cannot pass input on", BROOD_STAGE_PIPE, code) : 0;
}

/* Begins to pass on what is read and written; without a child, tells the threads so. */
static void begin_passing(struct run *run, struct brood_child *child)
{
    if (run->relays)
        relay_go(&run->relay, child);
    if (run->feeds)
        feed_go(&run->feed, child ? brood_child_stream(child, BROOD_IN) : -1);
    if (child && run->asked.pty)
        terminal_enter(&run->terminal);
}

static void refuse_start(struct run *run)
{
    struct outcome *outcome = &run->outcome;
    (void)clock_gettime(CLOCK_REALTIME, &outcome->ended);
    outcome->timed_out = outcome->error.code == ETIMEDOUT && run->settled.start_is_timeout;
    (void)say_why(outcome);
}

static void start_and_watch(struct run *run, int64_t began_ns)
{
    struct outcome *outcome = &run->outcome;
    struct brood_child *child = NULL;
    int code = brood_start(&run->settled.options, &child, &outcome->error);
    outcome->started = code == 0;
    fifo_close_streams(&run->settled.options);
    begin_passing(run, child);
    if (code < 0) {
        const struct brood_error *error = &outcome->error;
        if (error->detail == BROOD_DETAIL_KILLED && pass_has_come(&run->pass, error->number))
            outcome->signalled = (int)error->number;
        refuse_start(run);
        return;
    }
    outcome->pid = brood_child_pid(child);
    entry_let_go(run->entry);
    watch_command(&run->asked, child, &run->pass, run->relays ? &run->relay : NULL,
                  run->feeds ? &run->feed : NULL, began_ns, outcome);
    terminal_leave(&run->terminal);
    if (outcome->over)
        (void)brood_child_free(child);
    else
        (void)brood_child_release(child); /* it cannot be ended: waiting longer helps nobody */
}

static int write_record(struct run *run, int exit_code)
{
    size_t length = 0;
    char *text = record_text(&run->outcome, run->asked.command, exit_code, &length);
    if (!text)
        return words_say(asked_table.who, "--json: out of memory");
    int code = result_file_commit(&run->json, text, length);
    free(text);
    if (code < 0)
        return words_say(asked_table.who, "--json: cannot write %s: %s", run->asked.json,
                         strerror(-code));
    return exit_code;
}

/* --detach: the start, and nothing after it. */
static int run_detached(struct run *run, int64_t began_ns)
{
    struct outcome *outcome = &run->outcome;
    struct brood_child *child = NULL;
    if (run->entry->closed[BROOD_OUT])
        return words_say(asked_table.who, "--detach: standard output is closed, so nobody would "
                                          "learn the process id; nothing was started");
    int64_t bound_ms = run->settled.options.start_timeout_ms;
    int code = fifo_open_streams(&run->settled.options, began_ns, &outcome->error);
    if (code < 0)
        outcome->fifo_ms = bound_ms;
    else
        code = brood_start(&run->settled.options, &child, &outcome->error);
    fifo_close_streams(&run->settled.options);
    if (code < 0) {
        refuse_start(run);
        return outcome_code(outcome);
    }
    outcome->pid = brood_child_pid(child);
    (void)brood_child_free(child);
    (void)printf("%d\n", (int)outcome->pid);
    code = words_printed(asked_table.who, false);
    if (code != 0)
        (void)words_say(asked_table.who, "%s runs on as process %d", run->asked.command[0],
                        (int)outcome->pid);
    return code;
}

static int run_asked(struct run *run)
{
    int code = run->asked.pty ? terminal_note(&run->terminal, &run->asked) : 0;
    if (code == 0)
        code = settle(&run->settled, &run->asked, run->entry, &run->terminal);
    if (code < 0)
        return say_errno("cannot prepare the start", code);
    if (run->asked.plan)
        return show_plan(&run->asked, &run->settled.options, run->entry, &run->outcome);
    if (run->asked.detach)
        return run_detached(run, watch_now());
    int64_t began_ns = watch_now(), bound_ms = run->settled.options.start_timeout_ms;
    (void)clock_gettime(CLOCK_REALTIME, &run->outcome.began);
    code = open_json(run, began_ns);
    if (code != 0)
        return code;
    if (fifo_open_streams(&run->settled.options, began_ns, &run->outcome.error) < 0) {
        run->outcome.fifo_ms = bound_ms;
        refuse_start(run);
    } else if (make_ready(run) == 0) {
        start_and_watch(run, began_ns);
    }
    code = outcome_code(&run->outcome);
    return run->asked.json ? write_record(run, code) : code;
}

int command_run(int argc, char **argv, struct entry *entry)
{
    struct run run = {.entry = entry,
                      .json = {.fd = -1, .folder_fd = -1},
                      .pass = {.fd = -1},
                      .terminal = {.fd = -1}};
    int code = CLI_FAILED;
    switch (asked_read(&run.asked, argc, argv)) {
    case TABLE_HELP_SHORT:
        table_print_short(&asked_table);
        code = words_printed(asked_table.who, entry->closed[BROOD_OUT]);
        break;
    case TABLE_HELP_LONG:
        table_print_long(&asked_table);
        code = words_printed(asked_table.who, entry->closed[BROOD_OUT]);
        break;
    case TABLE_READ:
        code = run_asked(&run);
        break;
    case TABLE_REFUSED:
        break;
    }
    terminal_done(&run.terminal);
    if (run.feeds)
        feed_done(&run.feed);
    if (run.relays)
        relay_done(&run.relay);
    result_file_abandon(&run.json);
    settle_done(&run.settled);
    asked_done(&run.asked);
    return code;
}
