/* SPDX-License-Identifier: MIT */
/*
 * The calling thread's signal mask, with the two signals that libc hides, and what the program
 * ignores.
 *
 * Room os. Invariant: bd_os_signals_block() and bd_os_signals_restore() come in pairs on every
 * path.
 */
#ifndef BD_OS_LINUX_SIGNALS_H
#define BD_OS_LINUX_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

uint64_t bd_os_signals_block(void); /* all of them; returns the mask before */
void bd_os_signals_restore(uint64_t mask);

/* Bit n - 1: signal n. False: not to be had. *ret_lowest_fd: the lowest free descriptor, which this
 * met on its way, or as it was. */
bool bd_os_signals_ignored(uint64_t *ret, int *ret_lowest_fd);

#endif
