/* SPDX-License-Identifier: MIT */
/*
 * Processes as /proc tells of them, for the audit and the runner.
 *
 * Invariant: the text of /proc/PID/stat is read from its last ')', so a command name with brackets
 * or newlines cannot forge a field.
 */
#ifndef HARNESS_PROCS_H
#define HARNESS_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc_facts {
    char name[64];
    char state;
    pid_t parent, group, session;
    unsigned flags;
};

/* Reads /proc/PID/stat. Returns 0 or -errno. */
int proc_read(pid_t pid, struct proc_facts *facts);

/* True of a process that has ended, is on its way out, or has a SIGKILL it has not yet met. */
bool proc_is_ending(pid_t pid);

/* "pid 12 (target) state S parent 10 session 9: target sleep 500" */
char *proc_describe(pid_t pid, char *text, size_t size);

/* Waits until the process is a zombie or gone. Returns 0, -ETIMEDOUT or another -errno. */
int proc_wait_end(pid_t pid, int timeout_ms);

#endif
