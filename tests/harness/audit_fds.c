/* SPDX-License-Identifier: MIT */
/*
 * The audit's view of descriptors: number, target, FD_CLOEXEC and the flags of the open file.
 *
 * Invariant: the descriptor that reads the list is never part of it; with no descriptor left the
 * numbers are tried one by one up to the limit instead.
 */
#include "audit_inside.h"
#include "lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIED_AT_LEAST = 1024, TRIED_AT_MOST = 65536 };

static void add_fd(struct audit *audit, int fd)
{
    int fd_flags = fcntl(fd, F_GETFD);
    if (fd_flags < 0)
        return;
    char target[PATH_MAX];
    ssize_t length = readlink(lab_proc("self/fd/%d", fd), target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';

    struct audit_fd entry = {.fd = fd, .fd_flags = fd_flags, .file_flags = fcntl(fd, F_GETFL)};
    entry.target_hash = audit_hash(target, strlen(target));
    memcpy(entry.target, target, strnlen(target, sizeof entry.target - 1));
    if (audit->fd_count < AUDIT_FDS)
        audit->fds[audit->fd_count] = entry;
    else
        audit->fd_rest += audit_hash(&entry, sizeof entry);
    audit->fd_count++;
}

static void try_numbers(struct audit *audit)
{
    struct rlimit limit = {.rlim_cur = 0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    int end = limit.rlim_cur < TRIED_AT_MOST ? (int)limit.rlim_cur : TRIED_AT_MOST;
    if (end < TRIED_AT_LEAST)
        end = TRIED_AT_LEAST; /* a limit may have been lowered below what is open */
    for (int fd = 0; fd < end; fd++)
        add_fd(audit, fd);
}

void audit_take_fds(struct audit *audit)
{
    int list = open(lab_proc("self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list < 0) {
        try_numbers(audit);
        return;
    }
    union {
        char bytes[4096];
        struct dirent64 first;
    } room;
    long got;
    while ((got = syscall(SYS_getdents64, list, room.bytes, sizeof room.bytes)) > 0)
        for (long at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(room.bytes + at);
            at += entry->d_reclen;
            int fd = atoi(entry->d_name);
            if (entry->d_name[0] != '.' && fd != list)
                add_fd(audit, fd);
        }
    (void)close(list);
}

static const char *file_flags_text(int flags, char *text, size_t size)
{
    static const char *const modes[] = {"read", "write", "read-write", "path"};
    (void)snprintf(text, size, "%s%s%s (0%o)", modes[flags & O_ACCMODE],
                   flags & O_NONBLOCK ? " nonblocking" : "", flags & O_APPEND ? " append" : "",
                   (unsigned)flags);
    return text;
}

static void diff_one_fd(const struct audit_fd *was, const struct audit_fd *is,
                        struct audit_words *words)
{
    char old[64], new[64];
    if (was->target_hash != is->target_hash)
        audit_say(words, "descriptor %d re-targeted: %s -> %s", is->fd, was->target, is->target);
    else if (was->file_flags != is->file_flags)
        audit_say(words, "descriptor %d (%s) flags changed: %s -> %s", is->fd, is->target,
                  file_flags_text(was->file_flags, old, sizeof old),
                  file_flags_text(is->file_flags, new, sizeof new));
    if (was->fd_flags != is->fd_flags)
        audit_say(words, "descriptor %d (%s) close-on-exec changed: %d -> %d", is->fd, is->target,
                  was->fd_flags, is->fd_flags);
}

static size_t listed(const struct audit *audit)
{
    return audit->fd_count < AUDIT_FDS ? audit->fd_count : AUDIT_FDS;
}

/* Both lists are in rising order, as the kernel gives them: one merge. */
void audit_diff_fds(const struct audit *before, const struct audit *after,
                    struct audit_words *words)
{
    size_t was = 0, is = 0, was_end = listed(before), is_end = listed(after);
    while (was < was_end || is < is_end) {
        const struct audit_fd *old = was < was_end ? &before->fds[was] : NULL;
        const struct audit_fd *new = is < is_end ? &after->fds[is] : NULL;
        if (old && (!new || old->fd < new->fd)) {
            /* beyond a full table it may only have moved out of sight */
            if (after->fd_count <= AUDIT_FDS || new)
                audit_say(words, "descriptor %d closed: %s", old->fd, old->target);
            was++;
        } else if (new && (!old || new->fd < old->fd)) {
            if (before->fd_count <= AUDIT_FDS || old)
                audit_say(words, "descriptor %d opened: %s", new->fd, new->target);
            is++;
        } else if (old && new) {
            diff_one_fd(old, new, words);
            was++;
            is++;
        }
    }
    if (before->fd_rest != after->fd_rest)
        audit_say(words, "descriptors beyond the first %d changed (%zu -> %zu open)", AUDIT_FDS,
                  before->fd_count, after->fd_count);
}
