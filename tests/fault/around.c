/* SPDX-License-Identifier: MIT */
/*
 * What a scenario needs around its caller; see around.h.
 *
 * Invariant: only processes that are children of the asking one are waited for or killed.
 */
#include "around.h"
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEAT_FD = 230, END_MS = 5000, LEFT = 127, SOMEBODY = 64401 };

static int terminal_fd = -1;
static long oom_before;

static void need(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "the surroundings are broken: %s: %s\n", what, strerror(errno));
    _exit(91);
}

/* ------------------------------------------------------------------ a terminal of its own */

/* A master, and the terminal; nobody's controlling terminal yet. */
static bool open_pair(int ends[2])
{
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
    if (ends[0] < 0 || grantpt(ends[0]) < 0 || unlockpt(ends[0]) < 0)
        return false;
    ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    return ends[1] >= 0;
}

static void take_seat(void)
{
    int ends[2];
    need(setsid() == getpid(), "a session");
    need(open_pair(ends), "a pseudoterminal");
    for (int i = 0; i < 2; i++) {
        need(dup3(ends[i], SEAT_FD + i, O_CLOEXEC) == SEAT_FD + i, "dup3");
        close(ends[i]);
    }
    terminal_fd = SEAT_FD + 1;
    need(ioctl(terminal_fd, TIOCSCTTY, 0) == 0, "a controlling terminal");
    need(tcgetpgrp(terminal_fd) == getpgrp(), "its foreground");
}

static void look_at_terminal(struct subject *subject)
{
    sigset_t output, before;
    if (terminal_fd < 0 || tcgetpgrp(terminal_fd) == getpgrp())
        return;
    subject_say(subject, "the terminal was not given back");
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    sigprocmask(SIG_BLOCK, &output, &before);
    need(tcsetpgrp(terminal_fd, getpgrp()) == 0, "taking the terminal back");
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ------------------------------------------------------------------ orphans */

static bool has_ended(pid_t pid, int bound_ms)
{
    for (int ms = 0; ms < bound_ms; ms++) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 ||
            info.si_pid != 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

/* A start that failed leaves nothing, if the caller is who takes in its orphan; without pidfds
 * perhaps a zombie that was killed or gave up. What was freed lives on. */
#ifdef FAULT_PORTABLE
enum { MAY_LEAVE_ZOMBIE = true };
#else
enum { MAY_LEAVE_ZOMBIE = false };
#endif

static void look_at_orphan(struct subject *subject, pid_t pid)
{
    bool frees = (subject->scenario->traits & SCENARIO_FREES) != 0;
    bool ended = has_ended(pid, frees && subject->result == 0 ? 1 : END_MS);
    int status = 0;
    if (!ended)
        kill(pid, SIGKILL);
    need(waitpid(pid, &status, __WALL) == pid, "an orphan's end");
    bool gave_up = ended && WIFEXITED(status) && WEXITSTATUS(status) == LEFT;
    bool killed = ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (subject->result == 0 && !(frees && (killed || !ended)))
        subject_say(subject, "another process than the child is left");
    else if (subject->result < 0 && !gave_up && !killed)
        subject_say(subject, ended ? "its program ran although the start failed"
                                   : "a start that failed has left a process");
    else if (subject->result < 0 && !MAY_LEAVE_ZOMBIE)
        subject_say(subject, "a start that failed has left a zombie");
}

static void look_at_orphans(struct subject *subject)
{
    pid_t pids[16];
    ssize_t count = audit_list_children(pids, 16);
    for (ssize_t i = 0; i < count && i < 16; i++)
        look_at_orphan(subject, pids[i]);
}

int around_wait(pid_t pid, struct brood_exit *ret)
{
    int status;
    if (!has_ended(pid, END_MS * 2) || waitpid(pid, &status, __WALL) != pid)
        return -ETIMEDOUT;
    *ret =
        (struct brood_exit){.kind = WIFSIGNALED(status) ? BROOD_SIGNALLED : BROOD_EXITED,
                            .code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)};
    return 0;
}

/* ------------------------------------------------------------------ all of it */

static long oom_score_adj(void)
{
    char text[32] = "";
    int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    if (fd >= 0)
        close(fd);
    return strtol(text, NULL, 10);
}

void around_enter(const struct scenario *scenario)
{
    if (scenario->traits & SCENARIO_SEATED)
        take_seat();
    if (scenario->traits & SCENARIO_DETACHED)
        need(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "taking in orphans");
    oom_before = oom_score_adj();
}

void around_look(struct subject *subject)
{
    look_at_terminal(subject);
    if (subject->scenario->traits & SCENARIO_DETACHED)
        look_at_orphans(subject);
    if ((subject->scenario->traits & SCENARIO_OOM) && oom_score_adj() != oom_before)
        subject_say(subject, "the caller's own oom_score_adj has changed");
}

/* ------------------------------------------------------------------ what is lacking */

/* Tried in a copy of this process. */
static bool works(bool (*what)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(what() ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool opens_terminal(void)
{
    int ends[2];
    return open_pair(ends);
}

static bool becomes_somebody(void)
{
    const gid_t groups[2] = {SOMEBODY, SOMEBODY + 1};
    return setgroups(2, groups) == 0 && setresgid(SOMEBODY, SOMEBODY, SOMEBODY) == 0 &&
           setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0;
}

const char *around_lacks_terminals(void)
{
    return works(opens_terminal) ? NULL : "there are no pseudoterminals here";
}

const char *around_lacks_ids(void)
{
    return works(becomes_somebody) ? NULL : "needs root, to become somebody else";
}

static char group_name[64], group_path[PATH_MAX];

void around_name_cgroup(const char *name)
{
    snprintf(group_name, sizeof group_name, "%s", name);
}

const char *around_cgroup(void)
{
    return group_path;
}

static bool joins_group(void)
{
    char procs[PATH_MAX + 16];
    snprintf(procs, sizeof procs, "%s/cgroup.procs", group_path);
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "0", 1) == 1;
}

static void make_group(void)
{
    char place[PATH_MAX / 2], kind[64];
    FILE *mounts = fopen("/proc/self/mounts", "re");
    while (mounts != NULL && group_path[0] == 0 &&
           fscanf(mounts, "%*s %2047s %63s %*[^\n]", place, kind) == 2) {
        if (strcmp(kind, "cgroup2") != 0)
            continue;
        snprintf(group_path, sizeof group_path, "%s/%s", place, group_name);
        if (mkdir(group_path, 0755) < 0)
            group_path[0] = 0;
    }
    if (mounts != NULL)
        fclose(mounts);
}

const char *around_lacks_cgroup(void)
{
    if (group_path[0] == 0)
        make_group();
    return group_path[0] != 0 && works(joins_group)
               ? NULL
               : "no control group of version 2 can be made here";
}

/* It is empty a moment after its last process has been reaped. */
void around_done(void)
{
    for (int ms = 0; group_path[0] != 0 && rmdir(group_path) < 0 && ms < END_MS; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
