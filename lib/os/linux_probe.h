/* SPDX-License-Identifier: MIT */
/*
 * What this kernel can do, asked once.
 *
 * Room os. Invariant: only what cannot change is remembered, never a failure that was pressure.
 */
#ifndef BD_OS_LINUX_PROBE_H
#define BD_OS_LINUX_PROBE_H

#include <stdbool.h>

#include "os.h"

bool bd_os_probe_shares_memory(void); /* a CLONE_VM process really writes to our memory */
int bd_os_probe_clone_gives_pidfd(
    void); /* 0; -ENOSYS: clone(2) lacks CLONE_PIDFD; -errno: ask again */

/* The best way of making processes that is not known to be refused. */
enum os_way bd_os_probe_way(void);
void bd_os_probe_note_way(enum os_way way);

/* waitid(2) knows P_PIDFD, until it was seen not to. */
bool bd_os_probe_lacks_pidfd_wait(void);
void bd_os_probe_note_pidfd_wait_lacking(void);

/* pwritev2(2) knows RWF_NOSIGNAL, until it was seen not to. */
bool bd_os_probe_lacks_nosignal(void);
void bd_os_probe_note_nosignal_lacking(void);

#endif
