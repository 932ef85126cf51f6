/* SPDX-License-Identifier: MIT */
/*
 * A new process held still before its exec; see held.h.
 */
#include "held.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void held_open(struct held *held)
{
    REQUIRE(mkfifo(lab_path(held->fifo, sizeof held->fifo, "fifo"), 0600) == 0);
}

static bool stands_at_open(pid_t pid)
{
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    return lab_read_file(path, text, sizeof text) > 0 && atoi(text) == SYS_openat;
}

/* One look at the children of all threads of that process. */
static pid_t find_at_fifo(pid_t parent)
{
    char pattern[64], text[512];
    glob_t lists;
    pid_t found = 0;
    (void)snprintf(pattern, sizeof pattern, "/proc/%d/task/*/children", (int)parent);
    if (glob(pattern, 0, NULL, &lists) != 0)
        return 0;
    for (size_t i = 0; i < lists.gl_pathc && found == 0; i++) {
        char *rest = text, *next;
        if (lab_read_file(lists.gl_pathv[i], text, sizeof text) <= 0)
            continue;
        for (long pid; found == 0 && (pid = strtol(rest, &next, 10)) > 0; rest = next)
            found = stands_at_open((pid_t)pid) ? (pid_t)pid : 0;
    }
    globfree(&lists);
    return found;
}

pid_t held_wait(pid_t parent)
{
    int64_t deadline = lab_now_ms() + KIT_BOUND_MS;
    for (;;) {
        const struct timespec pause = {.tv_nsec = 1000000}; /* /proc has no event */
        pid_t pid = find_at_fifo(parent);
        if (pid > 1)
            return pid;
        REQUIRE(lab_now_ms() < deadline);
        (void)nanosleep(&pause, NULL);
    }
}

void held_let_go(const struct held *held)
{
    int fd = open(held->fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(fd >= 0);
    (void)close(fd);
}
