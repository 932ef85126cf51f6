/* SPDX-License-Identifier: MIT */
/*
 * Why a path could not be executed: execve(2) has one errno for many causes, the user needs the
 * cause.
 *
 * Room os. Invariant: it only looks (stat, and the first bytes of the file), it runs after the
 * start has failed and been undone, and what it cannot find out it leaves out: the errno stands by
 * itself.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <brood.h>

#include "image.h"

enum { SCRIPT_DEPTH = 5, HEAD_BYTES = 2048 };

/* The directory that a relative path of the child starts at. Returns AT_FDCWD or a descriptor. */
static int open_base(int cwd_fd, const char *cwd)
{
    int base = cwd_fd >= 0 ? cwd_fd : AT_FDCWD;
    return cwd ? bd_os_image_look(base, cwd, O_DIRECTORY) : base;
}

static ssize_t read_head(int base, const char *path, unsigned char *head)
{
    int fd = openat(base, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    ssize_t length = bd_os_read(fd, head, HEAD_BYTES);
    bd_os_close(fd);
    return length;
}

/* "#! /path/to/interpreter arguments" */
static bool find_interpreter(const unsigned char *head, ssize_t length, char *ret, size_t size)
{
    if (length < 3 || head[0] != '#' || head[1] != '!')
        return false;
    size_t at = 2, used = 0;
    while (at < (size_t)length && (head[at] == ' ' || head[at] == '\t'))
        at++;
    while (at < (size_t)length && used + 1 < size && !strchr(" \t\n", head[at]) && head[at])
        ret[used++] = (char)head[at++];
    ret[used] = '\0';
    return used > 0;
}

static bool on_noexec_mount(int base, const char *path)
{
    int fd = bd_os_image_look(base, path, 0);
    bool noexec = fd >= 0 && bd_os_image_on_noexec(fd);
    bd_os_close(fd);
    return noexec;
}

static void explain_access(int base, const char *path, struct os_exec_facts *ret)
{
    struct stat status;
    if (fstatat(base, path, &status, 0) < 0) {
        if (errno == EACCES)
            ret->detail = BROOD_DETAIL_NOT_SEARCHABLE;
        return;
    }
    if (S_ISDIR(status.st_mode)) {
        ret->detail = BROOD_DETAIL_IS_DIRECTORY;
        return;
    }
    if (on_noexec_mount(base, path)) {
        ret->detail = BROOD_DETAIL_NOEXEC_MOUNT;
        return;
    }
    if (!S_ISREG(status.st_mode) || faccessat(base, path, X_OK, AT_EACCESS) < 0) {
        ret->detail = BROOD_DETAIL_NOT_EXECUTABLE;
        return;
    }
    unsigned char head[HEAD_BYTES] = {0};
    ssize_t length = read_head(base, path, head);
    if (find_interpreter(head, length, ret->interpreter, sizeof ret->interpreter))
        ret->detail = BROOD_DETAIL_INTERPRETER;
}

static void explain_format(int base, const char *path, struct os_exec_facts *ret)
{
    unsigned char head[HEAD_BYTES] = {0};
    ssize_t length = read_head(base, path, head);
    if (length < 0)
        return;
    /* A broken file for our own machine is not a program either. */
    ret->machine = bd_os_image_foreign(head, (size_t)length);
    ret->detail = ret->machine ? BROOD_DETAIL_WRONG_MACHINE : BROOD_DETAIL_NOT_A_PROGRAM;
}

/* An interpreter may be a script itself, a few levels deep. The last name found is the missing
 * one. */
static void explain_missing(int base, const char *path, struct os_exec_facts *ret)
{
    unsigned char head[HEAD_BYTES] = {0};
    char name[sizeof ret->interpreter];
    for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
        ssize_t length = read_head(base, path, head);
        if (length < 0)
            return;
        if (!find_interpreter(head, length, name, sizeof name) &&
            !bd_os_image_loader(head, (size_t)length, name, sizeof name))
            return;
        ret->detail = BROOD_DETAIL_INTERPRETER;
        memcpy(ret->interpreter, name, sizeof name);
        path = ret->interpreter;
    }
}

void bd_os_exec_explain(int cwd_fd, const char *cwd, const char *path, int code,
                        struct os_exec_facts *ret)
{
    *ret = (struct os_exec_facts){.detail = BROOD_DETAIL_NONE};
    int base = open_base(cwd_fd, cwd);
    if (base < 0 && base != AT_FDCWD)
        return;
    if (code == EACCES)
        explain_access(base, path, ret);
    else if (bd_os_image_is_refused(code))
        explain_format(base, path, ret);
    else if (code == ENOENT || code == ENOTDIR || code == ELOOP)
        explain_missing(base, path, ret);
    if (cwd)
        bd_os_close(base);
}
