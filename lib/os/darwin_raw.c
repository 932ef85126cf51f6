/* SPDX-License-Identifier: MIT */
/*
 * The calls whose form differs between systems, as macOS has them.
 *
 * Room os. Invariant: see raw.h, with one hole that this system leaves: a pipe and a socket pair
 * are made first and close-on-exec afterwards, so a program that another thread starts in between,
 * by other means than ours, may have them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "os.h"
#include "raw.h"

static int hide_pair(const int ends[2])
{
    if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) >= 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) >= 0)
        return 0;
    int error = errno;
    bd_os_close(ends[0]);
    bd_os_close(ends[1]);
    return -error;
}

int bd_os_raw_pipe(int ends[2])
{
    return pipe(ends) < 0 ? -errno : hide_pair(ends);
}

int bd_os_raw_socket_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? -errno : hide_pair(ends);
}

/* Rounded up: a wait that is a little too long is asked for once, one too short over and over. */
static int milliseconds_until(int64_t deadline_ns)
{
    if (deadline_ns == OS_NEVER)
        return -1;
    int64_t left_ns = deadline_ns - bd_os_now_ns();
    if (left_ns <= 0)
        return 0;
    int64_t left_ms = left_ns / 1000000 + (left_ns % 1000000 != 0);
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

int bd_os_raw_poll(struct pollfd *polls, size_t count, int64_t deadline_ns)
{
    for (;;) {
        int ready = poll(polls, (nfds_t)count, milliseconds_until(deadline_ns));
        if (ready != 0 || bd_os_now_ns() >= deadline_ns)
            return ready;
    }
}

void bd_os_pause_ns(int64_t nanoseconds)
{
    struct timespec pause = bd_os_timespec(nanoseconds);
    (void)nanosleep(&pause, NULL);
}
