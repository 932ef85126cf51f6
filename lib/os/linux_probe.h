/* SPDX-License-Identifier: MIT */
/*
 * What this kernel can do, asked once.
 *
 * Room os. Invariant: only what cannot change is remembered, never a failure that was pressure.
 */
#ifndef BD_OS_LINUX_PROBE_H
#define BD_OS_LINUX_PROBE_H

#include <stdbool.h>

bool bd_os_probe_shares_memory(void); /* a CLONE_VM process really writes to our memory */
int bd_os_probe_clone_gives_pidfd(
    void); /* 0; -ENOSYS: clone(2) lacks CLONE_PIDFD; -errno: ask again */
bool bd_os_probe_lacks_clone3(void);
void bd_os_probe_note_clone3_lacking(void);

/* pwritev2(2) knows RWF_NOSIGNAL, until it was seen not to. */
bool bd_os_probe_lacks_nosignal(void);
void bd_os_probe_note_nosignal_lacking(void);

#endif
