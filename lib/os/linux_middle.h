/* SPDX-License-Identifier: MIT */
/*
 * The caller's side of a detached start: linux_middle.c.
 *
 * Room os.
 */
#ifndef BD_OS_LINUX_MIDDLE_H
#define BD_OS_LINUX_MIDDLE_H

#include "os.h"

/* As bd_os_launch_learn(): launch->middle has been made. */
struct os_report bd_os_middle_learn(struct os_launch *launch);

/* As bd_os_launch_end(). */
int bd_os_middle_end(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret);

#endif
