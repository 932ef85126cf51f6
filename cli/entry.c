/* SPDX-License-Identifier: MIT */
/*
 * What this program was born with: its standard streams, other descriptors, ignored signals. Room
 * cli.
 *
 * Invariant: after entry_note() no descriptor of our own is ever 0, 1 or 2, so that "closed"
 * stays true for the command and no word of ours lands in a file.
 */
#include "entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int fill_standard(struct entry *entry)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* The lowest free number is fd itself: those below are open by now. */
        if (open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
            return -errno;
        entry->closed[fd] = true;
    }
    return 0;
}

static uint64_t read_ignored(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT};
    uint64_t ignored = 0;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            ignored |= UINT64_C(1) << (signals[i] - 1);
    }
    return ignored;
}

static int add_other(struct entry *entry, size_t *room, int fd)
{
    if (entry->other_count == *room) {
        size_t more = *room ? 2 * *room : 64;
        int *grown = realloc(entry->others, more * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        entry->others = grown;
        *room = more;
    }
    entry->others[entry->other_count++] = fd;
    return 0;
}

/* Without /proc the list stays empty: then others are held until we end, and nothing worse. */
static int list_others(struct entry *entry)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return errno == ENOMEM ? -ENOMEM : 0;
    size_t room = 0;
    int code = 0;
    for (struct dirent *item = readdir(directory); item && code == 0; item = readdir(directory)) {
        int fd = atoi(item->d_name); /* "." and ".." are 0 */
        if (fd > 2 && fd != dirfd(directory))
            code = add_other(entry, &room, fd);
    }
    (void)closedir(directory);
    return code;
}

int entry_note(struct entry *entry)
{
    /* Whoever started us may have blocked signals; a command-line tool has to obey them. */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    *entry = (struct entry){.ignored = read_ignored()};
    int code = fill_standard(entry);
    return code < 0 ? code : list_others(entry);
}

void entry_done(struct entry *entry)
{
    free(entry->others);
    entry->others = NULL;
    entry->other_count = 0;
}

void entry_let_go(struct entry *entry)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd >= 0) {
        (void)dup3(null_fd, STDIN_FILENO, O_CLOEXEC);
        (void)dup3(null_fd, STDOUT_FILENO, O_CLOEXEC);
        (void)close(null_fd);
    }
    for (size_t i = 0; i < entry->other_count; i++)
        (void)close(entry->others[i]);
    entry->other_count = 0;
}
