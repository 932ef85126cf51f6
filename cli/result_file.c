/* SPDX-License-Identifier: MIT */
/*
 * A file that appears whole or not at all. Room cli.
 *
 * A file is made without a name (O_TMPFILE), so that nothing is left if we are killed; at the end
 * it gets a name of its own and takes the place of the old one by rename(2), which never follows
 * a symbolic link. Where a file system cannot do that the name is there from the beginning.
 * Invariant: what stands under the name is the old file or the new one, never a part.
 */
#include "result_file.h"
#include "fifo.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_TRIES = 100 };

/* The descriptor that a name means, as opening /dev/fd/N again would truncate or move its offset;
 * -1: none. */
static int stream_of(const char *name)
{
    static const char *const marks[] = {"/dev/fd/", "/proc/self/fd/"};
    int64_t number = -1;
    if (strcmp(name, "-") == 0 || strcmp(name, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(name, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        size_t length = strlen(marks[i]);
        if (strncmp(name, marks[i], length) == 0 &&
            values_number(name + length, 0, INT_MAX, &number) == 0)
            return (int)number;
    }
    return -1;
}

static int open_in_place(struct result_file *file, const char *name, int64_t deadline_ns)
{
    int fd = fifo_open(AT_FDCWD, name, O_WRONLY | O_NOFOLLOW, deadline_ns);
    file->fd = fd < 0 ? -1 : fd;
    return fd < 0 ? fd : 0;
}

/* The folder's own descriptor: its name may mean another one by the end. */
static int open_folder(struct result_file *file, const char *name)
{
    const char *slash = strrchr(name, '/');
    file->base = slash ? slash + 1 : name;
    char *folder = slash ? strndup(name, (size_t)(slash - name) + 1) : strdup(".");
    if (!folder)
        return -ENOMEM;
    file->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = file->folder_fd < 0 ? -errno : 0;
    free(folder);
    return code;
}

static void next_name(struct result_file *file, int number)
{
    (void)snprintf(file->temporary, sizeof file->temporary, ".brood-%d-%d", (int)getpid(), number);
}

static int open_named(struct result_file *file)
{
    for (int i = 0; i < NAME_TRIES; i++) {
        next_name(file, i);
        file->fd = openat(file->folder_fd, file->temporary,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file->fd >= 0 || errno != EEXIST)
            break;
    }
    if (file->fd < 0)
        file->temporary[0] = 0;
    return file->fd < 0 ? -errno : 0;
}

static void own_path(const struct result_file *file, char path[64])
{
    (void)snprintf(path, 64, "/proc/self/fd/%d", file->fd);
}

static int open_nameless(struct result_file *file)
{
    file->fd = openat(file->folder_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return -errno;
    /* It will be named by way of /proc, and after the run it is too late to find none there. */
    char self[64];
    own_path(file, self);
    if (access(self, F_OK) == 0)
        return 0;
    (void)close(file->fd);
    file->fd = -1;
    return -EOPNOTSUPP;
}

static int open_new(struct result_file *file, mode_t mode)
{
    int code = open_nameless(file);
    if (code == -EOPNOTSUPP || code == -EISDIR || code == -ENOENT || code == -EINVAL)
        code = open_named(file);
    /* A file that is replaced keeps its permissions; a new one is its owner's alone. */
    if (code == 0 && mode != 0 && fchmod(file->fd, mode) < 0)
        code = -errno;
    return code;
}

int result_file_open(struct result_file *file, const char *name, bool stdout_closed,
                     int64_t deadline_ns)
{
    *file = (struct result_file){.fd = -1, .folder_fd = -1};
    int stream = stream_of(name);
    if (stream == STDOUT_FILENO && stdout_closed)
        return -EBADF;
    if (stream >= 0) {
        file->fd = fcntl(stream, F_DUPFD_CLOEXEC, 3);
        return file->fd < 0 ? -errno : 0;
    }
    struct stat now = {0};
    bool exists = lstat(name, &now) == 0;
    if (exists && S_ISDIR(now.st_mode))
        return -EISDIR;
    if (exists && !S_ISREG(now.st_mode) && !S_ISLNK(now.st_mode))
        return open_in_place(file, name, deadline_ns);

    int code = open_folder(file, name);
    if (code == 0 && file->base[0] == 0)
        code = -EISDIR;
    if (code == 0)
        code = open_new(file, exists && S_ISREG(now.st_mode) ? now.st_mode & 0777 : 0);
    if (code < 0)
        result_file_abandon(file);
    return code;
}

static int write_whole_file(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* Gives a file without a name one that nobody else has. */
static int link_new(struct result_file *file)
{
    char self[64];
    own_path(file, self);
    for (int i = 0; i < NAME_TRIES; i++) {
        next_name(file, i);
        if (linkat(AT_FDCWD, self, file->folder_fd, file->temporary, AT_SYMLINK_FOLLOW) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    int code = -errno;
    file->temporary[0] = 0;
    return code;
}

int result_file_commit(struct result_file *file, const char *bytes, size_t length)
{
    int code = write_whole_file(file->fd, bytes, length);
    if (code == 0 && file->folder_fd >= 0) {
        if (!file->temporary[0])
            code = link_new(file);
        if (code == 0 &&
            renameat(file->folder_fd, file->temporary, file->folder_fd, file->base) < 0)
            code = -errno;
        if (code == 0)
            file->temporary[0] = 0;
    }
    result_file_abandon(file);
    return code;
}

void result_file_abandon(struct result_file *file)
{
    if (file->temporary[0])
        (void)unlinkat(file->folder_fd, file->temporary, 0);
    if (file->fd >= 0)
        (void)close(file->fd);
    if (file->folder_fd >= 0)
        (void)close(file->folder_fd);
    *file = (struct result_file){.fd = -1, .folder_fd = -1};
}
