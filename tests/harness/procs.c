/* SPDX-License-Identifier: MIT */
/*
 * Processes as /proc tells of them: facts of one, the children of this one (audit.h), and the end
 * of what a test left to the runner (inside.h).
 *
 * Invariant: only children of the caller are signalled, which cannot be another's while unreaped.
 */
#include "inside.h"
#include "place.h"
#include "procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FLAG_EXITING = 0x4 /* PF_EXITING of proc_pid_stat(5)'s flags */, DYING_WAIT_MS = 5000 };

int proc_read(pid_t pid, struct proc_facts *facts)
{
    char text[1024];
    ssize_t length = lab_read_file(lab_proc("%d/stat", (int)pid), text, sizeof text);
    if (length < 0)
        return (int)length;
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return -EIO;
    (void)snprintf(facts->name, sizeof facts->name, "%.*s", (int)(close - open - 1), open + 1);
    int parent, group, session;
    if (sscanf(close + 1, " %c %d %d %d %*d %*d %u", &facts->state, &parent, &group, &session,
               &facts->flags) != 5)
        return -EIO;
    facts->parent = parent;
    facts->group = group;
    facts->session = session;
    return 0;
}

/* SIGKILL among the pending signals of the process or of its first thread. */
static bool kill_is_pending(pid_t pid)
{
    char text[4096];
    if (lab_read_file(lab_proc("%d/status", (int)pid), text, sizeof text) < 0)
        return false;
    static const char *const lines[] = {"\nSigPnd:", "\nShdPnd:"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *line = strstr(text, lines[i]);
        if (line && (strtoull(line + strlen(lines[i]), NULL, 16) >> (SIGKILL - 1) & 1))
            return true;
    }
    return false;
}

bool proc_is_ending(pid_t pid)
{
    struct proc_facts facts;
    int got = proc_read(pid, &facts);
    if (got == -ENOENT || got == -ESRCH)
        return true;
    if (got < 0)
        return false;
    return strchr("ZX", facts.state) || (facts.flags & FLAG_EXITING) || kill_is_pending(pid);
}

char *proc_describe(pid_t pid, char *text, size_t size)
{
    char command[160];
    struct proc_facts facts;
    if (proc_read(pid, &facts) < 0) {
        (void)snprintf(text, size, "pid %d", (int)pid);
        return text;
    }
    ssize_t length = lab_read_file(lab_proc("%d/cmdline", (int)pid), command, sizeof command);
    for (ssize_t i = 0; i < length - 1; i++)
        if ((unsigned char)command[i] < ' ')
            command[i] = ' ';
    (void)snprintf(text, size, "pid %d (%s) state %c parent %d session %d%s%s", (int)pid,
                   facts.name, facts.state, (int)facts.parent, (int)facts.session,
                   length > 0 ? ": " : "", length > 0 ? command : "");
    return text;
}

/* Where there are no pidfds: /proc has no event. */
static int look_for_end(pid_t pid, int timeout_ms)
{
    struct proc_facts facts;
    int64_t deadline = lab_now_ms() + timeout_ms;
    for (;;) {
        int got = proc_read(pid, &facts);
        if (got == -ENOENT || got == -ESRCH || (got == 0 && strchr("ZX", facts.state)))
            return 0;
        if (got < 0)
            return got;
        if (lab_now_ms() >= deadline)
            return -ETIMEDOUT;
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

int proc_wait_end(pid_t pid, int timeout_ms)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* EINVAL: the number is still a group's, or its process is going just now. */
    if (pidfd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL))
        return look_for_end(pid, timeout_ms);
    if (pidfd < 0)
        return errno == ESRCH ? 0 : -errno;
    int64_t deadline = lab_now_ms() + timeout_ms;
    int got;
    do {
        int64_t left = deadline - lab_now_ms();
        struct pollfd wait = {.fd = pidfd, .events = POLLIN};
        got = poll(&wait, 1, left > 0 ? (int)left : 0);
    } while (got < 0 && errno == EINTR);
    int result = got > 0 ? 0 : got == 0 ? -ETIMEDOUT : -errno;
    (void)close(pidfd);
    return result;
}

/* A list of pids that counts on when it is full. */
struct pid_list {
    pid_t *pids;
    size_t size, count;
};

static void pid_list_add(struct pid_list *list, long pid)
{
    if (list->count < list->size)
        list->pids[list->count] = (pid_t)pid;
    list->count++;
}

/* The kernel's own list of one thread's children. False: this kernel has none. */
static bool add_children_of_thread(struct pid_list *list, const char *thread)
{
    char text[8192];
    int fd = open(lab_proc("self/task/%.20s/children", thread), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT && errno != EACCES;
    /* A read may end inside a number: what follows the last blank is kept for the next one. */
    size_t kept = 0;
    ssize_t got;
    while ((got = read(fd, text + kept, sizeof text - 1 - kept)) > 0) {
        text[kept + (size_t)got] = '\0';
        char *at = text, *blank;
        while ((blank = strchr(at, ' '))) {
            pid_list_add(list, strtol(at, NULL, 10));
            at = blank + 1;
        }
        kept = strlen(at);
        memmove(text, at, kept);
    }
    (void)close(fd);
    return true;
}

/* Without the kernel's list: every process whose parent is this one. */
static void add_children_by_scan(struct pid_list *list)
{
    DIR *all = opendir(place_of_proc());
    if (!all)
        return;
    const struct dirent *entry;
    while ((entry = readdir(all))) {
        struct proc_facts facts;
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && proc_read((pid_t)pid, &facts) == 0 && facts.parent == getpid())
            pid_list_add(list, pid);
    }
    (void)closedir(all);
}

/* One system call that says whether there is any child at all. */
static bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT | __WALL) ==
               0 ||
           errno != ECHILD;
}

ssize_t audit_list_children(pid_t *pids, size_t size)
{
    if (!has_children())
        return 0;
    struct pid_list list = {.pids = pids, .size = size};
    int fd = open(lab_proc("self/task"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    /* getdents64 by hand: opendir takes heap, and an audit must not */
    union {
        char bytes[2048];
        struct dirent64 first;
    } room;
    bool listed = true;
    long got;
    while (listed && (got = syscall(SYS_getdents64, fd, room.bytes, sizeof room.bytes)) > 0)
        for (long at = 0; listed && at < got;) {
            const struct dirent64 *entry = (const void *)(room.bytes + at);
            at += entry->d_reclen;
            if (entry->d_name[0] != '.')
                listed = add_children_of_thread(&list, entry->d_name);
        }
    (void)close(fd);
    if (!listed) {
        list.count = 0;
        add_children_by_scan(&list);
    }
    return list.count > 0 || !has_children() ? (ssize_t)list.count : -1;
}

int audit_children(void)
{
    ssize_t count = audit_list_children(NULL, 0);
    return count < 0 ? 1 : (int)count;
}

static void kill_and_reap(pid_t pid)
{
    (void)kill(pid, SIGKILL); /* ours and unreaped: nobody else has the number */
    if (proc_wait_end(pid, DYING_WAIT_MS) == 0)
        (void)waitid(P_PID, (id_t)pid, &(siginfo_t){.si_pid = 0}, WEXITED | WNOHANG | __WALL);
}

static bool was_named(pid_t pid)
{
    for (size_t i = 0; i < test_page->named_count; i++)
        if (test_page->named[i] == pid)
            return true;
    return false;
}

/*
 * A dead orphan is no leak: in a program's life pid 1 reaps it. One on its way out is given the
 * time to go, because a test that saw the end-of-file of its last descriptor has seen its end.
 */
static void end_leftover(pid_t pid)
{
    char text[320];
    if (proc_is_ending(pid) && proc_wait_end(pid, DYING_WAIT_MS) == 0)
        (void)waitid(P_PID, (id_t)pid, &(siginfo_t){.si_pid = 0}, WEXITED | WNOHANG | __WALL);
    else {
        if (!was_named(pid))
            page_fail("left behind, alive: %s", proc_describe(pid, text, sizeof text));
        kill_and_reap(pid);
    }
}

void end_leftovers(void)
{
    int64_t deadline = lab_now_ms() + END_WAIT_MS;
    pid_t pids[AUDIT_CHILDREN];
    /* in rounds: ending one process hands its own children to the runner */
    for (;;) {
        ssize_t count = audit_list_children(pids, AUDIT_CHILDREN);
        if (count == 0)
            return;
        if (lab_now_ms() > deadline) {
            page_fail("left behind, and cannot be ended: %zd processes", count);
            return;
        }
        for (ssize_t i = 0; i < count && i < AUDIT_CHILDREN; i++)
            end_leftover(pids[i]);
    }
}

/* posix_spawn(3) of glibc leaves its two hidden signals ignored in what it starts, and so does a
 * make that uses it. Tests count what a start resets: they begin with nothing ignored. */
__attribute__((constructor)) static void unignore_hidden_signals(void)
{
    enum { FIRST_HIDDEN = 32, LAST_HIDDEN = 33, SET_BYTES = 8, ROOM = 4 };
    for (int number = FIRST_HIDDEN; number <= LAST_HIDDEN; number++) {
        unsigned long action[ROOM] = {0};
        const unsigned long default_action[ROOM] = {0};
        if (syscall(SYS_rt_sigaction, number, NULL, action, SET_BYTES) == 0 && action[0] == 1)
            (void)syscall(SYS_rt_sigaction, number, default_action, NULL, SET_BYTES);
    }
}
