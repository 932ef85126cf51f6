/* SPDX-License-Identifier: MIT */
/*
 * The plan in words: what a step is about (for errors), and all of it (for brood_plan_text()).
 *
 * Room plan. Invariant: what is printed are the very steps that a launch would carry out. Values of
 * the environment are secrets more often than not, so only their names appear.
 */
#include "plan.h"

#include <fcntl.h>
#include <string.h>

#include "../base/text.h"
#include "error.h"
#include "options.h"

/* ------------------------------------------------------------------ names */

/* What a step is about, where that is the same in each plan. */
static const char *const step_subjects[] = {
    [OS_UMASK] = "umask",
    [OS_NICE] = "nice value",
    [OS_OOM] = "oom_score_adj",
    [OS_AFFINITY] = "processor affinity",
    [OS_GROUPS] = "supplementary groups",
    [OS_GID] = "gid",
    [OS_UID] = "uid",
    [OS_VERIFY] = "ids: they are not what was set",
    [OS_TERMINAL] = "as controlling terminal",
    [OS_FOREGROUND] = "foreground group",
    [OS_NO_NEW_PRIVS] = "no_new_privs flag",
    [OS_EXEC] = NULL, /* the last of them */
};

void bd_plan_name_step(const struct bd_plan *plan, size_t index, const char **ret_subject,
                       int64_t *ret_number)
{
    const struct os_step *step = &plan->steps[index];
    *ret_subject = step_subjects[step->op];
    *ret_number = -1;
    switch (step->op) {
    case OS_LIMIT:
        *ret_subject = bd_os_limit_words(step->from);
        *ret_number = step->from;
        break;
    case OS_OPEN:
    case OS_CHDIR:
        *ret_subject = step->data;
        break;
    case OS_CGROUP:
        *ret_subject = plan->cgroup;
        break;
    case OS_MOVE:
        *ret_number = step->to;
        break;
    case OS_NICE:
    case OS_GROUP:
    case OS_FCHDIR:
    case OS_SAVE:
    case OS_KEEP:
    case OS_CLOSE:
        *ret_number = step->from;
        break;
    case OS_GID:
    case OS_UID:
        *ret_number = (int64_t)step->value;
        break;
    default:
        break;
    }
}

/* ------------------------------------------------------------------ steps in words */

/* Stands for the child's end of stream i, which has no number before the start. */
#define UNMADE_END(i) (INT32_MAX - (i))

static void add_source(struct bd_text *text, const struct bd_plan *plan, int32_t from)
{
    static const char *const stream_names[] = {"in", "out", "err"};
    if (from < -1) {
        const struct os_step *maker = &plan->steps[OS_MADE_STEP(from)];
        bd_text_add(text, maker->op == OS_OPEN ? "the opened " : "the saved descriptor");
        if (maker->op == OS_OPEN)
            bd_text_add_escaped(text, maker->data);
        return;
    }
    for (int index = 0; index < BD_STREAMS; index++) {
        if (from != UNMADE_END(index))
            continue;
        bool is_terminal = plan->streams[index].kind == BROOD_PTY;
        bd_text_add(text, is_terminal ? "the pseudoterminal" : "the child's end of ");
        bd_text_add(text, is_terminal ? "" : stream_names[index]);
        return;
    }
    bd_text_add(text, "descriptor ");
    bd_text_add_number(text, from);
}

static void add_limit_value(struct bd_text *text, uint64_t value)
{
    if (value == UINT64_MAX)
        bd_text_add(text, "unlimited");
    else
        bd_text_add_number(text, (int64_t)value);
}

static void add_signal_set(struct bd_text *text, const char *before, uint64_t set)
{
    if (!set)
        return;
    bd_text_add(text, before);
    for (int number = 1; number <= 64; number++) {
        if (!(set >> (number - 1) & 1))
            continue;
        bd_text_add(text, " ");
        bd_text_add_number(text, number);
    }
}

static void add_exec(struct bd_text *text, const struct os_exec *exec)
{
    bd_text_add(text, "run");
    for (size_t i = 0; i < exec->candidate_count; i++) {
        bd_text_add(text, i ? " or " : " ");
        bd_text_add_escaped(text, exec->candidates[i]);
    }
    bd_text_add(text, exec->script_argv ? " (or by /bin/sh) as" : " as");
    for (char *const *word = exec->argv; *word; word++) {
        bd_text_add(text, " ");
        size_t before = text->length;
        bd_text_add_quoted(text, *word);
        /* Quoting keeps bytes as they are; a control character must not reach a terminal. */
        for (size_t i = before; i < text->length && i + 1 < text->size; i++)
            if ((unsigned char)text->buffer[i] < 0x20 || text->buffer[i] == 0x7f)
                text->buffer[i] = '?';
    }
}

static void add_number_words(struct bd_text *text, const char *words, int64_t number)
{
    bd_text_add(text, words);
    bd_text_add(text, " ");
    bd_text_add_number(text, number);
}

static void add_path_words(struct bd_text *text, const char *words, const char *path)
{
    bd_text_add(text, words);
    bd_text_add(text, " ");
    bd_text_add_escaped(text, path);
}

static void add_affinity(struct bd_text *text, const struct os_step *step)
{
    const uint64_t *cpus = step->data;
    bd_text_add(text, "run on processors");
    for (size_t number = 0; number < step->value * 8; number++)
        if (cpus[number / 64] >> (number % 64) & 1)
            add_number_words(text, "", (int64_t)number);
}

static void add_groups(struct bd_text *text, const struct os_step *step)
{
    const uint32_t *groups = step->data;
    bd_text_add(text, step->value ? "supplementary groups" : "no supplementary group");
    for (size_t i = 0; i < step->value; i++)
        add_number_words(text, "", groups[i]);
}

/* Whom and what the process belongs to; false for other steps. */
static bool add_identity_words(struct bd_text *text, const struct os_step *step)
{
    if (step->op == OS_GROUPS)
        add_groups(text, step);
    else if (step->op == OS_GID || step->op == OS_UID)
        add_number_words(text, step->op == OS_GID ? "gid" : "uid", (int64_t)step->value);
    else if (step->op == OS_VERIFY)
        bd_text_add(text, "see that the ids are as set");
    else if (step->op == OS_NO_NEW_PRIVS)
        bd_text_add(text, "exec grants nothing from here on");
    else if (step->op == OS_CGROUP)
        add_path_words(text, "unless born there, join by", step->data);
    else if (step->op == OS_TERMINAL)
        add_number_words(text, "controlling terminal is descriptor", step->from);
    else if (step->op == OS_FOREGROUND)
        bd_text_add(text, "its group gets the terminal");
    else
        return false;
    return true;
}

static bool add_signal_words(struct bd_text *text, const struct os_step *step)
{
    if (step->op == OS_MASK) {
        bd_text_add(text, step->from ? "keep the signal mask" : "block no signal");
        return true;
    }
    if (step->op != OS_DISPOSITIONS)
        return false;
    bd_text_add(text, step->value ? "handled signals to default, ignored ones kept"
                                  : "every signal to default");
    add_signal_set(text, "; ignore", step->value2);
    return true;
}

/* The steps that change what the process is; false for the others. */
static bool add_setting_words(struct bd_text *text, const struct os_step *step)
{
    if (step->op == OS_TIMER) {
        add_number_words(text, "be killed unless the program begins within ms:",
                         (int64_t)(step->value / 1000000U));
    } else if (step->op == OS_SESSION) {
        bd_text_add(text, "lead a new session");
    } else if (step->op == OS_GROUP && step->from) {
        add_number_words(text, "join process group", step->from);
    } else if (step->op == OS_GROUP) {
        bd_text_add(text, "lead a new process group");
    } else if (step->op == OS_LIMIT) {
        bd_text_add(text, bd_os_limit_words(step->from));
        bd_text_add(text, " soft ");
        add_limit_value(text, step->value);
        bd_text_add(text, " hard ");
        add_limit_value(text, step->value2);
    } else if (step->op == OS_UMASK) {
        bd_text_add(text, "umask ");
        bd_text_add_octal(text, (uint32_t)step->value);
    } else if (step->op == OS_NICE) {
        add_number_words(text, "nice value", step->from);
    } else if (step->op == OS_OOM) {
        add_path_words(text, "oom_score_adj", step->data);
    } else if (step->op == OS_AFFINITY) {
        add_affinity(text, step);
    } else if (!add_identity_words(text, step)) {
        return add_signal_words(text, step);
    }
    return true;
}

static void add_open_words(struct bd_text *text, const struct os_step *step)
{
    uint64_t flags = step->value;
    if ((flags & O_ACCMODE) == O_RDWR) /* /dev/null */
        return;
    if ((flags & O_ACCMODE) == O_RDONLY) {
        bd_text_add(text, " to read");
        return;
    }
    bd_text_add(text, flags & O_APPEND ? " to append" : " to write");
    if (flags & O_TRUNC)
        bd_text_add(text, ", truncated");
    if (flags & O_EXCL)
        bd_text_add(text, ", must be new");
    if (!(flags & O_CREAT)) {
        bd_text_add(text, ", must exist");
        return;
    }
    bd_text_add(text, ", created ");
    bd_text_add_octal(text, (uint32_t)step->value2);
}

/* The steps about directories, descriptors and the program. */
static void add_moving_words(struct bd_text *text, const struct bd_plan *plan,
                             const struct os_step *step)
{
    if (step->op == OS_CHDIR) {
        add_path_words(text, "change to", step->data);
    } else if (step->op == OS_FCHDIR) {
        add_number_words(text, "change to the directory of descriptor", step->from);
    } else if (step->op == OS_OPEN) {
        add_path_words(text, "open", step->data);
        add_open_words(text, step);
    } else if (step->op == OS_SAVE) {
        bd_text_add(text, "save ");
        add_source(text, plan, step->from);
    } else if (step->op == OS_HIDE) {
        bd_text_add(text, "hide descriptors from 3 on");
    } else if (step->op == OS_MOVE) {
        add_number_words(text, "descriptor", step->to);
        bd_text_add(text, " becomes ");
        add_source(text, plan, step->from);
    } else if (step->op == OS_KEEP) {
        add_number_words(text, "keep descriptor", step->from);
    } else if (step->op == OS_CLOSE) {
        bd_text_add(text, "close ");
        add_source(text, plan, step->from);
    } else if (step->op == OS_HOOK) {
        bd_text_add(text, "call before_exec");
    } else if (step->op == OS_EXEC) {
        add_exec(text, step->data);
    }
}

static void add_terminal_size(struct bd_text *text, const struct bd_plan *plan)
{
    bd_text_add(text, ", a pseudoterminal of ");
    bd_text_add_number(text, plan->rows);
    bd_text_add(text, " rows and ");
    bd_text_add_number(text, plan->columns);
    bd_text_add(text, " columns");
}

static void add_plan(struct bd_text *text, const struct bd_plan *plan)
{
    bd_text_add(text, "rung: ");
    bd_text_add(text, bd_os_launch_rung(bd_plan_owns_memory(&plan->options)));
    if (plan->options.flags & BROOD_DETACHED)
        bd_text_add(text, ", detached");
    bd_text_add(text, "\nenvironment:");
    for (char *const *entry = plan->exec.env; *entry; entry++) {
        char name[64];
        struct bd_text cut = bd_text_over(name, sizeof name);
        bd_text_add_bytes(&cut, *entry, strcspn(*entry, "="));
        bd_text_add(text, " ");
        bd_text_add_escaped(text, name);
    }
    bd_text_add(text, "\n");
    for (size_t i = 0; i < plan->step_count; i++) {
        bd_text_add(text, brood_stage_name(plan->steps[i].stage));
        bd_text_add(text, ": ");
        if (!add_setting_words(text, &plan->steps[i]))
            add_moving_words(text, plan, &plan->steps[i]);
        if (plan->steps[i].op == OS_TERMINAL)
            add_terminal_size(text, plan);
        bd_text_add(text, "\n");
    }
}

ssize_t brood_plan_text(const struct brood_options *options, char *buffer, size_t size,
                        struct brood_error *reterr)
{
    struct brood_error error;
    struct brood_options settled;
    struct bd_plan plan;
    int result = bd_options_read(options, BD_FOR_PRINT, &settled, &error);
    if (result == 0)
        result = bd_plan_make(&plan, &settled, &error);
    if (result < 0)
        return bd_error_give(result, &error, reterr);
    const int ends[BD_STREAMS] = {UNMADE_END(0), UNMADE_END(1), UNMADE_END(2)};
    bd_plan_settle(&plan, ends);
    struct bd_text text = bd_text_over(buffer, size);
    add_plan(&text, &plan);
    bd_plan_done(&plan);
    return (ssize_t)text.length;
}
