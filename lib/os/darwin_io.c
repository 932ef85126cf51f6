/* SPDX-License-Identifier: MIT */
/*
 * The macOS ways of writing without SIGPIPE and of giving bytes as a descriptor.
 *
 * Room os. Invariant: the caller's mask, dispositions and pending signals are never touched.
 * O_NONBLOCK is, of our own end, for the time of one write: the system has no write that does not
 * wait, and poll(2) does not say for how many bytes there is room.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"
#include "raw.h"

/* ------------------------------------------------------------------ writing */

/* A pseudoterminal that nobody has open says EIO. */
static ssize_t write_once(int fd, const void *data, size_t length)
{
    ssize_t count;
    do {
        count = write(fd, data, length);
    } while (count < 0 && errno == EINTR);
    if (count >= 0)
        return count;
    return errno == EIO && bd_os_pty_is_master(fd) ? -EPIPE : -errno;
}

/* The mark against SIGPIPE belongs to our end and stays on it. */
ssize_t bd_os_write(int fd, const void *data, size_t length)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    if (fcntl(fd, F_SETNOSIGPIPE, 1) < 0 && !bd_os_pty_is_master(fd))
        return -errno;
    bool blocks = !(flags & O_NONBLOCK);
    if (blocks && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    ssize_t count = write_once(fd, data, length);
    if (blocks)
        (void)fcntl(fd, F_SETFL, flags);
    return count;
}

int64_t bd_os_pending(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

/* The kernel grows a pipe by itself, to what it thinks right. */
int bd_os_grow_pipe(int fd, size_t bytes)
{
    (void)fd;
    (void)bytes;
    return -ENOTSUP;
}

/* ------------------------------------------------------------------ bytes as a descriptor */

/* A file without a name, in the directory that the system keeps for this user alone: the
 * environment has no say in where it is. What the child gets can only be read. */
int bd_os_memory_file(const void *bytes, size_t length, int *ret)
{
    static const char name[] = "brood-input.XXXXXX";
    char path[MAXPATHLEN];
    size_t used = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof path);
    if (used == 0 || used - 1 + sizeof name > sizeof path)
        return -ENOENT;
    for (size_t i = 0; i < sizeof name; i++)
        path[used - 1 + i] = name[i];
    int writer = bd_os_lift(mkostemp(path, O_CLOEXEC));
    if (writer < 0)
        return writer;
    int fd = bd_os_lift(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    (void)unlink(path);
    int result = fd < 0 ? fd : bd_os_fill_file(writer, bytes, length);
    bd_os_close(writer);
    if (result < 0) {
        bd_os_close(fd);
        return result;
    }
    *ret = fd;
    return 0;
}
