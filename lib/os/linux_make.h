/* SPDX-License-Identifier: MIT */
/*
 * The system call that makes a process, in each of the ways.
 *
 * Room os. Invariant: code of a new process, see linux_child.c: the maker may itself be the process
 * in the middle of a detached start.
 */
#ifndef BD_OS_LINUX_MAKE_H
#define BD_OS_LINUX_MAKE_H

#include "os.h"

/* Makes the process of the launch, which begins at run(launch): its number and launch->record's
 * pidfd, or -errno. */
long bd_os_make(struct os_launch *launch, void (*run)(void *launch));

/* Makes the process in the middle: its number and launch->middle.pidfd, or -errno. */
long bd_os_make_middle(struct os_launch *launch, void (*run)(void *launch));

#endif
