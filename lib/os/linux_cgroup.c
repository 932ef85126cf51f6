/* SPDX-License-Identifier: MIT */
/*
 * The control group that a process is born in.
 *
 * Room os. Invariant: opens a directory, changes nothing.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

/* A process can be born in a group of version 2 alone; those of version 1 are joined. Any directory
 * may have a file cgroup.procs, and writing to it would put nobody anywhere. */
int bd_os_cgroup_open(const char *path, int *ret)
{
    struct statfs system;
    *ret = -1;
    int fd = bd_os_lift(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0)
        return fd;
    int result = fstatfs(fd, &system) < 0 ? -errno : 0;
    if (result == 0 && system.f_type == CGROUP2_SUPER_MAGIC) {
        *ret = fd;
        return 0;
    }
    bd_os_close(fd);
    return result < 0 || system.f_type == CGROUP_SUPER_MAGIC ? result : -ENODEV;
}
