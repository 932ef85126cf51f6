/* SPDX-License-Identifier: MIT */
/*
 * A descriptor that is readable once a process has ended: a kqueue(2) with the process's end in it.
 * It stands where Linux has a pidfd, for waiting alone.
 *
 * Room os. Invariant: nobody takes the event out of the queue while the process is unreaped: it is
 * only polled, so it stays readable for everybody.
 */
#ifndef BD_OS_DARWIN_QUEUE_H
#define BD_OS_DARWIN_QUEUE_H

#include "os.h"

int bd_os_queue_open(void); /* or -errno */

/* Our own child, living or unreaped. 0, or -errno: then the queue is of no use. */
int bd_os_queue_attach(struct os_process process);

/* The status that the kernel has put into the event, for when somebody else reaped the process. The
 * queue stays readable. False: none. */
bool bd_os_queue_take_status(struct os_process process, int *ret_wait_status);

#endif
