/* SPDX-License-Identifier: MIT */
/*
 * The exit record of --json. Room cli. Its members are explained in brood-run(1).
 *
 * Invariant: every record has the same members in the same order; what is not known, or does not
 * apply, is null. (Siblings *_base64 come on top, where bytes are not UTF-8.)
 */
#include "record.h"
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *kind_name(const struct outcome *outcome)
{
    if (!outcome->started)
        return "not_started";
    if (!outcome->over)
        return "running";
    switch (outcome->exit.kind) {
    case BROOD_EXITED:
        return "exited";
    case BROOD_SIGNALLED:
        return "signalled";
    default:
        return "lost";
    }
}

static const char *detail_name(int32_t detail)
{
    static const char *const names[] = {
        [BROOD_DETAIL_INTERPRETER] = "interpreter",
        [BROOD_DETAIL_IS_DIRECTORY] = "is_directory",
        [BROOD_DETAIL_NOT_EXECUTABLE] = "not_executable",
        [BROOD_DETAIL_NOT_SEARCHABLE] = "not_searchable",
        [BROOD_DETAIL_WRONG_MACHINE] = "wrong_machine",
        [BROOD_DETAIL_NOT_A_PROGRAM] = "not_a_program",
        [BROOD_DETAIL_NOT_FOUND] = "not_found",
        [BROOD_DETAIL_KILLED] = "killed",
        [BROOD_DETAIL_NOEXEC_MOUNT] = "noexec_mount",
    };
    bool known = detail > 0 && (size_t)detail < sizeof names / sizeof names[0];
    return known ? names[detail] : NULL;
}

/* "2026-01-31T12:34:56.789Z" */
static void put_time(struct json *json, const char *name, const struct timespec *when)
{
    struct tm parts;
    char date[40], text[64];
    if (when->tv_sec == 0 || !gmtime_r(&when->tv_sec, &parts) ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        json_null(json, name);
        return;
    }
    (void)snprintf(text, sizeof text, "%s.%03ldZ", date, when->tv_nsec / 1000000);
    json_text(json, name, text);
}

static void put_end(struct json *json, const struct outcome *outcome)
{
    const struct brood_exit *exit = &outcome->exit;
    bool known = outcome->over && exit->kind != BROOD_LOST;
    bool signalled = known && exit->kind == BROOD_SIGNALLED;
    if (known)
        json_number(json, "code", exit->code);
    else
        json_null(json, "code");
    json_text(json, "signal", signalled ? brood_signal_name(exit->code) : NULL);
    json_bool(json, "core_dumped", outcome->over && exit->flags & BROOD_EXIT_CORE);
    if (outcome->over)
        json_text(json, "cause", exit->cause == BROOD_CAUSE_TIMEOUT ? "timeout" : "own");
    else
        json_null(json, "cause");
}

static void put_usage(struct json *json, const struct outcome *outcome)
{
    const struct brood_exit *exit = &outcome->exit;
    char wall[40];
    uint64_t wall_us = (exit->ended_ns - exit->started_ns) / 1000;
    (void)snprintf(wall, sizeof wall, "%" PRIu64 ".%03" PRIu64, wall_us / 1000, wall_us % 1000);
    json_raw(json, "wall_ms", outcome->over ? wall : "null");

    const struct {
        const char *name;
        uint64_t value;
    } usage[] = {{"user_us", exit->user_us},
                 {"system_us", exit->system_us},
                 {"max_rss_bytes", exit->max_rss_bytes}};
    for (size_t i = 0; i < sizeof usage / sizeof usage[0]; i++) {
        if (outcome->over && exit->flags & BROOD_EXIT_HAS_USAGE)
            json_number(json, usage[i].name, (int64_t)usage[i].value);
        else
            json_null(json, usage[i].name);
    }
}

/* "ENOENT"; NULL where the C library cannot say. */
static const char *errno_name(int code)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
    return strerrorname_np(code);
#else
    (void)code;
    return NULL;
#endif
}

static void put_error(struct json *json, const struct brood_error *error)
{
    char message[1024];
    json_open(json, "error");
    json_text(json, "stage", brood_stage_name(error->stage));
    json_number(json, "errno", error->code);
    json_text(json, "name", errno_name(error->code));
    json_text(json, "message", brood_error_text(error, message, sizeof message));
    json_text(json, "program", error->program);
    json_text(json, "subject", error->subject[0] ? error->subject : NULL);
    json_text(json, "detail", detail_name(error->detail));
    if (error->number >= 0)
        json_number(json, "number", error->number);
    else
        json_null(json, "number");
    json_close(json);
}

char *record_text(const struct outcome *outcome, char *const *command, int exit_code,
                  size_t *ret_length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_length);
    if (!out)
        return NULL;
    struct json json = {.out = out};
    json_open(&json, NULL);
    json_text(&json, "brood", brood_version());
    json_texts(&json, "command", command);
    if (outcome->started)
        json_number(&json, "pid", outcome->pid);
    else
        json_null(&json, "pid");
    json_number(&json, "exit_code", exit_code);
    json_text(&json, "kind", kind_name(outcome));
    put_end(&json, outcome);
    json_bool(&json, "timed_out", outcome->timed_out);
    json_bool(&json, "streams_held", outcome->streams_held);
    put_time(&json, "started", &outcome->began);
    put_time(&json, "ended", &outcome->ended);
    put_usage(&json, outcome);
    if (outcome->started)
        json_null(&json, "error");
    else
        put_error(&json, &outcome->error);
    json_close(&json);
    (void)fputc('\n', out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
