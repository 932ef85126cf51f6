/* SPDX-License-Identifier: MIT */
/*
 * Errors as data, and as a sentence: what failed, at which stage, on what, and the errno's own
 * words.
 *
 * Room plan. Invariant: the text is made from the struct alone, so it can be said again anywhere.
 */
#include "error.h"

#include <errno.h>
#include <string.h>

#include "../base/text.h"
#include "../os/os.h"

/* ------------------------------------------------------------------ filling in */

void bd_error_begin(struct brood_error *error, const struct brood_options *options)
{
    memset(error, 0, sizeof *error);
    error->number = -1;
    const char *program = options->program;
    if (!program && options->argv)
        program = options->argv[0];
    struct bd_text text = bd_text_over(error->program, sizeof error->program);
    bd_text_add(&text, program ? program : "");
}

int bd_error_give(int result, const struct brood_error *error, struct brood_error *reterr)
{
    if (result < 0 && reterr)
        *reterr = *error;
    return result;
}

int bd_error_detail(struct brood_error *error, int stage, int code, int detail, const char *subject,
                    int64_t number)
{
    error->stage = stage;
    error->code = code;
    error->detail = detail;
    error->number = number;
    struct bd_text text = bd_text_over(error->subject, sizeof error->subject);
    bd_text_add(&text, subject ? subject : "");
    return -code;
}

int bd_error_set(struct brood_error *error, int stage, int code, const char *subject,
                 int64_t number)
{
    return bd_error_detail(error, stage, code, BROOD_DETAIL_NONE, subject, number);
}

int bd_error_options(struct brood_error *error, const char *sentence, const char *subject)
{
    (void)bd_error_detail(error, BROOD_STAGE_OPTIONS, EINVAL, BROOD_DETAIL_TEXT, sentence, -1);
    if (subject) {
        struct bd_text text = {error->subject, sizeof error->subject, strlen(error->subject)};
        bd_text_add(&text, " '");
        bd_text_add(&text, subject);
        bd_text_add(&text, "'");
    }
    return -EINVAL;
}

int bd_error_options_number(struct brood_error *error, int code, const char *sentence,
                            int64_t number)
{
    (void)bd_error_detail(error, BROOD_STAGE_OPTIONS, code, BROOD_DETAIL_TEXT, sentence, number);
    struct bd_text text = {error->subject, sizeof error->subject, strlen(error->subject)};
    bd_text_add(&text, " ");
    bd_text_add_number(&text, number);
    return -code;
}

int bd_error_sentence(struct brood_error *error, int stage, int code, const char *subject,
                      const char *rest)
{
    (void)bd_error_detail(error, stage, code, BROOD_DETAIL_TEXT, subject, -1);
    struct bd_text text = {error->subject, sizeof error->subject, strlen(error->subject)};
    bd_text_add(&text, rest);
    return -code;
}

int bd_error_memory(struct brood_error *error)
{
    return bd_error_set(error, BROOD_STAGE_MEMORY, ENOMEM, NULL, -1);
}

/* ------------------------------------------------------------------ words */

static const struct {
    int stage;
    const char *name;   /* brood_stage_name() */
    const char *phrase; /* in the sentence, before the subject or the number */
} stages[] = {
    {BROOD_STAGE_NONE, "none", ""},
    {BROOD_STAGE_OPTIONS, "options", "options"},
    {BROOD_STAGE_MEMORY, "memory", "memory"},
    {BROOD_STAGE_PIPE, "pipe", "pipe for descriptor"},
    {BROOD_STAGE_OPEN, "open", "file"},
    {BROOD_STAGE_CREATE, "create", "new process"},
    {BROOD_STAGE_SESSION, "session", "new session"},
    {BROOD_STAGE_GROUP, "group", "process group"},
    {BROOD_STAGE_TERMINAL, "terminal", "terminal"},
    {BROOD_STAGE_CGROUP, "cgroup", "control group"},
    {BROOD_STAGE_CREDENTIALS, "credentials", "setting the"},
    {BROOD_STAGE_DIRECTORY, "directory", "directory"},
    {BROOD_STAGE_DESCRIPTORS, "descriptors", "descriptor"},
    {BROOD_STAGE_SIGNALS, "signals", "signals"},
    {BROOD_STAGE_RESOURCE, "resource", "setting the"},
    {BROOD_STAGE_HOOK, "hook", "before_exec"},
    {BROOD_STAGE_EXEC, "exec", ""},
    {BROOD_STAGE_TIMEOUT, "timeout", "start timeout"},
};

static const char *stage_phrase(int32_t stage)
{
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (stages[i].stage == stage)
            return stages[i].phrase;
    return "";
}

const char *brood_stage_name(int32_t stage)
{
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (stages[i].stage == stage)
            return stages[i].name;
    return "unknown";
}

static void add_errno(struct bd_text *text, int code)
{
    const char *words = bd_os_error_words(code);
    bd_text_add(text, words ? words : "unknown error ");
    if (!words)
        bd_text_add_number(text, code);
}

/* "the new process was killed by SIGSEGV at stage hook, before its program began" */
static void add_death(struct bd_text *text, const struct brood_error *error)
{
    const char *name = error->number > 0 ? brood_signal_name((int)error->number) : NULL;
    bd_text_add(text, "the new process ");
    bd_text_add(text, error->number > 0 ? "was killed by " : "ended");
    bd_text_add(text, name ? name : "");
    if (error->number > 0 && !name) {
        bd_text_add(text, "signal ");
        bd_text_add_number(text, error->number);
    }
    bd_text_add(text, " at stage ");
    bd_text_add(text, brood_stage_name(error->stage));
    bd_text_add(text, ", before its program began");
}

/* The detail's own sentence. False: the errno says it all. */
static bool add_detail(struct bd_text *text, const struct brood_error *error)
{
    switch ((enum brood_detail)error->detail) {
    case BROOD_DETAIL_NONE:
        return false;
    case BROOD_DETAIL_TEXT:
        bd_text_add_escaped(text, error->subject);
        return true;
    case BROOD_DETAIL_INTERPRETER:
        bd_text_add(text, "the file is there, but its interpreter ");
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, ": ");
        add_errno(text, error->code);
        return true;
    case BROOD_DETAIL_IS_DIRECTORY:
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, " is a directory");
        return true;
    case BROOD_DETAIL_NOT_EXECUTABLE:
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, " may not be executed: Permission denied (chmod +x?)");
        return true;
    case BROOD_DETAIL_NOT_SEARCHABLE:
        bd_text_add(text, "a directory on the way to ");
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, " may not be entered: Permission denied");
        return true;
    case BROOD_DETAIL_WRONG_MACHINE:
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, " is a program for another machine (");
        bd_text_add(text, bd_os_machine_words());
        bd_text_add(text, " ");
        bd_text_add_number(text, error->number);
        bd_text_add(text, ")");
        return true;
    case BROOD_DETAIL_NOT_A_PROGRAM:
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, " is neither a program that runs here nor a script with #!");
        return true;
    case BROOD_DETAIL_NOT_FOUND:
        bd_text_add(text, "not found in PATH ");
        bd_text_add_escaped(text, error->subject);
        return true;
    case BROOD_DETAIL_KILLED:
        add_death(text, error);
        return true;
    case BROOD_DETAIL_NOEXEC_MOUNT:
        bd_text_add_escaped(text, error->subject);
        bd_text_add(text, " lies on a file system mounted noexec: Permission denied");
        return true;
    }
    return false;
}

/* "directory /srv/x: No such file or directory" */
static void add_stage(struct bd_text *text, const struct brood_error *error)
{
    const char *phrase = stage_phrase(error->stage);
    if (error->stage == BROOD_STAGE_TIMEOUT && error->code == ETIMEDOUT) {
        bd_text_add(text, "its program had not begun within ");
        bd_text_add_number(text, error->number);
        bd_text_add(text, " ms");
        return;
    }
    bd_text_add(text, phrase);
    if (error->subject[0]) {
        if (phrase[0])
            bd_text_add(text, " ");
        bd_text_add_escaped(text, error->subject);
    } else if (error->number >= 0) {
        bd_text_add(text, " ");
        bd_text_add_number(text, error->number);
    }
    if (phrase[0] || error->subject[0])
        bd_text_add(text, ": ");
    add_errno(text, error->code);
}

const char *brood_error_text(const struct brood_error *error, char *buffer, size_t size)
{
    struct bd_text text = bd_text_over(buffer, size);
    bool ran = error->stage == BROOD_STAGE_TIMEOUT && error->detail == BROOD_DETAIL_TEXT;
    bd_text_add(&text, ran ? "cannot end " : "cannot start ");
    bd_text_add_escaped(&text, error->program[0] ? error->program : "''");
    bd_text_add(&text, ": ");
    if (!add_detail(&text, error))
        add_stage(&text, error);
    if (error->unkillable_pid > 0) {
        bd_text_add(&text, "; process ");
        bd_text_add_number(&text, error->unkillable_pid);
        bd_text_add(&text, " could not be ended yet");
    }
    return buffer;
}
