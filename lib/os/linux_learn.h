/* SPDX-License-Identifier: MIT */
/*
 * How far a new process came, asked by its parent.
 *
 * Room os. Invariant: code of a new process, see linux_child.c: the parent may be the process in
 * the middle of a detached start.
 */
#ifndef BD_OS_LINUX_LEARN_H
#define BD_OS_LINUX_LEARN_H

#include "os.h"

/* Waits until the program has begun, or never will, or launch->deadline_ns is over. */
struct os_report bd_os_learn(struct os_launch *launch, struct os_process process);

/* SIGKILL, and reap, however long it takes. */
void bd_os_learn_end(struct os_process process, struct os_exit *ret);

/* Has this process exec'd since it was forked? By /proc: 0 too when it is gone, or not to be
 * seen. */
int bd_os_learn_has_execed(pid_t pid);

#endif
