/* SPDX-License-Identifier: MIT */
/*
 * Talking to a child: its streams as descriptors, and reading and writing with a bound.
 *
 * Room one. Invariants: a descriptor has one owner, the child or whoever took it; no write raises
 * SIGPIPE; our ends may block or not, a call keeps its bound either way.
 */
#include <errno.h>

#include "child.h"

int brood_child_stream(const struct brood_child *child, uint32_t stream)
{
    if (stream >= BD_STREAMS || child->started.streams[stream] < 0)
        return -EBADF;
    return child->started.streams[stream];
}

int brood_child_take_stream(struct brood_child *child, uint32_t stream)
{
    int fd = brood_child_stream(child, stream);
    if (fd >= 0)
        (void)bd_os_take(&child->started.streams[stream]);
    return fd;
}

int brood_child_close_stream(struct brood_child *child, uint32_t stream)
{
    int fd = brood_child_take_stream(child, stream);
    if (fd < 0)
        return fd;
    int state = bd_os_cancel_off();
    bd_os_close(fd);
    bd_os_cancel_restore(state);
    return 0;
}

/* One transfer once the descriptor is ready; readiness may be a false alarm. */
static ssize_t read_by(int fd, void *buffer, size_t size, int64_t deadline_ns)
{
    for (;;) {
        struct os_watch watch = {.fd = fd};
        int ready = bd_os_watch(&watch, 1, deadline_ns);
        if (ready <= 0)
            return ready < 0 ? ready : -ETIMEDOUT;
        ssize_t count = bd_os_read(fd, buffer, size);
        if (count != -EAGAIN)
            return count;
    }
}

ssize_t brood_child_read(struct brood_child *child, uint32_t stream, void *buffer, size_t size,
                         int64_t timeout_ms)
{
    int fd = brood_child_stream(child, stream);
    if (fd < 0)
        return fd;
    /* A pipe to the child cannot be read, and would never be ready. */
    if (stream == BROOD_IN && bd_os_read(fd, buffer, 0) < 0)
        return -EBADF;
    int state = bd_os_cancel_off();
    ssize_t count = read_by(fd, buffer, size, bd_os_deadline_ns(timeout_ms));
    bd_os_cancel_restore(state);
    return count;
}

/* As much as goes by the deadline; -errno only if nothing did. */
static ssize_t write_by(int fd, const char *data, size_t length, int64_t deadline_ns)
{
    size_t done = 0;
    while (done < length) {
        struct os_watch watch = {.fd = fd, .writes = true};
        int ready = bd_os_watch(&watch, 1, deadline_ns);
        ssize_t count = ready < 0 ? ready : -ETIMEDOUT;
        if (ready > 0)
            count = bd_os_write(fd, data + done, length - done);
        if (count == -EAGAIN || count == -EINTR)
            continue;
        if (count < 0)
            return done ? (ssize_t)done : count;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

ssize_t brood_child_write(struct brood_child *child, const void *data, size_t length,
                          int64_t timeout_ms)
{
    int fd = brood_child_stream(child, BROOD_IN);
    if (fd < 0)
        return fd;
    int state = bd_os_cancel_off();
    ssize_t count = write_by(fd, data, length, bd_os_deadline_ns(timeout_ms));
    bd_os_cancel_restore(state);
    return count;
}

int brood_child_resize(struct brood_child *child, uint16_t rows, uint16_t columns)
{
    for (int index = 0; index < BD_STREAMS; index++) {
        int fd = child->started.streams[index];
        if (fd >= 0 && bd_os_pty_is_master(fd))
            return bd_os_pty_resize(fd, rows, columns);
    }
    return -EBADF;
}
