/* SPDX-License-Identifier: MIT */
/*
 * Why an exec failed, for a person.
 *
 * Room start. Invariant: runs after the failed process is gone, changes nothing.
 */
#ifndef BD_START_EXPLAIN_H
#define BD_START_EXPLAIN_H

#include "../plan/plan.h"

/* Fills in *reterr with stage exec; returns -errno. */
int bd_explain_exec(const struct bd_plan *plan, const struct os_report *report,
                    struct brood_error *reterr);

#endif
