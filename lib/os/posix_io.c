/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: making pairs, waiting for them, reading, closing.
 *
 * Room os. Invariants: close-on-exec from birth; nothing made here is numbered below 3, so that a
 * caller who runs with 0, 1 or 2 closed never finds a pipe of ours there; O_NONBLOCK is set on our
 * own ends only, never on a description that a child or the caller's terminal shares.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "raw.h"

enum { WATCHES_MAX = 8, SHORTAGE_NS = 1000000 };

void bd_os_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* on EINTR too it is closed: never again */
}

int bd_os_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

bool bd_os_is_open(int fd)
{
    return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

bool bd_os_survives_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

int bd_os_lift(int fd)
{
    if (fd < 0)
        return -errno;
    if (fd >= OS_LOWEST_FD)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, OS_LOWEST_FD);
    int error = errno;
    bd_os_close(fd);
    return higher < 0 ? -error : higher;
}

static int lift_pair(int first, int second, struct os_pair *ret)
{
    first = bd_os_lift(first);
    second = bd_os_lift(second);
    if (first < 0 || second < 0) {
        bd_os_close(first);
        bd_os_close(second);
        return first < 0 ? first : second;
    }
    *ret = (struct os_pair){.ours = first, .childs = second};
    return 0;
}

int bd_os_pipe_from_child(struct os_pair *ret)
{
    int ends[2];
    int result = bd_os_raw_pipe(ends);
    return result < 0 ? result : lift_pair(ends[0], ends[1], ret);
}

int bd_os_pipe_to_child(struct os_pair *ret)
{
    int ends[2];
    int result = bd_os_raw_pipe(ends);
    return result < 0 ? result : lift_pair(ends[1], ends[0], ret);
}

int bd_os_socket_pair(struct os_pair *ret)
{
    int ends[2];
    int result = bd_os_raw_socket_pair(ends);
    return result < 0 ? result : lift_pair(ends[0], ends[1], ret);
}

int bd_os_set_nonblock(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

ssize_t bd_os_read(int fd, void *buffer, size_t size)
{
    ssize_t count;
    do {
        count = read(fd, buffer, size);
    } while (count < 0 && errno == EINTR);
    int error = errno;
#ifndef BROOD_MUTANT_TERMINAL_END_IS_ERROR
    if (count < 0 && error == EIO && bd_os_pty_is_master(fd))
        return 0; /* nobody has the terminal open: Linux's word for its end-of-file */
#endif
    return count < 0 ? -error : count;
}

int bd_os_fill_file(int fd, const void *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = pwrite(fd, (const char *)bytes + done, length - done, (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : -EIO;
        done += (size_t)count;
    }
    return 0;
}

int bd_os_duplicate(int fd, int *ret)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, OS_LOWEST_FD);
    if (copy < 0)
        return -errno;
    *ret = copy;
    return 0;
}

/* ------------------------------------------------------------------ waiting */

int bd_os_watch(struct os_watch *watches, size_t count, int64_t deadline_ns)
{
    struct pollfd polls[WATCHES_MAX];
    if (count > WATCHES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        polls[i] =
            (struct pollfd){.fd = watches[i].fd, .events = watches[i].writes ? POLLOUT : POLLIN};
    int ready;
    while ((ready = bd_os_raw_poll(polls, count, deadline_ns)) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != ENOMEM)
            return -errno;
        /* No memory to wait with: what is waited for must not be lost over that. */
        if (bd_os_now_ns() >= deadline_ns)
            return 0;
        bd_os_pause_ns(SHORTAGE_NS);
    }
    for (size_t i = 0; i < count; i++) {
        watches[i].ready = watches[i].fd >= 0 && polls[i].revents != 0;
        if (watches[i].ready && (polls[i].revents & POLLNVAL))
            return -EBADF; /* somebody has closed it: that is no end of a stream or a process */
    }
    return ready;
}

/* ------------------------------------------------------------------ cancellation */

int bd_os_cancel_off(void)
{
    int before = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void bd_os_cancel_restore(int state)
{
    (void)pthread_setcancelstate(state, NULL);
}
