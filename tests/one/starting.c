/* SPDX-License-Identifier: MIT */
/*
 * Starting children in tests (starting.h).
 *
 * Invariant: no state but the buffers of results, so it works in forked children of a test too.
 */
#include "starting.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES = 64, FILE_BYTES = 512 };
enum { SAYINGS = 64, SAYING_BYTES = 5000, TOLD_BYTES = 65536, WHY_BYTES = 1024 };

static struct audit before;

static void check_unchanged(const char *what)
{
    char why[WHY_BYTES] = "";
    unsigned changes = audit_compare(&before, why, sizeof why);
    CHECK_SAY(changes == 0, "%s: %s", what, why);
}

const char *say(const char *format, ...)
{
    static char sayings[SAYINGS][SAYING_BYTES];
    static unsigned next;
    char *saying = sayings[next++ % SAYINGS];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(saying, SAYING_BYTES, format, list);
    va_end(list);
    return saying;
}

const char *lab_file(const char *name)
{
    static char paths[FILES][FILE_BYTES];
    char path[FILE_BYTES];
    (void)lab_path(path, sizeof path, name);
    for (size_t i = 0; i < FILES; i++) {
        if (!paths[i][0])
            memcpy(paths[i], path, sizeof path);
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    }
    bool has_room_for_another_name = false;
    REQUIRE(has_room_for_another_name);
    return NULL;
}

/* ------------------------------------------------------------------ starts that work */

struct brood_child *start(const struct brood_options *options)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    char words_of_it[512];
    int result = brood_start(options, &child, &error);
    if (result == 0) {
        CHECK(child != NULL);
        return child;
    }
    FAIL("%d: %s", result, brood_error_text(&error, words_of_it, sizeof words_of_it));
    return NULL;
}

void ends_with(struct brood_child *child, int code)
{
    struct brood_exit end;
    char words_of_it[128];
    if (!child)
        return;
    if (CHECK_INT(brood_child_wait(child, BOUND_MS, &end), 0))
        CHECK_SAY(end.kind == BROOD_EXITED && end.code == code, "%s, not with %d",
                  brood_exit_text(&end, words_of_it, sizeof words_of_it), code);
    CHECK(!brood_child_free(child));
}

void runs(const struct brood_options *options, int code)
{
    audit_take(&before);
    ends_with(start(options), code);
    check_unchanged("a start that worked");
}

const char *tells(struct brood_options *options, const char *verb)
{
    static char told[TOLD_BYTES];
    const char *path = lab_file("told");
    told[0] = '\0';
    CHECK_INT(lab_write_file(path, "", 0, 0600), 0);
    const char *const argv[] = {lab_child_program(), "-o", path, verb, NULL};
    options->argv = words(argv);
    runs(options, 0);
    CHECK(lab_read_file(path, told, sizeof told) >= 0);
    return told;
}

const char *child_reads(struct brood_options *options, const char *file)
{
    static char text[16384];
    struct brood_result result;
    struct brood_error error;
    char words_of_it[600];
    options->argv = WORDS("/bin/cat", say("/proc/self/%s", file));
    options->out.kind = BROOD_MEMORY;
    text[0] = '\0';
    if (brood_run(options, &result, &error) < 0) {
        FAIL("%s", brood_error_text(&error, words_of_it, sizeof words_of_it));
        return text;
    }
    CHECK_INT(result.exit.code, 0);
    (void)snprintf(text, sizeof text, "%s", (const char *)result.out);
    brood_result_clear(&result);
    return text;
}

const char *line_of(const char *text, const char *start_of_line)
{
    size_t length = strlen(start_of_line);
    while (*text) {
        size_t line = strcspn(text, "\n");
        if (strncmp(text, start_of_line, length) == 0)
            return say("%.*s", (int)line, text);
        text += line + (text[line] == '\n');
    }
    return "";
}

/* ------------------------------------------------------------------ starts that fail */

static void check_error(const char *what, int result, const struct brood_error *error,
                        const struct refusal *want)
{
    char text[600];
    (void)brood_error_text(error, text, sizeof text);
    CHECK_SAY(result == -want->code && error->code == want->code, "%s: result %d, code %d, not %d",
              what, result, error->code, want->code);
    CHECK_SAY(error->stage == want->stage, "%s: stage %s: %s", what, brood_stage_name(error->stage),
              text);
    CHECK_SAY(error->detail == want->detail, "%s: detail %d: %s", what, error->detail, text);
    int64_t number = want->has_number ? want->number : -1;
    CHECK_SAY(error->number == number, "%s: number %lld, not %lld", what, (long long)error->number,
              (long long)number);
    if (want->subject)
        CHECK_SAY(strcmp(error->subject, want->subject) == 0, "%s: subject is '%s', not '%s'", what,
                  error->subject, want->subject);
    if (want->sentence)
        CHECK_SAY(strcmp(text, want->sentence) == 0, "%s:\n  got  %s\n  want %s", what, text,
                  want->sentence);
    CHECK_INT(error->unkillable_pid, 0);
}

void is_refused(const char *what, const struct brood_options *options, const struct refusal *want)
{
    struct brood_child *untouched = (void *)&before, *child = untouched;
    struct brood_error error;
    memset(&error, 0x55, sizeof error);
    audit_take(&before);
    int result = brood_start(options, &child, &error);
    check_unchanged(what);
    if (!CHECK_SAY(result < 0, "%s: it started", what)) {
        (void)brood_child_free(child);
        return;
    }
    CHECK(child == untouched); /* written on success only */
    check_error(what, result, &error, want);
}

void run_is_refused(const char *what, const struct brood_options *options,
                    const struct refusal *want)
{
    struct brood_result result = {.flags = 77};
    struct brood_error error;
    memset(&error, 0x55, sizeof error);
    audit_take(&before);
    int code = brood_run(options, &result, &error);
    check_unchanged(what);
    if (!CHECK_SAY(code < 0, "%s: it ran", what)) {
        brood_result_clear(&result);
        return;
    }
    CHECK_INT(result.flags, 77);
    check_error(what, code, &error, want);
}
