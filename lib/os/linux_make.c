/* SPDX-License-Identifier: MIT */
/*
 * Making a process by clone3(2), clone(2) or fork.
 *
 * Room os. Invariants: as linux_child.c. The first two give the process and its pidfd together,
 * with exit signal 0: a start that fails sends no SIGCHLD, and no waitpid(-1) elsewhere can take
 * it. What fork makes is a plain child, without a pidfd.
 */
#include "linux_make.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>

#include "linux_abi.h"
#include "linux_entry.h"
#include "linux_record.h"

/* The process in the middle stands on the upper half of the stack, the one that it makes on the
 * lower. */
enum { MIDDLE_BYTES = 16384 };

struct making {
    uint64_t flags;
    uintptr_t bottom, top; /* of the stack */
    uintptr_t pidfd, word; /* where the kernel writes */
    int cgroup_fd;
    void (*run)(void *launch);
};

CHILD_CODE static long make_by_clone3(struct os_launch *launch, const struct making *how,
                                      int cgroup_fd)
{
    struct abi_clone_args args;
    args.flags = how->flags | ABI_CLONE_CLEAR_SIGHAND;
    args.pidfd = how->pidfd;
    args.child_tid = how->word;
    args.parent_tid = 0;
    args.exit_signal = 0;
    args.stack = how->bottom;
    args.stack_size = how->top - how->bottom;
    args.tls = 0;
    args.set_tid = 0;
    args.set_tid_size = 0;
    args.cgroup = 0;
    long call[6];
    call[0] = SYS_clone3;
    call[1] = (long)(uintptr_t)&args;
    call[2] = ABI_CLONE_ARGS_FIRST;
    call[3] = call[4] = call[5] = 0;
    if (cgroup_fd >= 0) {
        args.flags |= ABI_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
        call[2] = sizeof args;
    }
    launch->clears_handlers = true;
    launch->record->born_in_cgroup = cgroup_fd >= 0;
    return entry_clone(call, how->run, launch);
}

/* A control group that takes no process in this way says so more clearly when it is joined by a
 * step; want of memory and the like would be the same again. */
CHILD_CODE static int may_join_later(long result)
{
    return result < 0 && result != -EAGAIN && result != -ENOMEM && result != -EMFILE &&
           result != -ENFILE;
}

CHILD_CODE static long make_by_clone2(struct os_launch *launch, const struct making *how)
{
    const long call[6] = ENTRY_CLONE2(how->flags, how->top, how->pidfd, how->word);
    launch->clears_handlers = false;
    return entry_clone(call, how->run, launch);
}

CHILD_CODE static long make_by_fork(struct os_launch *launch, const struct making *how)
{
#ifdef SYS_fork
    long pid = ENTRY_CALL(SYS_fork, 0);
#else
    long pid = ENTRY_CALL(SYS_clone, SIGCHLD, 0, 0, 0);
#endif
    launch->clears_handlers = false;
    if (pid == 0)
        how->run(launch);
    return pid;
}

CHILD_CODE static long make(struct os_launch *launch, const struct making *how)
{
    if (launch->way == OS_BY_FORK)
        return make_by_fork(launch, how);
    if (launch->way == OS_BY_CLONE)
        return make_by_clone2(launch, how);
    long pid = make_by_clone3(launch, how, how->cgroup_fd);
    if (how->cgroup_fd >= 0 && may_join_later(pid))
        pid = make_by_clone3(launch, how, -1);
    return pid;
}

/* A start with a bound leaves CLONE_VFORK out: a vfork wait cannot be ended, not even by killing
 * the process, while an exec hangs in the kernel. */
CHILD_CODE static uint64_t common_flags(const struct os_launch *launch)
{
    uint64_t flags = CLONE_PIDFD;
    if (launch->shared)
        flags |= CLONE_VM;
    if (!launch->start_timeout_ns)
        flags |= CLONE_VFORK;
    return flags;
}

CHILD_CODE long bd_os_make(struct os_launch *launch, void (*run)(void *launch))
{
    struct making how;
    how.flags = common_flags(launch);
    if (launch->shared)
        how.flags |= CLONE_CHILD_CLEARTID;
    if (launch->detached)
        how.flags |= CLONE_CHILD_SETTID;
    how.bottom = (uintptr_t)launch->block;
    how.top = launch->stack_top - (launch->detached ? MIDDLE_BYTES : 0U);
    how.pidfd = (uintptr_t)&launch->record->pidfd;
    how.word = (uintptr_t)&launch->record->word;
    how.cgroup_fd = launch->cgroup_fd;
    how.run = run;
    return make(launch, &how);
}

/* It shares the caller's descriptors, so that the pidfd that it makes is the caller's. */
CHILD_CODE long bd_os_make_middle(struct os_launch *launch, void (*run)(void *launch))
{
    struct making how;
    how.flags = common_flags(launch) | CLONE_FILES;
    how.bottom = (uintptr_t)launch->block;
    how.top = launch->stack_top;
    how.pidfd = (uintptr_t)&launch->middle.pidfd;
    how.word = 0;
    how.cgroup_fd = -1;
    how.run = run;
    return make(launch, &how);
}
