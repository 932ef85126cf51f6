/* SPDX-License-Identifier: MIT */
/*
 * The monotonic clock and deadlines on it.
 *
 * Room os. Invariant: no deadline is ever on the wall clock.
 */
#include "clock.h"

#include "os.h"

struct timespec bd_os_timespec(int64_t nanoseconds)
{
    return (struct timespec){.tv_sec = nanoseconds / 1000000000,
                             .tv_nsec = nanoseconds % 1000000000};
}

int64_t bd_os_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails on no system that we run on */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bd_os_deadline_ns(int64_t timeout_ms)
{
    int64_t now_ns = bd_os_now_ns();
    if (timeout_ms < 0 || timeout_ms > (OS_NEVER - now_ns) / 1000000)
        return OS_NEVER;
    return now_ns + timeout_ms * 1000000;
}

struct timespec bd_os_time_left(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - bd_os_now_ns();
    return bd_os_timespec(left_ns > 0 ? left_ns : 0);
}
