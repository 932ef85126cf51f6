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
#include "fifo.h"
#include "outcome.h"
#include "pass.h"
#include "record.h"
#include "relay.h"
#include "result_file.h"
#include "settle.h"
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
    struct relay relay;
    bool relays;
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

/* ------------------------------------------------------------------ --plan */

/* What the library does not know of: brood run does it itself. */
static void print_watch(const struct asked *asked)
{
    char text[32];
    if (asked->timeout_ms > 0) {
        int64_t grace_ms = settle_grace_ms(asked);
        (void)printf("brood run: after %s %s", words_duration(asked->timeout_ms, text),
                     grace_ms > 0 ? "SIGTERM and SIGCONT" : "SIGKILL");
        if (grace_ms > 0)
            (void)printf(", %s later SIGKILL", words_duration(grace_ms, text));
        (void)putchar('\n');
    }
    if (asked->drain_ms >= 0)
        (void)printf("brood run: pass output on, until %s after the end\n",
                     words_duration(asked->drain_ms, text));
    if (asked->json) {
        (void)printf("brood run: write how it ended to ");
        words_print(asked->json);
        (void)putchar('\n');
    }
}

static int print_plan(struct run *run)
{
    const struct brood_options *options = &run->settled.options;
    run->outcome.error = (struct brood_error){0};
    ssize_t length = brood_plan_text(options, NULL, 0, &run->outcome.error);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (length >= 0 && !text)
        return words_say(asked_table.who, "out of memory");
    if (text)
        length = brood_plan_text(options, text, (size_t)length + 1, &run->outcome.error);
    if (length < 0) {
        free(text);
        (void)say_why(&run->outcome);
        return outcome_code(&run->outcome);
    }
    (void)fputs(text, stdout);
    free(text);
    print_watch(&run->asked);
    return words_printed(asked_table.who, run->entry->closed[BROOD_OUT]);
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

static int make_ready(struct run *run)
{
    const struct asked *asked = &run->asked;
    const struct brood_options *options = &run->settled.options;
    int code = pass_open(&run->pass, !asked->new_session, run->entry->ignored, asked->command[0]);
    if (code < 0)
        return not_ready(run, "cannot take over the signals", BROOD_STAGE_SIGNALS, code);
    bool out = options->out.kind == BROOD_PIPE, err = options->err.kind == BROOD_PIPE;
    run->relays = out || err;
    code = run->relays ? relay_open(&run->relay, out, err) : 0;
    return code < 0 ? not_ready(run, "--drain: cannot pass output on", BROOD_STAGE_PIPE, code) : 0;
}

/* Tells the threads what to pass on; both ends of a stream that is not relayed are -EBADF. */
static void begin_relay(struct run *run, struct brood_child *child)
{
    int out = child ? brood_child_take_stream(child, BROOD_OUT) : -1;
    int err = child ? brood_child_take_stream(child, BROOD_ERR) : -1;
    relay_go(&run->relay, out, err);
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
    if (run->relays)
        begin_relay(run, child);
    if (code < 0) {
        refuse_start(run);
        return;
    }
    outcome->pid = brood_child_pid(child);
    entry_let_go(run->entry);
    watch_command(&run->asked, child, &run->pass, run->relays ? &run->relay : NULL, began_ns,
                  outcome);
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

static int run_asked(struct run *run)
{
    int code = settle(&run->settled, &run->asked, run->entry);
    if (code < 0)
        return say_errno("cannot prepare the start", code);
    if (run->asked.plan)
        return print_plan(run);
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
    struct run run = {.entry = entry, .json = {.fd = -1, .folder_fd = -1}, .pass = {.fd = -1}};
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
    if (run.relays)
        relay_done(&run.relay);
    result_file_abandon(&run.json);
    settle_done(&run.settled);
    asked_done(&run.asked);
    return code;
}
