/* SPDX-License-Identifier: MIT */
/*
 * The command `brood completion`. Room cli.
 */
#ifndef BROOD_CLI_COMMAND_COMPLETION_H
#define BROOD_CLI_COMMAND_COMPLETION_H

#include "entry.h"
#include "table.h"

extern const struct table completion_table;

/* argv[0] is "completion". Returns the exit code. */
int command_completion(int argc, char **argv, struct entry *entry);

#endif
