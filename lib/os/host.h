/* SPDX-License-Identifier: MIT */
/*
 * What the systems keep in different places of the program that we are a guest of.
 *
 * Room os. Invariant: nothing here is changed.
 */
#ifndef BD_OS_HOST_H
#define BD_OS_HOST_H

#include <stdint.h>

char *const *bd_os_host_environ(void); /* may be NULL */

/* The highest soft limit of descriptors that can be had under this hard one. */
uint64_t bd_os_host_highest_nofile(uint64_t hard);

#endif
