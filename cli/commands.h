/* SPDX-License-Identifier: MIT */
/*
 * The commands that brood has. Room cli.
 */
#ifndef BROOD_CLI_COMMANDS_H
#define BROOD_CLI_COMMANDS_H

#include "entry.h"
#include "table.h"

#include <stddef.h>

struct command {
    const char *name;
    const char *brief;
    const struct table *table;
    int (*run)(int argc, char **argv, struct entry *entry);
};

extern const struct command commands[];
extern const size_t command_count;

#endif
