/* SPDX-License-Identifier: MIT */
/*
 * The laboratory (lab.h): another user, and mounts that nobody else sees.
 *
 * Invariant: as lab.c.
 */
#include "lab.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static bool write_to(const char *file, const char *text)
{
    int fd = open(lab_proc("self/%s", file), O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return fd >= 0 && close(fd) == 0 && written;
}

/* A plain user may in a namespace of users, where it is known by its own numbers. */
static bool own_users_too(void)
{
    char user[32], group[32];
    (void)snprintf(user, sizeof user, "%d %d 1", (int)geteuid(), (int)geteuid());
    (void)snprintf(group, sizeof group, "%d %d 1", (int)getegid(), (int)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_to("setgroups", "deny") &&
           write_to("uid_map", user) && write_to("gid_map", group);
}

int lab_own_mounts(void)
{
    if (unshare(CLONE_NEWNS) < 0 && !own_users_too())
        return -EPERM;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int lab_become(uid_t user)
{
    bool done =
        geteuid() != 0 || (setgroups(0, NULL) == 0 && setgid(user) == 0 && setuid(user) == 0);
    return done ? 0 : -errno;
}
