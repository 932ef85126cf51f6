/* SPDX-License-Identifier: MIT */
/*
 * Ends of processes: what the systems share.
 *
 * Room os. Invariant: see posix_reap.c.
 */
#ifndef BD_OS_REAP_H
#define BD_OS_REAP_H

#include "os.h"

/* By the system: is it at its end, now? Somebody else may have reaped it: that is an end too. */
bool bd_os_reap_sees_end(struct os_process process);

/* As bd_os_exit_wait(), where no event tells. */
int bd_os_reap_wait_by_looking(struct os_process process, int64_t deadline_ns);

#endif
