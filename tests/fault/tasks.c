/* SPDX-License-Identifier: MIT */
/*
 * Whose call is it; see tasks.h. Reads /proc of the supervisor's own pid namespace, where the
 * numbers in the notifications are valid.
 */
#include "tasks.h"
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of a task that has not yet exec'd since its fork (include/linux/sched.h). */
enum { PF_FORKNOEXEC_BIT = 0x40, END_MS = 5000, PAGE_BYTES = 4096 };

static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t length = read(fd, text, size - 1);
    int code = errno;
    close(fd);
    if (length < 0)
        return -code;
    text[length] = 0;
    return length;
}

int tasks_stat(pid_t pid, pid_t *ret_parent, unsigned long *ret_flags)
{
    char text[1024];
    ssize_t length = read_proc(pid, "stat", text, sizeof text);
    if (length < 0)
        return (int)length;
    /* The name may hold anything, a ')' included: the last one ends it. */
    const char *rest = strrchr(text, ')');
    int parent;
    if (rest == NULL || sscanf(rest, ") %*c %d %*d %*d %*d %*d %lu", &parent, ret_flags) != 2)
        return -EPROTO;
    *ret_parent = parent;
    return 0;
}

static struct task *add(struct tasks *tasks, pid_t pid, int role)
{
    if (tasks->count == TASKS_MAX)
        return NULL;
    struct task *task = &tasks->task[tasks->count++];
    *task = (struct task){.pid = pid, .role = role};
    return task;
}

static struct task *lookup(struct tasks *tasks, pid_t pid)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->task[i].pid == pid)
            return &tasks->task[i];
    return NULL;
}

static bool is_thread_of(pid_t process, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d", (int)process, (int)pid);
    return access(path, F_OK) == 0;
}

/* A new task belongs to the start while a task of the start made it; a program's children are the
 * program's matter. */
static int first_role(struct tasks *tasks, pid_t pid)
{
    pid_t parent;
    unsigned long flags;
    if (is_thread_of(tasks->caller, pid))
        return INJECT_CALLER;
    if (tasks_stat(pid, &parent, &flags) < 0 || !(flags & PF_FORKNOEXEC_BIT))
        return INJECT_PROGRAM;
    if (parent == tasks->caller)
        return tasks->has_middle ? INJECT_MIDDLE : INJECT_CHILD;
    const struct task *maker = lookup(tasks, parent);
    bool is_ours = maker != NULL && (maker->role == INJECT_CHILD || maker->role == INJECT_MIDDLE);
    return is_ours ? INJECT_CHILD : INJECT_PROGRAM;
}

void tasks_arm(struct tasks *tasks, pid_t caller)
{
    tasks->caller = caller;
    tasks->count = 0;
    add(tasks, caller, INJECT_CALLER);
    char name[64], text[2048];
    snprintf(name, sizeof name, "task/%d/children", (int)caller);
    if (read_proc(caller, name, text, sizeof text) <= 0)
        return;
    char *at = text;
    for (long pid = strtol(at, &at, 10); pid > 0; pid = strtol(at, &at, 10))
        add(tasks, (pid_t)pid, INJECT_PROGRAM);
}

struct task *tasks_find(struct tasks *tasks, pid_t pid)
{
    struct task *task = lookup(tasks, pid);
    if (task == NULL)
        return add(tasks, pid, first_role(tasks, pid));
    if (task->role == INJECT_CHILD && task->exec_tried) {
        pid_t parent;
        unsigned long flags;
        if (tasks_stat(pid, &parent, &flags) < 0 || !(flags & PF_FORKNOEXEC_BIT))
            task->role = INJECT_PROGRAM;
        task->exec_tried = false;
    }
    return task;
}

bool tasks_end_maker(const struct tasks *tasks, pid_t pid)
{
    pid_t maker = 0, still = 0;
    unsigned long flags;
    if (tasks_stat(pid, &maker, &flags) < 0)
        return false;
    struct pollfd watch = {.fd = (int)syscall(SYS_pidfd_open, maker, 0), .events = POLLIN};
    if (watch.fd < 0)
        return false;
    bool is_middle = false;
    for (size_t i = 0; i < tasks->count; i++)
        is_middle |= tasks->task[i].pid == maker && tasks->task[i].role == INJECT_MIDDLE;
    /* Still the parent after its pidfd was opened: the pidfd is of no other. */
    bool ended = is_middle && tasks_stat(pid, &still, &flags) == 0 && still == maker &&
                 syscall(SYS_pidfd_send_signal, watch.fd, SIGKILL, NULL, 0) == 0 &&
                 poll(&watch, 1, END_MS) == 1;
    close(watch.fd);
    return ended;
}

/* ------------------------------------------------------------------ its memory */

static ssize_t peek(pid_t pid, uint64_t address, void *data, size_t size)
{
    struct iovec ours = {.iov_base = data, .iov_len = size}, theirs;
    memcpy(&theirs.iov_base, &address, sizeof address);
    theirs.iov_len = size;
    return process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
}

/* Page by page: the next one may not be there. */
void tasks_text(pid_t pid, uint64_t address, char *text, size_t size)
{
    size_t used = 0;
    memset(text, 0, size);
    while (used < size - 1 && memchr(text, 0, used) == NULL) {
        size_t piece = PAGE_BYTES - (size_t)((address + used) % PAGE_BYTES);
        piece = piece < size - 1 - used ? piece : size - 1 - used;
        ssize_t length = peek(pid, address + used, text + used, piece);
        if (length <= 0)
            break;
        used += (size_t)length;
    }
}

uint64_t tasks_clone3_flags(pid_t pid, uint64_t address)
{
    struct clone_args args = {0};
    return peek(pid, address, &args, sizeof args.flags) < 0 ? 0 : args.flags;
}

/* ------------------------------------------------------------------ */

bool tasks_made(const struct tasks *tasks, pid_t pid)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->task[i].pid == pid)
            return tasks->task[i].role != INJECT_CALLER;
    return false;
}
