/* SPDX-License-Identifier: MIT */
/*
 * The exit record of --json. Room cli. Its members are explained in brood-run(1).
 */
#ifndef BROOD_CLI_RECORD_H
#define BROOD_CLI_RECORD_H

#include "outcome.h"

#include <stddef.h>

/* Returns the line, newline included, to be freed; NULL without memory. */
char *record_text(const struct outcome *outcome, char *const *command, int exit_code,
                  size_t *ret_length);

#endif
