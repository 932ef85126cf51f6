/* SPDX-License-Identifier: MIT */
/*
 * The command `brood completion`: scripts for shells, made from the tables of the commands. Room
 * cli.
 *
 * Invariant: there is no second list of options. What a table gains, every shell knows.
 */
#include "command_completion.h"
#include "complete.h"
#include "values.h"
#include "words.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <brood.h>

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

static const struct table_option completion_options[] = {
    TABLE_HELP_OPTION,
};

const struct table completion_table = {
    .who = "brood completion",
    .usage = "[OPTION...] bash|zsh|fish",
    .about = "Print a script that teaches the shell to complete the commands of brood, their "
             "options and the values of those.",
    .after = "An installed brood has brought the scripts along. For one that is not installed:\n"
             "  bash  eval \"$(brood completion bash)\"\n"
             "  zsh   eval \"$(brood completion zsh)\"\n"
             "  fish  brood completion fish | source\n"
             "\n"
             "The manual page is brood(1).\n",
    .options = completion_options,
    .count = sizeof completion_options / sizeof completion_options[0],
    .rest = REST_WORD,
    .rest_words = "bash zsh fish",
};

/* ------------------------------------------------------------------ what the shells share */

void complete_print_text(const char *text, const char *quote, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'') {
            (void)fputs(quote, stdout);
            continue;
        }
        if (strchr(special, *text))
            (void)putchar('\\');
        (void)putchar(*text);
    }
}

static void print_words(const char *words, const char *before, const char *after)
{
    const char *blank = "";
    while (*words) {
        int length = (int)strcspn(words, " ");
        (void)printf("%s%s%.*s%s", blank, before, length, words, after);
        words += length;
        words += strspn(words, " ");
        blank = " ";
    }
}

static void print_limits(const char *before, const char *after)
{
    for (size_t i = 0; values_limit_name(i); i++)
        (void)printf("%s%s%s%s", i ? " " : "", before, values_limit_name(i), after);
}

/* Without the real-time ones, which nobody looks for by name, and those that cannot be ignored. */
static void print_signals(const char *before, const char *after)
{
    const char *blank = "";
    for (int number = 1; number < SIGRTMIN; number++) {
        const char *name = brood_signal_name(number);
        if (!name || number == SIGKILL || number == SIGSTOP)
            continue;
        (void)printf("%s%s%s%s", blank, before, name + strlen("SIG"), after);
        blank = " ";
    }
}

void complete_print_words(const struct table_option *option, const char *before, const char *after)
{
    if (option->value == VALUE_LIMIT)
        print_limits(before, after);
    else if (option->value == VALUE_SIGNALS)
        print_signals(before, after);
    else if (option->words)
        print_words(option->words, before, after);
}

/* ------------------------------------------------------------------ the command */

int command_completion(int argc, char **argv, struct entry *entry)
{
    int rest = 0;
    switch (table_read(&completion_table, argc, argv, NULL, &rest)) {
    case TABLE_HELP_SHORT:
        table_print_short(&completion_table);
        return words_printed(completion_table.who, entry->closed[1]);
    case TABLE_HELP_LONG:
        table_print_long(&completion_table);
        return words_printed(completion_table.who, entry->closed[1]);
    case TABLE_REFUSED:
        return CLI_FAILED;
    case TABLE_READ:
        break;
    }
    if (rest + 1 != argc)
        return words_say(completion_table.who, "%s; write %s bash, zsh or fish",
                         rest == argc ? "no shell" : "one shell at a time", completion_table.who);
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(argv[rest], shells[i].name) != 0)
            continue;
        shells[i].print();
        return words_printed(completion_table.who, entry->closed[1]);
    }
    return words_say(completion_table.who, "unknown shell '%s'; there are bash, zsh and fish",
                     argv[rest]);
}
