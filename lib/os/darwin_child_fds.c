/* SPDX-License-Identifier: MIT */
/*
 * The steps of a new process on macOS that make, move, hide and close descriptors.
 *
 * Room os. Invariant: as darwin_child.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "darwin_child.h"

/* A number that a later move will write to must not hold something that a later move reads. */
static bool is_target(const struct os_launch *launch, int fd)
{
    if (fd < OS_LOWEST_FD)
        return true;
    for (size_t i = 0; i < launch->target_count; i++)
        if (launch->targets[i] == fd)
            return true;
    return false;
}

/* Consumes fd (or -1 with errno set); *ret is the same description at a number that no move writes
 * to. */
static int settle_at(const struct os_launch *launch, int32_t *ret, int fd)
{
    while (fd >= 0 && is_target(launch, fd)) {
        int higher = fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
        int error = errno;
        (void)close(fd);
        errno = error;
        fd = higher;
    }
    if (fd < 0)
        return -errno;
    *ret = fd;
    return 0;
}

int bd_os_child_open(const struct os_launch *launch, struct os_step *step)
{
    int fd = open(step->data, (int)step->value | O_CLOEXEC, (mode_t)step->value2);
    return settle_at(launch, &step->to, fd);
}

static int number_of(const struct os_launch *launch, int32_t from)
{
    return from < -1 ? launch->steps[OS_MADE_STEP(from)].to : from;
}

int bd_os_child_save(const struct os_launch *launch, struct os_step *step)
{
    int fd = fcntl(number_of(launch, step->from), F_DUPFD_CLOEXEC, OS_LOWEST_FD);
    return settle_at(launch, &step->to, fd);
}

static int hide_listed(const struct proc_fdinfo *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].proc_fd >= OS_LOWEST_FD && fcntl(list[i].proc_fd, F_SETFD, FD_CLOEXEC) < 0)
            return -errno;
    return 0;
}

/* The system has no call for a range of descriptors, but it lists those that are open. Nobody else
 * runs in this process, so the list stays true; the size that is asked for first has some to spare.
 * Without the list this refuses: a silent leak would be worse. */
int bd_os_child_hide(void)
{
    int size = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, NULL, 0);
    if (size <= 0)
        return errno ? -errno : -EIO;
    struct proc_fdinfo *list =
        mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (list == MAP_FAILED)
        return -ENOMEM;
    int filled = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, list, size);
    int result = filled > 0 && filled < size ? 0 : -EIO; /* full: there may be more */
    if (result == 0)
        result = hide_listed(list, (size_t)filled / sizeof list[0]);
    (void)munmap(list, (size_t)size);
    return result;
}

/* Equal numbers are a plan's error, not a silent success. */
int bd_os_child_move(const struct os_launch *launch, const struct os_step *step)
{
    int from = number_of(launch, step->from), result;
    if (from == step->to)
        return -EINVAL;
    do {
        result = dup2(from, step->to);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int bd_os_child_close(const struct os_launch *launch, const struct os_step *step)
{
    int result = close(number_of(launch, step->from));
    return result < 0 && errno != EBADF ? -errno : 0;
}
