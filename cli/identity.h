/* SPDX-License-Identifier: MIT */
/*
 * Who the command is to be: --user, --group and --groups. Room cli.
 */
#ifndef BROOD_CLI_IDENTITY_H
#define BROOD_CLI_IDENTITY_H

#include "asked.h"

/* Finds out what the names mean and fills asked->credentials. Returns 0, or says why not and
 * returns CLI_FAILED. */
int identity_resolve(struct asked *asked);

#endif
