/* SPDX-License-Identifier: MIT */
/*
 * Terminals for tests (seats.h).
 */
#include "seats.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *seat_program(void)
{
    static char path[PATH_MAX];
    return path[0] ? path : lab_built_program(path, sizeof path, "one/seat");
}

void seat_pipe_open(struct seat_pipe *told)
{
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    *told = (struct seat_pipe){ends[0], ends[1], {ends[1], TOLD_FD}};
}

void seat_pipe_close(struct seat_pipe *told)
{
    CHECK_INT(close(told->read_fd) + close(told->write_fd), 0);
}

const char *seat_line(const struct seat_pipe *told)
{
    char line[256] = "";
    ssize_t length = lab_read_line(told->read_fd, line, sizeof line, BOUND_MS);
    CHECK_SAY(length > 0, "a line is told (%zd)", length);
    return say("%s", line);
}

static int open_master(void)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master >= 0 && (grantpt(master) < 0 || unlockpt(master) < 0 || !ptsname(master))) {
        (void)close(master);
        return -1;
    }
    return master;
}

void seat_needs_terminals(void)
{
    int master = open_master();
    int terminal = master < 0 ? -1 : open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master >= 0)
        (void)close(master);
    if (terminal < 0)
        SKIP("there are no pseudoterminals here");
    (void)close(terminal);
}

static _Noreturn void sit(int master, void (*body)(int terminal))
{
    static struct audit before;
    char why[1024] = "";
    REQUIRE(setsid() == getpid());
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) == 0);
    REQUIRE(close(master) == 0); /* the other side holds it */
    REQUIRE(tcgetpgrp(terminal) == getpgrp());
    audit_take(&before);
    body(terminal);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    _exit(0);
}

void in_a_terminal(void (*body)(int terminal))
{
    seat_needs_terminals();
    int master = open_master();
    REQUIRE(master >= 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        sit(master, body);
    CHECK_CHILD(pid, 0);
    CHECK_INT(close(master), 0);
}
