/* SPDX-License-Identifier: MIT */
/*
 * Whose call is it: the tasks of a run and how far each has come.
 *
 * Invariant: "has exec'd" is the kernel's own word (PF_FORKNOEXEC), asked for after an execve(2)
 * was let through, never a guess from addresses or names.
 */
#ifndef TASKS_H
#define TASKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { TASKS_MAX = 128 };

struct task {
    pid_t pid;
    int role;
    bool exec_tried; /* since it was last looked at */
};

struct tasks {
    pid_t caller;
    bool has_middle; /* the child is made by a process that the caller makes */
    size_t count;
    struct task task[TASKS_MAX];
};

/* Begins anew: `caller` arms; the children that it has already are programs. */
void tasks_arm(struct tasks *tasks, pid_t caller);

/* The task that makes a call, its role brought up to date; NULL when there is no more room. */
struct task *tasks_find(struct tasks *tasks, pid_t pid);

/* Is it a process that the run has made? */
bool tasks_made(const struct tasks *tasks, pid_t pid);

/* SIGKILL for the process in the middle that has made this one, which waits in a call. Returns true
 * when that is at its end. */
bool tasks_end_maker(const struct tasks *tasks, pid_t pid);

/* Of the memory of a process that waits in a call. The text is cut off at `size`, empty if it
 * cannot be read. */
void tasks_text(pid_t pid, uint64_t address, char *text, size_t size);
uint64_t tasks_clone3_flags(pid_t pid, uint64_t address);

/* Field 4 and 9 of /proc/PID/stat. Returns 0 or -errno. */
int tasks_stat(pid_t pid, pid_t *ret_parent, unsigned long *ret_flags);

#endif
