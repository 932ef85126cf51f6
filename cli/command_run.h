/* SPDX-License-Identifier: MIT */
/*
 * The command `brood run`. Room cli.
 */
#ifndef BROOD_CLI_COMMAND_RUN_H
#define BROOD_CLI_COMMAND_RUN_H

#include "entry.h"

/* argv[0] is "run". Returns the exit code. */
int command_run(int argc, char **argv, struct entry *entry);

#endif
