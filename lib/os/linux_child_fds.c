/* SPDX-License-Identifier: MIT */
/*
 * The steps of a new process that make, move, hide and close descriptors.
 *
 * Room os. Invariant: as linux_child.c.
 */
#include "linux_child.h"

#include <errno.h>
#include <fcntl.h>

#include "linux_abi.h"
#include "linux_entry.h"

enum { DIRECTORY_BYTES = 1024 };

/* A number that a later move will write to must not hold something that a later move reads. */
CHILD_CODE static int is_target(const struct os_launch *launch, long fd)
{
    if (fd < OS_LOWEST_FD)
        return 1;
    for (size_t i = 0; i < launch->target_count; i++)
        if (launch->targets[i] == fd)
            return 1;
    return 0;
}

/* Consumes fd; *ret is the same description at a number that no move writes to. */
CHILD_CODE long bd_os_child_settle(const struct os_launch *launch, int32_t *ret, long fd)
{
    while (fd >= 0 && is_target(launch, fd)) {
        long higher = ENTRY_CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
        (void)ENTRY_CALL(SYS_close, fd);
        fd = higher;
    }
    if (fd < 0)
        return fd;
    *ret = (int32_t)fd;
    return 0;
}

CHILD_CODE long bd_os_child_open(const struct os_launch *launch, struct os_step *step)
{
    long fd = ENTRY_CALL(SYS_openat, AT_FDCWD, step->data, step->value | O_CLOEXEC, step->value2);
    return bd_os_child_settle(launch, &step->to, fd);
}

CHILD_CODE static long number_of(const struct os_launch *launch, int32_t from)
{
    return from < -1 ? launch->steps[OS_MADE_STEP(from)].to : from;
}

CHILD_CODE long bd_os_child_save(const struct os_launch *launch, struct os_step *step)
{
    long fd = ENTRY_CALL(SYS_fcntl, number_of(launch, step->from), F_DUPFD_CLOEXEC, OS_LOWEST_FD);
    return bd_os_child_settle(launch, &step->to, fd);
}

/* The decimal number that a directory entry of /proc/self/fd is named by, or -1. */
CHILD_CODE static long entry_number(const char *name)
{
    long number = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): the kernel has written it */
    if (!*name)
        return -1;
    for (; *name; name++) {
        if (*name < '0' || *name > '9')
            return -1;
        number = number * 10 + (*name - '0');
    }
    return number;
}

/* Before Linux 5.11, or under a filter that refuses close_range(2): each descriptor by itself. Can
 * go when the oldest supported kernel is 5.11. */
CHILD_CODE static long hide_each(long directory)
{
    _Alignas(struct abi_dirent) CHILD_ARRAY char entries[DIRECTORY_BYTES];
    long bytes;
    while ((bytes = ENTRY_CALL(SYS_getdents64, directory, entries, sizeof entries)) > 0) {
        for (long at = 0; at < bytes;) {
            const struct abi_dirent *entry = (const void *)(entries + at);
            long fd = entry_number(entry->name);
            if (fd >= OS_LOWEST_FD)
                (void)ENTRY_CALL(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
            at += entry->length;
        }
    }
    return bytes;
}

/* Without either it refuses: a silent leak would be worse. */
CHILD_CODE long bd_os_child_hide(void)
{
    long result = ENTRY_CALL(SYS_close_range, OS_LOWEST_FD, ~0U, ABI_CLOSE_RANGE_CLOEXEC);
    if (result >= 0)
        return 0;
    long directory =
        ENTRY_CALL(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return directory;
    result = hide_each(directory);
    (void)ENTRY_CALL(SYS_close, directory);
    return result;
}

/* dup3 and not dup2: equal numbers are a plan's error, not a silent success. */
CHILD_CODE long bd_os_child_move(const struct os_launch *launch, const struct os_step *step)
{
    long result;
    do {
        result = ENTRY_CALL(SYS_dup3, number_of(launch, step->from), step->to, 0);
    } while (result == -EINTR || result == -EBUSY);
    return result < 0 ? result : 0;
}

CHILD_CODE long bd_os_child_close(const struct os_launch *launch, const struct os_step *step)
{
    long result = ENTRY_CALL(SYS_close, number_of(launch, step->from));
    return result == -EBADF ? 0 : result;
}

/* One of the files by which the kernel is told something. */
CHILD_CODE long bd_os_child_write_file(const char *path, const char *text, uint64_t length)
{
    long fd = ENTRY_CALL(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fd;
    long result = ENTRY_CALL(SYS_write, fd, text, length);
    (void)ENTRY_CALL(SYS_close, fd);
    return result;
}
