/* SPDX-License-Identifier: MIT */
/*
 * The Linux ways of writing without SIGPIPE and of giving bytes as a descriptor.
 *
 * Room os. Invariant: the caller's mask, dispositions and pending signals are as before, and
 * O_NONBLOCK is never touched: the description may be shared.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "linux_abi.h"
#include "linux_probe.h"
#include "raw.h"

/* ------------------------------------------------------------------ writing */

/* Nobody reads: a pipe says so when it is written, of a pseudoterminal this is known before. */
static int can_be_written(int fd)
{
    struct pollfd poll = {.fd = fd, .events = POLLOUT};
    struct timespec now = {0};
    if (ppoll(&poll, 1, &now, NULL) <= 0)
        return -EAGAIN;
    if (poll.revents & POLLHUP)
        return -EPIPE;
    return poll.revents & (POLLOUT | POLLERR) ? 0 : -EAGAIN;
}

/* Before Linux 6.18, and for pseudoterminals: SIGPIPE is blocked in this thread and the one that
 * our write makes is taken back, unless one was pending already. `sure` bytes go without blocking
 * once the descriptor is ready. */
static ssize_t write_with_signal_held(int fd, const void *data, size_t length, size_t sure)
{
    sigset_t broken_pipe, before, pending;
    int result = can_be_written(fd);
    if (result < 0)
        return result;
    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    (void)sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);

    ssize_t count = write(fd, data, length < sure ? length : sure);
    int error = errno;
    if (count < 0 && error == EPIPE && !was_pending) {
        struct timespec now = {0};
        while (sigtimedwait(&broken_pipe, NULL, &now) < 0 && errno == EINTR)
            continue;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return count < 0 ? -error : count;
}

static ssize_t write_without_signal(int fd, const void *data, size_t length)
{
    const struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    /* Offset -1: as write(2). The raw call: an older libc does not know the flags. */
    long count = syscall(SYS_pwritev2, fd, &piece, 1, -1L, -1L, ABI_RWF_NOSIGNAL | ABI_RWF_NOWAIT);
    return count < 0 ? -errno : count;
}

/* A pseudoterminal takes no call that does not wait, and our end may block. Ready says that there
 * is room; the kernel takes room in pieces of this size. */
static ssize_t write_to_terminal(int fd, const void *data, size_t length)
{
    enum { PIECE_BYTES = 256 };
    return write_with_signal_held(fd, data, length, PIECE_BYTES);
}

ssize_t bd_os_write(int fd, const void *data, size_t length)
{
    ssize_t count = send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0 || errno != ENOTSOCK)
        return count < 0 ? -errno : count;
    if (!bd_os_probe_lacks_nosignal()) {
        count = write_without_signal(fd, data, length);
        if (count != -EOPNOTSUPP && count != -EINVAL && count != -ENOSYS)
            return count;
    }
    if (bd_os_pty_is_master(fd))
        return write_to_terminal(fd, data, length);
    bd_os_probe_note_nosignal_lacking();
    return write_with_signal_held(fd, data, length, PIPE_BUF);
}

int64_t bd_os_pending(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

int bd_os_grow_pipe(int fd, size_t bytes)
{
    if (bytes > INT_MAX)
        return -EINVAL;
    int size = fcntl(fd, F_SETPIPE_SZ, (int)bytes);
    return size < 0 ? -errno : size;
}

/* ------------------------------------------------------------------ bytes as a descriptor */

static int make_memory_file(void)
{
    int fd = memfd_create("brood-input", MFD_CLOEXEC | MFD_ALLOW_SEALING | ABI_MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create("brood-input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return bd_os_lift(fd);
}

static int fill_and_seal(int fd, const void *bytes, size_t length)
{
    int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    int result = bd_os_fill_file(fd, bytes, length);
    return result == 0 && fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : result;
}

int bd_os_memory_file(const void *bytes, size_t length, int *ret)
{
    int fd = make_memory_file();
    if (fd < 0)
        return fd;
    int result = fill_and_seal(fd, bytes, length);
    if (result < 0) {
        bd_os_close(fd);
        return result;
    }
    *ret = fd;
    return 0;
}
