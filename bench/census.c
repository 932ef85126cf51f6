/* SPDX-License-Identifier: MIT */
/*
 * The census of bench/ (see census.h), from fcntl(2), sigaction(2) and /proc.
 *
 * Invariant: descriptors are found by asking for each number, not by listing /proc/self/fd, whose
 * opening would need a descriptor itself.
 */
#include "census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers from the soft limit on are not handed out; a burst closes what it inherited there. */
static int highest_fd(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1024)
        return 1024;
    return (int)files.rlim_cur;
}

int census_open(void)
{
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Takes the whole numbers out of `text`; a number that the end cuts is left for the next piece.
 * Returns the length used up. */
static size_t take_pids(const char *text, size_t length, pid_t *pids, size_t size, size_t *count)
{
    size_t used = 0;
    long pid = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
            continue;
        }
        if (pid > 0) {
            if (*count < size)
                pids[*count] = (pid_t)pid;
            (*count)++;
        }
        pid = 0;
        used = i + 1;
    }
    return used;
}

static int compare_pids(const void *left, const void *right)
{
    pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;
    return (a > b) - (a < b);
}

ssize_t census_children(int children_fd, pid_t *pids, size_t size)
{
    char text[4096];
    size_t count = 0, held = 0;
    off_t offset = 0;
    for (;;) {
        ssize_t got = pread(children_fd, text + held, sizeof text - held, offset);
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        offset += got;
        size_t length = held + (size_t)got;
        size_t used = take_pids(text, length, pids, size, &count);
        held = length - used;
        memmove(text, text + used, held);
    }
    qsort(pids, count < size ? count : size, sizeof *pids, compare_pids);
    return (ssize_t)count;
}

static bool fill_fd(int fd, struct census_fd *ret)
{
    int fd_flags = fcntl(fd, F_GETFD);
    if (fd_flags < 0)
        return false;
    *ret = (struct census_fd){.fd = fd, .fd_flags = fd_flags, .file_flags = fcntl(fd, F_GETFL)};
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, ret->target, sizeof ret->target - 1);
    ret->target[length < 0 ? 0 : length] = '\0';
    return true;
}

size_t census_count_fds(void)
{
    size_t count = 0;
    int end = highest_fd();
    for (int fd = 0; fd < end; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

int census_take(int children_fd, struct census *census)
{
    memset(census, 0, sizeof *census);
    int end = highest_fd();
    for (int fd = 0; fd < end && census->fd_count < CENSUS_FDS; fd++)
        census->fd_count += fill_fd(fd, &census->fds[census->fd_count]);

    sigset_t blocked;
    sigemptyset(&blocked);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (int number = 1; number <= CENSUS_SIGNALS; number++) {
        if (sigismember(&blocked, number) == 1)
            census->blocked |= UINT64_C(1) << (number - 1);
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0)
            census->dispositions[number - 1] = (uint64_t)(uintptr_t)action.sa_handler;
    }

    ssize_t children = census_children(children_fd, census->children, CENSUS_CHILDREN);
    if (children < 0)
        return (int)children;
    census->child_count = (size_t)children < CENSUS_CHILDREN ? (size_t)children : CENSUS_CHILDREN;
    return 0;
}

/* Both lists ascend: walk them side by side. */
static unsigned fd_differences(const struct census *before, const struct census *after, char *why,
                               size_t size)
{
    unsigned count = 0;
    size_t i = 0, j = 0;
    while (i < before->fd_count || j < after->fd_count) {
        const struct census_fd *was = i < before->fd_count ? &before->fds[i] : NULL;
        const struct census_fd *is = j < after->fd_count ? &after->fds[j] : NULL;
        const char *how = NULL;
        if (is == NULL || (was != NULL && was->fd < is->fd)) {
            how = "is gone";
            is = was;
            i++;
        } else if (was == NULL || is->fd < was->fd) {
            how = "is new";
            j++;
        } else {
            if (strcmp(was->target, is->target) != 0 || was->fd_flags != is->fd_flags ||
                was->file_flags != is->file_flags)
                how = "has changed";
            i++, j++;
        }
        if (how != NULL && count++ == 0)
            (void)snprintf(why, size, "descriptor %d (%s) %s", is->fd, is->target, how);
    }
    return count;
}

size_t census_new_children(const struct census *before, const struct census *after)
{
    size_t count = 0;
    for (size_t i = 0; i < after->child_count; i++)
        count += bsearch(&after->children[i], before->children, before->child_count,
                         sizeof before->children[0], compare_pids) == NULL;
    return count;
}

unsigned census_differences(const struct census *before, const struct census *after, char *why,
                            size_t size)
{
    unsigned count = fd_differences(before, after, why, size);
    size_t appeared = census_new_children(before, after);
    size_t vanished = census_new_children(after, before);
    if (appeared + vanished > 0 && count == 0)
        (void)snprintf(why, size, "children: %zu before, %zu new, %zu gone", before->child_count,
                       appeared, vanished);
    count += (unsigned)(appeared + vanished);
    if (before->blocked != after->blocked && count++ == 0)
        (void)snprintf(why, size, "the signal mask was %#llx, is %#llx",
                       (unsigned long long)before->blocked, (unsigned long long)after->blocked);
    for (size_t i = 0; i < CENSUS_SIGNALS; i++)
        if (before->dispositions[i] != after->dispositions[i] && count++ == 0)
            (void)snprintf(why, size, "the disposition of signal %zu has changed", i + 1);
    return count;
}

/* Reads a small file of a process into `text`. Returns its length, -1 without one. */
static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size - 1);
    (void)close(fd);
    text[got < 0 ? 0 : got] = '\0';
    return got;
}

char census_state(pid_t pid)
{
    char text[512];
    if (read_proc(pid, "stat", text, sizeof text) <= 0)
        return 0;
    const char *after_name = strrchr(text, ')'); /* the name may hold anything, ')' too */
    if (after_name == NULL || after_name[1] != ' ')
        return 0;
    return after_name[2];
}

static bool link_of(pid_t pid, int fd, char *target, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
    ssize_t length = readlink(path, target, size - 1);
    if (length < 0)
        return false;
    target[length] = '\0';
    return true;
}

static bool may_write(pid_t pid, int fd)
{
    char name[32], text[512];
    (void)snprintf(name, sizeof name, "fdinfo/%d", fd);
    if (read_proc(pid, name, text, sizeof text) <= 0)
        return false;
    const char *flags = strstr(text, "flags:");
    return flags != NULL && (strtoul(flags + 6, NULL, 8) & O_ACCMODE) != O_RDONLY;
}

/* The descriptor by which a process holds the write end of the pipe `target`; -1 without one. */
static int writer_of(pid_t pid, const char *target)
{
    char path[32], other[CENSUS_TARGET];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *list = opendir(path);
    if (list == NULL)
        return -1;
    int found = -1;
    for (struct dirent *entry; found < 0 && (entry = readdir(list)) != NULL;) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || !link_of(pid, (int)fd, other, sizeof other))
            continue;
        if (strcmp(other, target) == 0 && may_write(pid, (int)fd))
            found = (int)fd;
    }
    (void)closedir(list);
    return found;
}

/* The descriptor that a sleeping process reads from: /proc/PID/syscall is "NUMBER ARG0 ...". */
static int reads_from(pid_t pid)
{
    char text[256];
    if (read_proc(pid, "syscall", text, sizeof text) <= 0)
        return -1;
    char *rest;
    long number = strtol(text, &rest, 10);
    return rest != text && number == SYS_read ? (int)strtol(rest, NULL, 16) : -1;
}

bool census_is_stuck(pid_t pid, char *why, size_t size)
{
    char target[CENSUS_TARGET];
    if (census_state(pid) != 'S')
        return false;
    int read_fd = reads_from(pid);
    if (read_fd < 0 || !link_of(pid, read_fd, target, sizeof target) ||
        strncmp(target, "pipe:", 5) != 0)
        return false;
    int write_fd = writer_of(pid, target);
    if (write_fd < 0)
        return false;
    (void)snprintf(why, size,
                   "process %d sleeps in read(%d) of %s, whose write end it holds as descriptor %d",
                   (int)pid, read_fd, target, write_fd);
    return true;
}
