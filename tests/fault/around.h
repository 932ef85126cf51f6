/* SPDX-License-Identifier: MIT */
/*
 * What a scenario needs around its caller: a session with a terminal, the taking in of orphans, and
 * afterwards the look at what the audit does not know of: the terminal's foreground, orphans, how
 * soon the caller would be killed for want of memory.
 *
 * Invariant: after around_look() the target is as it was before the start.
 */
#ifndef AROUND_H
#define AROUND_H

#include "subject.h"

/* In the target, before its first start. Ends the process if that fails. */
void around_enter(const struct scenario *scenario);

/* After a start and the end of what it started; what is wrong is told by subject_say(). */
void around_look(struct subject *subject);

/* The end of a detached program that the target has taken in, where no pidfd tells it. */
int around_wait(pid_t pid, struct brood_exit *ret);

/* Why there is no such thing here, or NULL: scenario.lacks. */
const char *around_lacks_terminals(void);
const char *around_lacks_ids(void);
const char *around_lacks_cgroup(void);

/* The control group of the test, made by around_lacks_cgroup(), and its end. `name`: of the
 * place. */
void around_name_cgroup(const char *name);
const char *around_cgroup(void);
void around_done(void);

#endif
