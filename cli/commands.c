/* SPDX-License-Identifier: MIT */
/*
 * The commands that brood has. Room cli.
 *
 * Invariant: what is listed here is what main.c runs, what --help names and what shells complete.
 */
#include "commands.h"
#include "asked.h"
#include "command_completion.h"
#include "command_run.h"

const struct command commands[] = {
    {"run", "run one command, and end as it did", &asked_table, command_run},
    {"completion", "print the completions for a shell", &completion_table, command_completion},
};

const size_t command_count = sizeof commands / sizeof commands[0];
