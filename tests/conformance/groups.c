/* SPDX-License-Identifier: MIT */
/*
 * Control groups of the test's own; see groups.h.
 */
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { BOUND_MS = 10000 };

/* A line of /proc/self/mountinfo: "36 35 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids". */
static bool is_wanted(char *line, const char *controller, char *mount, size_t size)
{
    char point[PATH_MAX], type[32], options[256];
    const char *after = strstr(line, " - ");
    if (!after || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 ||
        sscanf(after, " - %31s %*s %255s", type, options) != 2)
        return false;
    (void)snprintf(mount, size, "%s", point);
    if (!strcmp(type, "cgroup2"))
        return true;
    return controller && !strcmp(type, "cgroup") && strstr(options, controller);
}

static bool make_below(const char *mount, const char *controller, char *path, size_t size)
{
    char file[PATH_MAX + 32];
    (void)snprintf(path, size, "%s/brood-test-%d", mount, (int)getpid());
    if (mkdir(path, 0755) < 0)
        return false;
    (void)snprintf(file, sizeof file, "%s/%s", path, controller ? controller : "cgroup.procs");
    if (access(file, W_OK) == 0)
        return true;
    (void)rmdir(path); /* version 2 without this controller */
    return false;
}

bool groups_make(const char *controller, char *path, size_t size)
{
    char line[2048], mount[PATH_MAX], file[64] = "";
    bool made = false;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (controller)
        (void)snprintf(file, sizeof file, "%s.max", controller);
    while (mounts && !made && fgets(line, sizeof line, mounts))
        made = is_wanted(line, controller, mount, sizeof mount) &&
               make_below(mount, controller ? file : NULL, path, size);
    if (mounts)
        (void)fclose(mounts);
    return made;
}

bool groups_write(const char *path, const char *file, const char *text)
{
    char name[PATH_MAX + 64];
    (void)snprintf(name, sizeof name, "%s/%s", path, file);
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return good;
}

void groups_remove(const char *path)
{
    int64_t deadline = lab_now_ms() + BOUND_MS;
    while (rmdir(path) < 0 && errno == EBUSY && lab_now_ms() < deadline) {
        const struct timespec pause = {.tv_nsec = 1000000}; /* no event tells when it can be */
        (void)nanosleep(&pause, NULL);
    }
    CHECK(access(path, F_OK) < 0);
}
