/* SPDX-License-Identifier: MIT */
/*
 * The steps of a new process that change what it is: its bounds, ids, terminal and signals.
 *
 * Room os. Invariant: as linux_child.c. Ids are set by the kernel's own calls, which are about one
 * thread; libc's would tell every thread of the maker.
 */
#include "linux_child.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <time.h>

#include "linux_abi.h"
#include "linux_entry.h"
#include "linux_record.h"

/* Armed first, so that a stalled exec ends even if the maker has died meanwhile. exec deletes
 * it. */
CHILD_CODE long bd_os_child_timer(const struct os_step *step)
{
    enum { SIGNAL_NOTIFY = 0, KILL = 9, MARGIN_S = 1 };
    int32_t timer = 0;
    struct abi_sigevent event;
    event.value = 0;
    event.signal = KILL;
    event.notify = SIGNAL_NOTIFY;
    for (unsigned i = 0; i < sizeof event.pad / sizeof event.pad[0]; i++)
        ((volatile int32_t *)event.pad)[i] = 0;
    long result = ENTRY_CALL(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
    if (result < 0)
        return result == -EAGAIN ? 0 : result; /* no room for one: the maker's clock goes on */
    struct abi_itimerspec when;
    when.interval.seconds = 0;
    when.interval.nanoseconds = 0;
    /* The maker keeps the time; this is for one that cannot. Since Linux 5.8 exec says that it has
     * begun a moment before it deletes the timer: a start that was in time must not be killed. */
    when.value.seconds = (int64_t)(step->value / 1000000000U) + MARGIN_S;
    when.value.nanoseconds = (int64_t)(step->value % 1000000000U);
    return ENTRY_CALL(SYS_timer_settime, timer, 0, &when, 0);
}

CHILD_CODE long bd_os_child_limit(const struct os_step *step)
{
    struct abi_rlimit limit;
    limit.soft = step->value;
    limit.hard = step->value2;
    return ENTRY_CALL(SYS_prlimit64, 0, step->from, &limit, 0);
}

/* ------------------------------------------------------------------ ids */

/* A caller that keeps its capabilities over a change of uid does so for itself, not for a child
 * that is to be somebody else; a kernel without one of them has nothing to give up. */
CHILD_CODE static void give_up_capabilities(void)
{
    (void)ENTRY_CALL(SYS_prctl, PR_SET_KEEPCAPS, 0, 0, 0);
    (void)ENTRY_CALL(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0);
}

CHILD_CODE long bd_os_child_set_id(int is_group, uint64_t id)
{
    if (is_group)
        return ENTRY_CALL(SYS_setresgid, id, id, id);
    if (id)
        give_up_capabilities();
    return ENTRY_CALL(SYS_setresuid, id, id, id);
}

CHILD_CODE static int ids_are(long number, uint32_t wanted)
{
    uint32_t real = 0, effective = 0, saved = 0;
    if (wanted == UINT32_MAX)
        return 1;
    if (ENTRY_CALL(number, &real, &effective, &saved) < 0)
        return 0;
    return real == wanted && effective == wanted && saved == wanted;
}

/* Shell's sort: in place, and no call. */
CHILD_CODE static void sort_ids(uint32_t *ids, size_t count)
{
    for (size_t gap = count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < count; i++) {
            uint32_t id = ids[i];
            size_t place = i;
            for (; place >= gap && ids[place - gap] > id; place -= gap)
                ids[place] = ids[place - gap];
            ids[place] = id;
        }
    }
}

/* In whatever order: the kernel sorts them by numbers of its own. */
CHILD_CODE static int groups_are(const struct os_ids *ids)
{
    size_t count = ids->group_count;
    if (ENTRY_CALL(SYS_getgroups, 0, 0) != (long)count)
        return 0;
    if (count && ENTRY_CALL(SYS_getgroups, count, ids->seen) != (long)count)
        return 0;
    sort_ids(ids->groups, count);
    sort_ids(ids->seen, count);
    for (size_t i = 0; i < count; i++)
        if (ids->seen[i] != ids->groups[i])
            return 0;
    return 1;
}

CHILD_CODE long bd_os_child_verify(const struct os_ids *ids)
{
    if (!ids_are(SYS_getresgid, ids->gid) || !ids_are(SYS_getresuid, ids->uid))
        return -EPERM;
    return ids->group_count == SIZE_MAX || groups_are(ids) ? 0 : -EPERM;
}

/* ------------------------------------------------------------------ the terminal */

/* SIGTTOU, which this would raise in a background process, is blocked here as all signals are. */
CHILD_CODE long bd_os_child_foreground(const struct os_launch *launch)
{
    long terminal = ENTRY_CALL(SYS_openat, AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return terminal;
    int32_t group = (int32_t)ENTRY_CALL(SYS_getpgid, 0);
    launch->record->gave_terminal = 1; /* before: there may be no after */
    long result = ENTRY_CALL(SYS_ioctl, terminal, TIOCSPGRP, &group);
    (void)ENTRY_CALL(SYS_close, terminal);
    return result;
}

/* ------------------------------------------------------------------ signals */

CHILD_CODE static long set_disposition(long number, uintptr_t handler)
{
    struct abi_sigaction action;
    action.handler = handler;
    action.flags = 0;
    action.restorer = 0;
    action.mask = 0;
    return ENTRY_CALL(SYS_rt_sigaction, number, &action, 0, ABI_SIGSET_BYTES);
}

/* Handlers are addresses in a program that exec throws away; what must be undone by hand is
 * SIG_IGN, which exec keeps. Handlers too where the kernel has not cleared them: one could run here
 * as soon as the mask opens. */
CHILD_CODE long bd_os_child_dispositions(const struct os_launch *launch, const struct os_step *step)
{
    enum { DEFAULT_HANDLER = 0, IGNORE_HANDLER = 1, KILL = 9, STOP = 19 };
    int keeps_all = step->value == ~UINT64_C(0);
    int known = launch->clears_handlers && (launch->ignored_known || keeps_all);
    for (long number = 1; number <= OS_SIGNALS; number++) {
        uint64_t bit = 1ULL << (number - 1);
        if (number == KILL || number == STOP)
            continue;
        if (step->value2 & bit) {
            long result = set_disposition(number, IGNORE_HANDLER);
            if (result < 0)
                return result;
            continue;
        }
        if (known) {
            if (!(launch->ignored & ~step->value & bit))
                continue;
        } else {
            struct abi_sigaction old;
            long result = ENTRY_CALL(SYS_rt_sigaction, number, 0, &old, ABI_SIGSET_BYTES);
            if (result < 0)
                return result;
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): by the kernel */
            if (old.handler == DEFAULT_HANDLER)
                continue;
            if (old.handler == IGNORE_HANDLER && (step->value & bit))
                continue;
        }
        long result = set_disposition(number, DEFAULT_HANDLER);
        if (result < 0)
            return result;
    }
    return 0;
}

CHILD_CODE long bd_os_child_mask(const struct os_launch *launch, const struct os_step *step)
{
    enum { SET_MASK = 2 };
    uint64_t mask = step->from ? launch->mask : 0;
    return ENTRY_CALL(SYS_rt_sigprocmask, SET_MASK, &mask, 0, ABI_SIGSET_BYTES);
}
