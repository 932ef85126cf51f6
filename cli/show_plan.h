/* SPDX-License-Identifier: MIT */
/*
 * Showing what a start would do (--plan). Room cli. The members of its JSON are explained in
 * brood-run(1).
 */
#ifndef BROOD_CLI_SHOW_PLAN_H
#define BROOD_CLI_SHOW_PLAN_H

#include "asked.h"
#include "entry.h"
#include "outcome.h"

/* Shows it in words on standard output, or as JSON in the file of --json. Returns the exit code;
 * why there is no plan is said, and put into outcome->error. */
int show_plan(const struct asked *asked, const struct brood_options *options,
              const struct entry *entry, struct outcome *outcome);

#endif
