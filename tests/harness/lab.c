/* SPDX-License-Identifier: MIT */
/*
 * The laboratory (lab.h): directory, programs, files, bounded reads, scarce descriptors.
 *
 * Invariant: nothing here takes heap that outlives the call, so tests of no growth may use it.
 */
#include "audit_inside.h"
#include "inside.h"
#include "place.h"
#include "procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *lab_directory(void)
{
    if (!test_page->directory[0]) {
        const char *where = getenv("TMPDIR");
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/brood-lab.XXXXXX", where && *where ? where : "/tmp");
        if (!mkdtemp(path))
            page_fail("no directory for the test: %s: %s", path, strerror(errno));
        memcpy(test_page->directory, path, sizeof path);
    }
    return test_page->directory;
}

char *lab_path(char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/%s", lab_directory(), name);
    return path;
}

/* Removes one entry of a directory and all below it; never follows a link out of it. */
static void remove_below(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return;
    (void)fchmodat(parent, name, S_IRWXU, 0); /* a test may have closed it to itself */
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory) {
        const struct dirent *entry;
        while ((entry = readdir(directory)))
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                remove_below(fd, entry->d_name);
        (void)closedir(directory);
    } else if (fd >= 0)
        (void)close(fd);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void lab_clear(const char *directory)
{
    if (directory[0] == '/')
        remove_below(AT_FDCWD, directory);
}

const char *lab_proc(const char *format, ...)
{
    static _Thread_local char path[PATH_MAX];
    va_list arguments;
    int length = snprintf(path, sizeof path, "%s/", place_of_proc());
    va_start(arguments, format);
    (void)vsnprintf(path + length, sizeof path - (size_t)length, format, arguments);
    va_end(arguments);
    return path;
}

/* Programs of the build are found from this one: BUILD/tests/ROOM/test_x. */
char *lab_built_program(char *path, size_t size, const char *name)
{
    char self[PATH_MAX];
    ssize_t length = readlink(lab_proc("self/exe"), self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    (void)snprintf(path, size, "%s/%s", self, name);
    return path;
}

const char *lab_child_program(void)
{
    /* One for each thread: tests start children from many. */
    static _Thread_local char path[PATH_MAX];
    return lab_built_program(path, sizeof path, "harness/target");
}

int lab_write_file(const char *path, const void *data, size_t length, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    const char *from = data;
    int result = fchmod(fd, mode) == 0 ? 0 : -errno;
    while (result == 0 && length > 0) {
        ssize_t put = write(fd, from, length);
        if (put < 0 && errno != EINTR)
            result = -errno;
        if (put > 0) {
            from += put;
            length -= (size_t)put;
        }
    }
    return close(fd) == 0 || result < 0 ? result : -errno;
}

ssize_t lab_read_file(const char *path, char *data, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t length = 0;
    ssize_t got = 1;
    while (length < size - 1 && got != 0) {
        got = read(fd, data + length, size - 1 - length);
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    ssize_t result = got < 0 ? -errno : (ssize_t)length;
    data[length] = '\0';
    (void)close(fd);
    return result;
}

int64_t lab_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads once, when there is something to read before the deadline. */
static ssize_t read_before(int fd, char *data, size_t size, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - lab_now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (ready == 0)
            return -ETIMEDOUT;
        ssize_t got = ready > 0 ? read(fd, data, size) : -1;
        if (got >= 0)
            return got;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

ssize_t lab_read_all(int fd, char *data, size_t size, int timeout_ms)
{
    int64_t deadline = lab_now_ms() + timeout_ms;
    size_t length = 0;
    ssize_t got = 1;
    while (length < size - 1 && got > 0) {
        got = read_before(fd, data + length, size - 1 - length, deadline);
        length += got > 0 ? (size_t)got : 0;
    }
    data[length] = '\0';
    return got < 0 ? got : (ssize_t)length;
}

ssize_t lab_read_line(int fd, char *line, size_t size, int timeout_ms)
{
    int64_t deadline = lab_now_ms() + timeout_ms;
    size_t length = 0;
    while (length < size - 1) {
        char byte = '\0';
        ssize_t got = read_before(fd, &byte, 1, deadline);
        line[length] = '\0';
        if (got <= 0)
            return got < 0 ? got : -EPIPE;
        if (byte == '\n')
            break;
        line[length++] = byte;
    }
    line[length] = '\0';
    return (ssize_t)length;
}

int lab_wait_gone(pid_t pid, int timeout_ms)
{
    return pid > 0 ? proc_wait_end(pid, timeout_ms) : -EINVAL;
}

char lab_process_state(pid_t pid)
{
    struct proc_facts facts;
    if (proc_read(pid, &facts) < 0)
        return '\0';
    return facts.state;
}

int lab_count_fds(void)
{
    static struct audit audit;
    audit.fd_count = 0;
    audit_take_fds(&audit);
    return (int)audit.fd_count;
}

/* What lab_leave_fds took to fill the holes, until lab_restore_fds. */
static int fillers[1024];
static size_t filler_count;

/* One more than the highest open descriptor, and how many numbers below it are unused. */
static int end_of_fds(unsigned *ret_unused)
{
    static struct audit audit;
    audit.fd_count = 0;
    audit_take_fds(&audit);
    size_t listed = audit.fd_count < AUDIT_FDS ? audit.fd_count : AUDIT_FDS;
    int end = listed > 0 ? audit.fds[listed - 1].fd + 1 : 0;
    *ret_unused = (unsigned)end - (unsigned)listed;
    return end;
}

/*
 * Every open descriptor stays below the limit, as in a program that ran out by itself: a limit
 * below them would make dup2 fail in the child, which is another failure. So holes that are too
 * many are filled.
 */
long lab_leave_fds(unsigned free_fds)
{
    struct rlimit limit;
    unsigned unused;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    long old = (long)limit.rlim_cur;
    int end = end_of_fds(&unused);
    while (unused > free_fds && filler_count < sizeof fillers / sizeof *fillers) {
        int filler = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (filler < 0)
            return -errno;
        fillers[filler_count++] = filler;
        unused--;
    }
    limit.rlim_cur = (rlim_t)end + (free_fds - unused);
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? old : -errno;
}

int lab_restore_fds(long soft_limit)
{
    struct rlimit limit;
    while (filler_count > 0)
        (void)close(fillers[--filler_count]);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    limit.rlim_cur = (rlim_t)soft_limit;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}
