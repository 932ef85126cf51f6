/* SPDX-License-Identifier: MIT */
/*
 * One new process, or none: reserve, one system call, learn how far it came.
 *
 * Room os. The rungs, tried from the top: shared memory by clone3(2), shared by clone(2) (a filter
 * such as Docker's refuses clone3), copied memory by the same two, a plain fork. Invariants: all
 * signals are blocked in this thread while the process is made, so no handler runs in it; a
 * detached process is made, learned of and, if it fails, reaped by a process in the middle, so that
 * it is nobody's zombie.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux_cache.h"
#include "linux_child.h"
#include "linux_learn.h"
#include "linux_make.h"
#include "linux_middle.h"
#include "linux_probe.h"
#include "linux_record.h"
#include "linux_signals.h"

enum { RECORD_BYTES = 4096 };

/* ------------------------------------------------------------------ reserve */

/* A process with memory of its own reports through a page that both see. */
static int take_page(struct os_launch *launch)
{
    void *page =
        mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -ENOMEM;
    launch->record = page;
    launch->shared = false;
    return 0;
}

static int take_record(struct os_launch *launch)
{
    uintptr_t top = (uintptr_t)bd_os_block_top(launch->block);
    if (!launch->shared) {
        launch->stack_top = top;
        return take_page(launch);
    }
    launch->record = (struct os_record *)top - 1;
    launch->stack_top = (uintptr_t)launch->record & ~(uintptr_t)63;
    return 0;
}

int bd_os_launch_prepare(struct os_launch *launch)
{
    bd_os_park_sweep();
    launch->process = launch->middle = OS_NOBODY;
    launch->wake[0] = launch->wake[1] = -1;
    launch->spare_fd = -1;
    launch->way = bd_os_probe_way();
    launch->shared =
        !launch->owns_memory && launch->way != OS_BY_FORK && bd_os_probe_shares_memory();
    int lowest_fd = -1;
    if (launch->reads_dispositions)
        launch->ignored_known = bd_os_signals_ignored(&launch->ignored, &lowest_fd);
    if (lowest_fd < 0)
        lowest_fd = bd_os_is_open(0) && bd_os_is_open(1) && bd_os_is_open(2) ? OS_LOWEST_FD : 0;
    launch->holds_number = lowest_fd < OS_LOWEST_FD;

    launch->block = bd_os_block_take();
    if (!launch->block)
        return -ENOMEM;
    int result = take_record(launch);
    if (result < 0)
        bd_os_launch_done(launch);
    return result;
}

static void close_wake(struct os_launch *launch)
{
    bd_os_close(bd_os_take(&launch->wake[0]));
    bd_os_close(bd_os_take(&launch->wake[1]));
}

void bd_os_launch_done(struct os_launch *launch)
{
    close_wake(launch);
    if (launch->record && !launch->shared)
        (void)munmap(launch->record, RECORD_BYTES);
    launch->record = NULL;
    bd_os_block_give(launch->block);
    launch->block = NULL;
}

/* ------------------------------------------------------------------ launch */

static bool means_absent(long result)
{
    return result == -ENOSYS || result == -EPERM || result == -EINVAL;
}

/* The next way down; 0, or what says that it cannot be prepared. */
static int step_down(struct os_launch *launch)
{
    if (launch->way == OS_BY_CLONE3) {
        launch->way = OS_BY_CLONE;
        int result = bd_os_probe_clone_gives_pidfd();
        if (!means_absent(result))
            return result;
    }
    launch->way = OS_BY_FORK;
    return launch->shared ? take_page(launch) : 0;
}

static int open_wake(struct os_launch *launch)
{
    struct os_pair pair;
    if (launch->way != OS_BY_FORK)
        return 0;
    int result = bd_os_pipe_from_child(&pair);
    if (result < 0)
        return result;
    launch->wake[0] = pair.ours;
    launch->wake[1] = pair.childs;
    return 0;
}

static long make_by_way(struct os_launch *launch)
{
    int result = open_wake(launch);
    if (result < 0)
        return result;
    *launch->record = (struct os_record){.word = OS_WORD_FIRST, .state = OS_STATE_NEW, .pidfd = -1};
    launch->middle = OS_NOBODY;
    launch->mask = bd_os_signals_block();
    long pid = launch->detached ? bd_os_make_middle(launch, bd_os_child_middle)
                                : bd_os_make(launch, bd_os_child_main);
#ifndef BROOD_MUTANT_MASK_KEPT
    bd_os_signals_restore(launch->mask);
#endif
    if (pid < 0)
        close_wake(launch);
    return pid;
}

static long make_process(struct os_launch *launch)
{
    enum os_way first = launch->way;
    long pid = make_by_way(launch);
    while (means_absent(pid) && launch->way != OS_BY_FORK) {
        int result = step_down(launch);
        if (result < 0)
            return result;
        pid = make_by_way(launch);
    }
    /* Only now: a refusal of all says nothing about the first. */
    if (pid > 0 && launch->way != first)
        bd_os_probe_note_way(launch->way);
    return pid;
}

/* The kernel gives the pidfd the lowest free number. For a caller that runs with 0, 1 or 2 closed
 * that would be a standard stream, so a higher number is held for it: after the launch nothing may
 * fail. */
static int hold_number(struct os_launch *launch)
{
    int fd = bd_os_lift(eventfd(0, EFD_CLOEXEC)); /* anything that is a descriptor */
    if (fd < 0)
        return fd;
    launch->spare_fd = fd;
    return 0;
}

/* Neither call can fail for want of a number. */
static void settle_number(struct os_launch *launch)
{
    int pidfd = launch->process.pidfd;
    if (pidfd >= 0 && pidfd < OS_LOWEST_FD && launch->spare_fd >= 0 &&
        dup3(pidfd, launch->spare_fd, O_CLOEXEC) >= 0) {
        launch->process.pidfd = bd_os_take(&launch->spare_fd);
        bd_os_close(pidfd);
    }
    bd_os_close(bd_os_take(&launch->spare_fd));
}

int bd_os_launch_create(struct os_launch *launch)
{
    int result = launch->holds_number ? hold_number(launch) : 0;
    if (result < 0)
        return result;
    launch->deadline_ns =
        launch->start_timeout_ns ? bd_os_now_ns() + launch->start_timeout_ns : OS_NEVER;
    long pid = make_process(launch);
    if (pid < 0) {
        launch->middle.pidfd = -1; /* a kernel that fails late has written the number */
        bd_os_close(bd_os_take(&launch->spare_fd));
        return (int)pid;
    }
    if (launch->detached) {
        launch->middle.pid = (pid_t)pid;
        return 0;
    }
    launch->process = (struct os_process){(pid_t)pid, launch->record->pidfd};
    settle_number(launch);
    return 0;
}

/* ------------------------------------------------------------------ learn and take back */

struct os_report bd_os_launch_learn(struct os_launch *launch)
{
    if (!launch->detached)
        return bd_os_learn(launch, launch->process);
    struct os_report report = bd_os_middle_learn(launch);
    settle_number(launch);
    return report;
}

int bd_os_launch_end(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret)
{
    int result = launch->detached ? bd_os_middle_end(launch, deadline_ns, ret)
                                  : bd_os_end(launch->process, deadline_ns, ret);
    if (result < 0)
        return result;
    close_wake(launch);
#ifndef BROOD_MUTANT_PIDFD_LEFT
    bd_os_close(bd_os_take(&launch->process.pidfd));
#endif
    launch->process = OS_NOBODY;
    return 0;
}

/* ------------------------------------------------------------------ what is to be said */

bool bd_os_launch_gave_terminal(const struct os_launch *launch)
{
    return launch->record && launch->record->gave_terminal;
}

const char *bd_os_launch_rung(bool owns_memory)
{
    static const char *const shared[] = {"shared memory, clone3", "shared memory, clone"};
    static const char *const copied[] = {"copied memory, clone3", "copied memory, clone"};
    enum os_way way = bd_os_probe_way();
    if (way == OS_BY_FORK)
        return "portable, fork";
    return owns_memory || !bd_os_probe_shares_memory() ? copied[way] : shared[way];
}
