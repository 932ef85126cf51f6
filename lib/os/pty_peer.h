/* SPDX-License-Identifier: MIT */
/*
 * The other end of a pseudoterminal: how one gets from the master to it differs between systems.
 *
 * Room os. Invariant: see posix_terminal.c.
 */
#ifndef BD_OS_PTY_PEER_H
#define BD_OS_PTY_PEER_H

/* Opens it, as nobody's controlling terminal: a descriptor as os.h promises it, or -errno. */
int bd_os_terminal_of(int master);

#endif
