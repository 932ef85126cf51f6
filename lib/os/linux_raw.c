/* SPDX-License-Identifier: MIT */
/*
 * The calls whose form differs between systems, as Linux has them.
 *
 * Room os. Invariant: see raw.h.
 */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "os.h"

int bd_os_raw_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

int bd_os_raw_socket_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

int bd_os_raw_poll(struct pollfd *polls, size_t count, int64_t deadline_ns)
{
    if (deadline_ns == OS_NEVER)
        return ppoll(polls, count, NULL, NULL);
    struct timespec left = bd_os_time_left(deadline_ns);
    return ppoll(polls, count, &left, NULL);
}

void bd_os_pause_ns(int64_t nanoseconds)
{
    struct timespec pause = bd_os_timespec(nanoseconds);
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}
