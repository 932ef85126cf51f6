/* SPDX-License-Identifier: MIT */
/*
 * The calls of macOS that lib/os rests on, imitated on Linux as far as lib/os uses them, so that
 * what is written for macOS runs at all: the steps, the report, the ends. It is made from the
 * manual pages and the headers, by the same hands: what it cannot show is a kernel that behaves
 * otherwise.
 *
 * A queue is an epoll descriptor, which polls as a kqueue does; what is in it, a pidfd and an event
 * of our own, stands in a table by its number.
 */
#include "imitation.h"
#undef close
#undef fcntl
#undef write
#undef setgroups
#undef wait4
#undef confstr

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "../../../lib/os/linux_abi.h"
#include "libproc.h"
#include "sys/event.h"
#include "sys/proc.h"
#include "sys/sysctl.h"

/* ------------------------------------------------------------------ what a process is */

enum { FORKED_NO_EXEC = 0x40, FLAGS_AT = 9 - 3, BIRTH_AT = 22 - 3, TEXT_BYTES = 1024 };

static int read_text(const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, TEXT_BYTES - 1);
    if (fd >= 0)
        (void)close(fd);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    return 0;
}

static unsigned long field(const char *text, int at)
{
    for (; at > 0 && text; at--)
        text = strchr(text + 1, ' ');
    return text ? strtoul(text + 1, NULL, 10) : 0;
}

static int fill_facts(int pid, struct kinfo_proc *ret)
{
    char path[64], text[TEXT_BYTES];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_text(path, text) < 0)
        return -1;
    const char *rest = strrchr(text, ')') + 1; /* " S 12 ...": field 3 and on */
    unsigned long birth = field(rest, BIRTH_AT);
    ret->kp_proc.p_stat = rest[1] == 'Z' || rest[1] == 'X' ? SZOMB : 2;
    ret->kp_proc.p_flag = field(rest, FLAGS_AT) & FORKED_NO_EXEC ? 0 : P_EXEC;
    ret->kp_proc.p_starttime.tv_sec = (time_t)(birth / 100);
    ret->kp_proc.p_starttime.tv_usec = (suseconds_t)(birth % 100 * 10000);
    if (pid == getpid()) {
        uid_t uid;
        gid_t gid;
        struct _pcred *ids = &ret->kp_eproc.e_pcred;
        (void)getresuid(&ids->p_ruid, &uid, &ids->p_svuid);
        (void)getresgid(&ids->p_rgid, &gid, &ids->p_svgid);
        struct _ucred *used = &ret->kp_eproc.e_ucred;
        used->cr_uid = uid;
        used->cr_groups[0] = gid;
        used->cr_ngroups = (short)(getgroups(IMITATED_NGROUPS - 1, used->cr_groups + 1) + 1);
    }
    return 0;
}

int sysctl(int *name, unsigned count, void *old, size_t *old_size, void *new_value, size_t new_size)
{
    (void)count, (void)new_value, (void)new_size;
    if (fill_facts(name[3], old) < 0)
        *old_size = 0;
    return 0;
}

/* The first of macOS's list is the effective group. */
int imitation_setgroups(int count, const gid_t *groups)
{
    if (count < 1 || groups[0] != getegid())
        abort();
    return setgroups((size_t)count - 1, groups + 1);
}

int proc_pidinfo(int pid, int flavor, uint64_t argument, void *buffer, int size)
{
    (void)argument;
    if (pid != getpid() || flavor != PROC_PIDLISTFDS)
        abort();
    struct proc_fdinfo *list = buffer;
    int count = 0, room = size / (int)sizeof *list;
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        int fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);
        if (fd < 0 || fd == dirfd(directory))
            continue;
        if (buffer && count < room)
            list[count].proc_fd = fd;
        count++;
    }
    if (directory)
        (void)closedir(directory);
    if (!buffer)
        return (count + 20) * (int)sizeof *list;
    return (count < room ? count : room) * (int)sizeof *list;
}

/* ------------------------------------------------------------------ queues */

enum { QUEUES = 65536 };

static struct queue {
    int owner, pid, pidfd, mark;
    uint32_t notes;
    unsigned has_mark : 1, is_over : 1;
} queues[QUEUES];

/* No forked copy has one, as there. */
static struct queue *queue_of(int fd)
{
    return fd >= 0 && fd < QUEUES && queues[fd].owner == getpid() ? &queues[fd] : NULL;
}

int kqueue(void)
{
    int fd = epoll_create1(0);
    if (fd >= 0)
        queues[fd] = (struct queue){.owner = getpid(), .pidfd = -1, .mark = -1};
    return fd;
}

int imitation_close(int fd)
{
    struct queue *queue = queue_of(fd);
    if (queue) {
        if (queue->pidfd >= 0)
            (void)close(queue->pidfd);
        if (queue->mark >= 0)
            (void)close(queue->mark);
        *queue = (struct queue){0};
    }
    return close(fd);
}

int imitation_fcntl(int fd, int command, int argument)
{
    if (command == F_SETNOSIGPIPE)
        return 0;
    int result = fcntl(fd, command, argument);
    if (result >= 0 && command == F_DUPFD_CLOEXEC && queue_of(fd)) {
        queues[result] = queues[fd];
        queues[fd] = (struct queue){0};
    }
    return result;
}

static int add(int queue, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

static int change_process(int fd, struct queue *queue, const struct kevent *change)
{
    struct kinfo_proc facts = {0};
    int pid = (int)change->ident;
    if (fill_facts(pid, &facts) < 0 || facts.kp_proc.p_stat == SZOMB)
        return refuse(ESRCH); /* macOS does not find those that have ended */
    queue->pid = pid;
    queue->notes = change->fflags;
    queue->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (queue->pidfd < 0)
        return -1;
    (void)fcntl(queue->pidfd, F_SETFD, FD_CLOEXEC);
    return add(fd, queue->pidfd);
}

static int change_mark(int fd, struct queue *queue, const struct kevent *change)
{
    if (change->flags & EV_ADD) {
        queue->has_mark = 1;
        queue->pid = (int)change->ident;
        queue->mark = eventfd(0, EFD_CLOEXEC);
        return queue->mark < 0 ? -1 : add(fd, queue->mark);
    }
    if (!queue->has_mark || queue->pid != (int)change->ident)
        return refuse(ENOENT);
    if (change->flags & EV_DELETE)
        queue->has_mark = 0;
    else if (change->fflags & NOTE_TRIGGER && eventfd_write(queue->mark, 1) < 0)
        return -1;
    return 0;
}

/* One event at most, of the process. */
static int take(struct queue *queue, struct kevent *event)
{
    struct kinfo_proc facts = {0};
    struct pollfd watch = {.fd = queue->pidfd, .events = POLLIN};
    if (queue->is_over || queue->pidfd < 0)
        return 0;
    *event = (struct kevent){.ident = (uintptr_t)queue->pid, .filter = EVFILT_PROC};
    /* Of one that is gone nobody can say here; it may as well have been a program. */
    if (queue->notes & NOTE_EXEC &&
        (fill_facts(queue->pid, &facts) < 0 || facts.kp_proc.p_flag & P_EXEC)) {
        event->fflags = NOTE_EXEC;
        queue->notes &= ~NOTE_EXEC;
    }
    if (poll(&watch, 1, 0) > 0) {
        struct abi_pidfd_info info = {.mask = ABI_PIDFD_INFO_EXIT};
        event->fflags |= NOTE_EXIT;
        queue->is_over = 1;
        if (queue->notes & NOTE_EXITSTATUS && ioctl(queue->pidfd, ABI_PIDFD_GET_INFO, &info) == 0 &&
            info.mask & ABI_PIDFD_INFO_EXIT) {
            event->fflags |= NOTE_EXITSTATUS;
            event->data = info.exit_code;
        }
    }
    return event->fflags != 0;
}

int kevent(int fd, const struct kevent *changes, int change_count, struct kevent *events,
           int event_count, const struct timespec *timeout)
{
    struct queue *queue = queue_of(fd);
    if (!queue)
        return refuse(EBADF);
    for (int i = 0; i < change_count; i++) {
        int result = changes[i].filter == EVFILT_PROC ? change_process(fd, queue, &changes[i])
                                                      : change_mark(fd, queue, &changes[i]);
        if (result < 0)
            return -1;
    }
    if (event_count == 0)
        return 0;
    long left_us = timeout->tv_sec * 1000000 + timeout->tv_nsec / 1000;
    while (!take(queue, events)) {
        if (left_us <= 0)
            return 0;
        (void)usleep(200);
        left_us -= 200;
    }
    return 1;
}

/* ------------------------------------------------------------------ the rest */

ssize_t imitation_write(int fd, const void *data, size_t length)
{
    ssize_t count = send(fd, data, length, MSG_NOSIGNAL);
    if (count >= 0 || errno != ENOTSOCK)
        return count;
    sigset_t broken_pipe, before, pending;
    struct timespec now = {0};
    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    count = write(fd, data, length);
    int error = errno;
    if (count < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        (void)sigtimedwait(&broken_pipe, NULL, &now);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return count;
}

/* In bytes, there. */
pid_t imitation_wait4(pid_t pid, int *status, int how, struct rusage *usage)
{
    pid_t found = wait4(pid, status, how, usage);
    if (found > 0)
        usage->ru_maxrss *= 1024;
    return found;
}

size_t imitation_confstr(int name, char *buffer, size_t size)
{
    (void)name;
    (void)snprintf(buffer, size, "/tmp/");
    return sizeof "/tmp/";
}
