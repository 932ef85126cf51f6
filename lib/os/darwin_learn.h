/* SPDX-License-Identifier: MIT */
/*
 * How far a new process came on macOS, asked by its parent.
 *
 * Room os. Invariant: as darwin_child.c: the parent may be the process in the middle of a detached
 * start.
 */
#ifndef BD_OS_DARWIN_LEARN_H
#define BD_OS_DARWIN_LEARN_H

#include "darwin_child.h"

struct kinfo_proc;

/* What the kernel shows of a process, an unreaped one too. 0; -ESRCH: there is none; -errno. */
int bd_os_learn_facts(pid_t pid, struct kinfo_proc *ret);

/* The calling process writes its number and its birth into the record. False: nobody waits for that
 * any more. */
bool bd_os_learn_self(struct os_record *record);

/* Its number, or 0: it has not begun to be, and will not. */
pid_t bd_os_learn_abandon(struct os_record *record);

/* Is the detached process of the record there still, before its exec? */
bool bd_os_learn_is_on_its_way(const struct os_record *record);

/* Has somebody reaped it? */
bool bd_os_learn_is_gone(pid_t pid);

/* Waits until the program has begun, or never will, or launch->deadline_ns is over. It need not be
 * the calling process's child. */
struct os_report bd_os_learn(struct os_launch *launch, pid_t pid);

/* SIGKILL, and reap, however long it takes: the calling process's own child, unreaped. */
void bd_os_learn_end(pid_t pid, struct os_exit *ret);

#endif
