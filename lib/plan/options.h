/* SPDX-License-Identifier: MIT */
/*
 * Reading what the caller says.
 *
 * Room plan. Invariant: after bd_options_read() every later file may trust the options: known
 * flags, values in range, no contradiction, every named descriptor open.
 */
#ifndef BD_PLAN_OPTIONS_H
#define BD_PLAN_OPTIONS_H

#include <brood.h>

/* For which call the options are: brood_start() refuses what needs somebody to move data,
 * brood_run() what needs the caller to, a print takes both. */
enum bd_purpose { BD_FOR_START, BD_FOR_RUN, BD_FOR_PRINT };

int bd_options_read(const struct brood_options *given, enum bd_purpose purpose,
                    struct brood_options *ret, struct brood_error *reterr);

#endif
