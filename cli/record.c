/* SPDX-License-Identifier: MIT */
/*
 * The exit record of --json. Room cli. Its members are explained in brood-run(1).
 *
 * Invariant: every record has the same members in the same order; what is not known, or does not
 * apply, is null. (Siblings *_base64 come on top, where bytes are not UTF-8.)
 */
#include "record.h"
#include "members.h"

#include <stdio.h>
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
static void put_time(struct members *record, const char *name, const struct timespec *when)
{
    struct tm parts;
    char date[40], text[64];
    if (when->tv_sec == 0 || !gmtime_r(&when->tv_sec, &parts) ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        members_put(record, name, json_null());
        return;
    }
    (void)snprintf(text, sizeof text, "%s.%03ldZ", date, when->tv_nsec / 1000000);
    members_text(record, name, text);
}

/* The number, or null where it is not known. */
static void put_known(struct members *record, const char *name, bool known, json_int_t number)
{
    members_put(record, name, known ? json_integer(number) : json_null());
}

static void put_end(struct members *record, const struct outcome *outcome)
{
    const struct brood_exit *exit = &outcome->exit;
    bool known = outcome->over && exit->kind != BROOD_LOST;
    bool signalled = known && exit->kind == BROOD_SIGNALLED;
    const char *cause = exit->cause == BROOD_CAUSE_TIMEOUT ? "timeout" : "own";
    put_known(record, "code", known, exit->code);
    members_text(record, "signal", signalled ? brood_signal_name(exit->code) : NULL);
    members_put(record, "core_dumped",
                json_boolean(outcome->over && exit->flags & BROOD_EXIT_CORE));
    members_text(record, "cause", outcome->over ? cause : NULL);
}

static void put_usage(struct members *record, const struct outcome *outcome)
{
    const struct brood_exit *exit = &outcome->exit;
    int64_t wall_us = outcome->wall_ns / 1000;
    bool known = outcome->over && exit->flags & BROOD_EXIT_HAS_USAGE;
    members_put(record, "wall_ms", outcome->over ? json_real((double)wall_us / 1000) : json_null());
    put_known(record, "user_us", known, (json_int_t)exit->user_us);
    put_known(record, "system_us", known, (json_int_t)exit->system_us);
    put_known(record, "max_rss_bytes", known, (json_int_t)exit->max_rss_bytes);
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

static json_t *error_object(const struct outcome *outcome)
{
    const struct brood_error *error = &outcome->error;
    char message[1024];
    struct members members = members_new();
    members_text(&members, "stage", brood_stage_name(error->stage));
    members_put(&members, "errno", json_integer(error->code));
    members_text(&members, "name", errno_name(error->code));
    members_text(&members, "message", outcome_why(outcome, message, sizeof message));
    members_text(&members, "program", error->program);
    members_text(&members, "subject", error->subject[0] ? error->subject : NULL);
    members_text(&members, "detail", detail_name(error->detail));
    put_known(&members, "number", error->number >= 0, error->number);
    return members_take(&members);
}

static json_t *record_object(const struct outcome *outcome, char *const *command, int exit_code)
{
    struct members record = members_new();
    members_text(&record, "brood", brood_version());
    members_texts(&record, "command", command);
    put_known(&record, "pid", outcome->started, outcome->pid);
    members_put(&record, "exit_code", json_integer(exit_code));
    members_text(&record, "kind", kind_name(outcome));
    put_end(&record, outcome);
    members_put(&record, "timed_out", json_boolean(outcome->timed_out));
    members_put(&record, "streams_held", json_boolean(outcome->streams_held));
    put_time(&record, "started", &outcome->began);
    put_time(&record, "ended", &outcome->ended);
    put_usage(&record, outcome);
    members_put(&record, "error", outcome->started ? json_null() : error_object(outcome));
    return members_take(&record);
}

char *record_text(const struct outcome *outcome, char *const *command, int exit_code,
                  size_t *ret_length)
{
    return members_line(record_object(outcome, command, exit_code), ret_length);
}
