/* SPDX-License-Identifier: MIT */
/*
 * Showing what a start would do (--plan), in words or as JSON. Room cli.
 *
 * Invariant: both forms come from the one text that the library makes of the plan that a start
 * would carry out; only what brood run itself would do is added here.
 */
#include "show_plan.h"
#include "fifo.h"
#include "members.h"
#include "result_file.h"
#include "settle.h"
#include "watch.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns the text, to be freed; NULL with the exit code in *ret_code, and it has been said. */
static char *plan_text(const struct brood_options *options, struct outcome *outcome, int *ret_code)
{
    char why[1024];
    outcome->error = (struct brood_error){0};
    ssize_t length = brood_plan_text(options, NULL, 0, &outcome->error);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (length >= 0 && !text) {
        *ret_code = words_say(asked_table.who, "out of memory");
        return NULL;
    }
    if (text)
        length = brood_plan_text(options, text, (size_t)length + 1, &outcome->error);
    if (length >= 0)
        return text;
    free(text);
    (void)words_say(asked_table.who, "%s", outcome_why(outcome, why, sizeof why));
    *ret_code = outcome_code(outcome);
    return NULL;
}

/* ------------------------------------------------------------------ in words */

/* What the library does not know of: brood run does it itself. */
static void print_watch(const struct asked *asked)
{
    char text[32];
    if (asked->pty)
        (void)printf("brood run: by before_exec its terminal gets the modes of ours\n");
    if (asked->timeout_ms > 0) {
        int64_t grace_ms = settle_grace_ms(asked);
        (void)printf("brood run: after %s %s", words_duration(asked->timeout_ms, text),
                     grace_ms > 0 ? "SIGTERM and SIGCONT" : "SIGKILL");
        if (grace_ms > 0)
            (void)printf(", %s later SIGKILL", words_duration(grace_ms, text));
        (void)putchar('\n');
    }
    if (settle_passes_output(asked))
        (void)printf("brood run: pass output on, until %s after the end\n",
                     words_duration(settle_drain_ms(asked), text));
    if (asked->detach)
        (void)printf("brood run: print its process id, and leave it\n");
}

static int show_words(const struct asked *asked, const char *text, const struct entry *entry)
{
    (void)fputs(text, stdout);
    print_watch(asked);
    return words_printed(asked_table.who, entry->closed[BROOD_OUT]);
}

/* ------------------------------------------------------------------ as JSON */

/* The words of `text` between blanks, which are cut apart; a list to be freed, ended by NULL. */
static char **split_words(char *text)
{
    size_t most = 2;
    for (const char *at = text; *at; at++)
        most += *at == ' ';
    char **words = calloc(most, sizeof *words), *state = NULL;
    size_t count = 0;
    for (char *word = strtok_r(text, " ", &state); words && word;
         word = strtok_r(NULL, " ", &state))
        words[count++] = word;
    return words;
}

static void put_names(struct members *plan, char *text)
{
    char **names = split_words(text);
    if (names)
        members_texts(plan, "environment", names);
    else
        plan->failed = true;
    free(names);
}

static json_t *step_object(const char *stage, const char *words)
{
    struct members step = members_new();
    members_text(&step, "stage", stage);
    members_text(&step, "words", words);
    return members_take(&step);
}

static void put_duration(struct members *plan, const char *name, bool given, int64_t ms)
{
    members_put(plan, name, given ? json_integer(ms) : json_null());
}

/* Takes the text apart: the rung, the environment and then a step a line, "stage: words". */
static json_t *plan_object(const struct asked *asked, char *text)
{
    struct members plan = members_new();
    json_t *steps = json_array();
    char *state = NULL;
    members_text(&plan, "brood", brood_version());
    members_texts(&plan, "command", asked->command);
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *words = strchr(line, ':');
        if (!words)
            continue;
        *words++ = '\0';
        words += strspn(words, " ");
        if (strcmp(line, "rung") == 0)
            members_text(&plan, "rung", words);
        else if (strcmp(line, "environment") == 0)
            put_names(&plan, words);
        else if (json_array_append_new(steps, step_object(line, words)) < 0)
            plan.failed = true;
    }
    members_put(&plan, "steps", steps);
    put_duration(&plan, "timeout_ms", asked->timeout_ms > 0, asked->timeout_ms);
    put_duration(&plan, "grace_ms", asked->timeout_ms > 0, settle_grace_ms(asked));
    put_duration(&plan, "drain_ms", settle_passes_output(asked), settle_drain_ms(asked));
    members_put(&plan, "detach", json_boolean(asked->detach));
    return members_take(&plan);
}

static int say_json(const char *name, const char *why)
{
    return words_say(asked_table.who, "--json: cannot write %s: %s", name, why);
}

static int show_json(const struct asked *asked, const struct brood_options *options, char *text,
                     const struct entry *entry)
{
    struct result_file file;
    int code = result_file_open(&file, asked->json, entry->closed[BROOD_OUT],
                                fifo_deadline(options, watch_now()));
    if (code < 0)
        return say_json(asked->json, strerror(-code));
    size_t length = 0;
    char *line = members_line(plan_object(asked, text), &length);
    if (!line) {
        result_file_abandon(&file);
        return words_say(asked_table.who, "--json: out of memory");
    }
    code = result_file_commit(&file, line, length);
    free(line);
    return code < 0 ? say_json(asked->json, strerror(-code)) : 0;
}

int show_plan(const struct asked *asked, const struct brood_options *options,
              const struct entry *entry, struct outcome *outcome)
{
    int code = 0;
    char *text = plan_text(options, outcome, &code);
    if (!text)
        return code;
    code = asked->json ? show_json(asked, options, text, entry) : show_words(asked, text, entry);
    free(text);
    return code;
}
