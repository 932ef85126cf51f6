/* SPDX-License-Identifier: MIT */
/*
 * Deadlines as the kernel takes them.
 *
 * Room os. Invariant: see clock.c.
 */
#ifndef BD_OS_CLOCK_H
#define BD_OS_CLOCK_H

#include <stdint.h>
#include <time.h>

struct timespec bd_os_timespec(int64_t nanoseconds);
struct timespec bd_os_time_left(int64_t deadline_ns); /* zero when it has passed */

#endif
