/* SPDX-License-Identifier: MIT */
/*
 * The keeper of bench/ (see keeper.h):
 *
 *     caller -> outer (makes the namespaces) -> keeper (pid 1 there) -> the function's process
 *
 * Without namespaces the outer process is the keeper, as a subreaper. Every link of the chain dies
 * with the one above it, and a namespace dies with its pid 1.
 *
 * Invariant: a signal goes only to an unreaped child of ours, whose number cannot be reused.
 */
#include "keeper.h"

#include "census.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE_MS = 6000, END_MS = 10000, ROOM_FAILED = 99 };

struct room {
    enum keeper_room kind;
    int (*body)(void *argument);
    void *argument;
    unsigned bound_s;
    struct keeper_report *report; /* shared */
};

void *keeper_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void keeper_unshare(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

const char *keeper_room_name(enum keeper_room room)
{
    static const char *const names[] = {"under a subreaper", "in a pid namespace",
                                        "in a pid namespace below a user namespace"};
    return names[room];
}

static long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A process of ours that dies with us. Returns as fork(2). */
static pid_t fork_bound(void)
{
    pid_t parent = getpid();
    (void)fflush(NULL); /* what stdio holds would be written twice */
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The parent may have died before prctl; as seen from a new pid namespace it is 0. */
        if (getppid() != parent && getppid() != 0)
            _exit(ROOM_FAILED);
    }
    return pid;
}

/* Whether a pidfd became readable in time. */
static bool ends_within(int pidfd, long bound_ms)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    long deadline = now_ms() + bound_ms;
    for (;;) {
        long left_ms = deadline - now_ms();
        int ready = poll(&end, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0)
            return true;
        if (left_ms <= 0 || (ready < 0 && errno != EINTR))
            return false;
    }
}

/* Waits for the end of a child, and ends it at the bound. Returns its exit code, 128 + signal, or
 * -1 when not even SIGKILL ended it in time. */
static int wait_bounded(pid_t pid, long bound_ms, bool *timed_out)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool ended = ends_within(pidfd, bound_ms);
    if (!ended) {
        *timed_out = true;
        (void)kill(pid, SIGKILL);
        ended = ends_within(pidfd, END_MS);
    }
    if (pidfd >= 0)
        (void)close(pidfd);
    int status = 0;
    if (waitpid(pid, &status, ended ? 0 : WNOHANG) != pid)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = (ssize_t)strlen(text);
    bool whole = write(fd, text, (size_t)length) == length;
    return close(fd) == 0 && whole;
}

/* A user namespace in which we stay who we are. */
static bool map_ids(uid_t uid, gid_t gid)
{
    char map[64];
    (void)snprintf(map, sizeof map, "%u %u 1", uid, uid);
    if (!write_text("/proc/self/uid_map", map) || !write_text("/proc/self/setgroups", "deny"))
        return false;
    (void)snprintf(map, sizeof map, "%u %u 1", gid, gid);
    return write_text("/proc/self/gid_map", map);
}

static bool make_namespaces(enum keeper_room kind)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int flags = CLONE_NEWPID | CLONE_NEWNS;
    if (kind == KEEPER_USER_NAMESPACE)
        flags |= CLONE_NEWUSER;
    if (unshare(flags) != 0 || (kind == KEEPER_USER_NAMESPACE && !map_ids(uid, gid)))
        return false;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0; /* new credentials have cleared it */
}

/* The namespace's own /proc. The mount below must be private first, or the new one would show
 * outside as well; in a chroot "/" is no mount point, but /proc is. */
static bool mount_proc(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 &&
        mount(NULL, "/proc", NULL, MS_PRIVATE, NULL) != 0)
        return false;
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

/* Counts what is left. The newest may not have come to rest yet, and nobody tells when a process
 * falls asleep: so look again, up to a bound, while one neither sleeps for ever nor has ended. */
static void count_left(int children_fd, struct keeper_report *report)
{
    static pid_t pids[CENSUS_CHILDREN];
    long deadline = now_ms() + SETTLE_MS;
    for (;;) {
        ssize_t count = census_children(children_fd, pids, CENSUS_CHILDREN);
        size_t listed = count < 0 ? 0 : count > CENSUS_CHILDREN ? CENSUS_CHILDREN : (size_t)count;
        report->left = count < 0 ? 0 : (unsigned)count;
        report->stuck = report->zombies = 0;
        for (size_t i = 0; i < listed; i++) {
            report->zombies += census_state(pids[i]) == 'Z';
            report->stuck += census_is_stuck(pids[i], report->evidence, sizeof report->evidence);
        }
        if (report->stuck + report->zombies == report->left || now_ms() >= deadline)
            return;
        struct timespec moment = {.tv_nsec = 20000000L};
        (void)nanosleep(&moment, NULL);
    }
}

/* Ends and reaps what is left, with what turns up meanwhile. Returns how many would not go. */
static unsigned end_left(int children_fd)
{
    static pid_t pids[CENSUS_CHILDREN];
    long deadline = now_ms() + END_MS;
    for (;;) {
        ssize_t count = census_children(children_fd, pids, CENSUS_CHILDREN);
        if (count <= 0 || now_ms() >= deadline)
            return count <= 0 ? 0 : (unsigned)count;
        size_t listed = count > CENSUS_CHILDREN ? CENSUS_CHILDREN : (size_t)count;
        for (size_t i = 0; i < listed; i++) {
            bool timed_out = false;
            (void)kill(pids[i], SIGKILL);
            (void)wait_bounded(pids[i], deadline - now_ms(), &timed_out);
        }
    }
}

static _Noreturn void keep(const struct room *room)
{
    int children_fd = -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || (children_fd = census_open()) < 0)
        _exit(ROOM_FAILED);
    long begun = now_ms();
    pid_t pid = fork_bound();
    if (pid < 0)
        _exit(ROOM_FAILED);
    if (pid == 0) {
        (void)close(children_fd);
        int code = room->body(room->argument);
        (void)fflush(NULL);
        _exit(code);
    }
    struct keeper_report *report = room->report;
    report->exit_code = wait_bounded(pid, room->bound_s * 1000L, &report->timed_out);
    long ended = now_ms();
    count_left(children_fd, report);
    report->took_ms = (unsigned)(ended - begun);
    report->rest_ms = (unsigned)(now_ms() - ended);
    report->unkept = end_left(children_fd);
    _exit(0);
}

static _Noreturn void be_outer(const struct room *room)
{
    if (room->kind == KEEPER_SUBREAPER)
        keep(room);
    if (!make_namespaces(room->kind))
        _exit(ROOM_FAILED);
    pid_t pid = fork_bound();
    if (pid == 0) {
        if (!mount_proc())
            _exit(ROOM_FAILED);
        keep(room);
    }
    if (pid < 0)
        _exit(ROOM_FAILED);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : ROOM_FAILED);
}

int keeper_run(enum keeper_room kind, int (*body)(void *argument), void *argument, unsigned bound_s,
               struct keeper_report *ret)
{
    struct room room = {.kind = kind,
                        .body = body,
                        .argument = argument,
                        .bound_s = bound_s,
                        .report = keeper_shared(sizeof *ret)};
    if (room.report == NULL)
        return -ENOMEM;
    (void)signal(SIGCHLD,
                 SIG_DFL); /* ignored, as some parents leave it, nothing can be waited for */
    pid_t pid = fork_bound();
    if (pid == 0)
        be_outer(&room);
    int result = pid < 0 ? -EAGAIN : 0;
    if (pid > 0) {
        bool timed_out = false;
        int code = wait_bounded(pid, bound_s * 1000L + SETTLE_MS + 2L * END_MS, &timed_out);
        if (code != 0)
            result = timed_out ? -ETIMEDOUT : -EPERM;
    }
    if (result == 0)
        *ret = *room.report;
    keeper_unshare(room.report, sizeof *ret);
    return result;
}

static int do_nothing(void *unused)
{
    (void)unused;
    return 0;
}

enum keeper_room keeper_best_room(void)
{
    static const enum keeper_room rooms[] = {KEEPER_NAMESPACE, KEEPER_USER_NAMESPACE};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        struct keeper_report report;
        if (keeper_run(rooms[i], do_nothing, NULL, 10, &report) == 0)
            return rooms[i];
    }
    return KEEPER_SUBREAPER;
}
