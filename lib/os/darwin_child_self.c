/* SPDX-License-Identifier: MIT */
/*
 * The steps of a new process on macOS that change what it is: its bounds, ids, terminal and
 * signals.
 *
 * Room os. Invariant: as darwin_child.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "darwin_child.h"
#include "darwin_learn.h"

static rlim_t limit_of(uint64_t value)
{
    return value > RLIM_INFINITY ? RLIM_INFINITY : (rlim_t)value;
}

int bd_os_child_limit(const struct os_step *step)
{
    const struct rlimit limit = {limit_of(step->value), limit_of(step->value2)};
    return setrlimit(step->from, &limit) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------ ids */

/* The first of the kernel's list is the effective group id, which is set after this: it gets a
 * place of its own, or one of the groups asked for would be lost. */
int bd_os_child_groups(const struct os_step *step)
{
    gid_t list[NGROUPS_MAX];
    const uint32_t *groups = step->data;
    if (step->value >= NGROUPS_MAX)
        return -EINVAL;
    int count = 0;
    list[count++] = getegid();
    for (uint64_t i = 0; i < step->value; i++)
        list[count++] = groups[i];
    return setgroups(count, list) < 0 ? -errno : 0;
}

static bool all_are(uint32_t wanted, uint32_t real, uint32_t effective, uint32_t saved)
{
    return wanted == UINT32_MAX || (real == wanted && effective == wanted && saved == wanted);
}

/* The first is the effective gid, then come those that were set. */
static bool groups_are(const struct _ucred *used, const struct os_ids *ids)
{
    if (used->cr_ngroups < 0 || (size_t)used->cr_ngroups != ids->group_count + 1)
        return false;
    for (size_t i = 0; i < ids->group_count; i++) {
        int place = 1;
        while (place < used->cr_ngroups && used->cr_groups[place] != ids->groups[i])
            place++;
        if (place == used->cr_ngroups)
            return false;
    }
    return true;
}

/* As the kernel sees it. getgroups(3) would ask a directory service, which nobody may do here. */
int bd_os_child_verify(const struct os_ids *ids)
{
    struct kinfo_proc self;
    int result = bd_os_learn_facts(getpid(), &self);
    if (result < 0)
        return result;
    const struct _pcred *own = &self.kp_eproc.e_pcred;
    const struct _ucred *used = &self.kp_eproc.e_ucred;
    if (!all_are(ids->gid, own->p_rgid, getegid(), own->p_svgid) ||
        !all_are(ids->uid, own->p_ruid, used->cr_uid, own->p_svuid))
        return -EPERM;
    return ids->group_count == SIZE_MAX || groups_are(used, ids) ? 0 : -EPERM;
}

/* ------------------------------------------------------------------ the terminal */

/* SIGTTOU, which this would raise in a background process, is blocked here as all signals are. */
int bd_os_child_foreground(const struct os_launch *launch)
{
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return -errno;
    launch->record->gave_terminal = 1; /* before: there may be no after */
    int result = tcsetpgrp(terminal, getpgrp()) < 0 ? -errno : 0;
    (void)close(terminal);
    return result;
}

/* ------------------------------------------------------------------ signals */

static int set_handler(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

static int reset(int number, bool keeps_ignored)
{
    struct sigaction old;
    if (sigaction(number, NULL, &old) < 0)
        return errno == EINVAL ? 0
                               : -errno; /* the library keeps it to itself, or it does not exist */
    if (old.sa_handler == SIG_DFL || (old.sa_handler == SIG_IGN && keeps_ignored))
        return 0;
    return set_handler(number, SIG_DFL);
}

/* Handlers too: exec would throw them away, but one could run here as soon as the mask opens. */
int bd_os_child_dispositions(const struct os_step *step)
{
    for (int number = 1; number <= OS_SIGNALS; number++) {
        uint64_t bit = UINT64_C(1) << (number - 1);
        bool ignores = step->value2 & bit;
        int result = 0;
        if (number == SIGKILL || number == SIGSTOP)
            continue;
        if (ignores)
            result = set_handler(number, SIG_IGN); /* EINVAL: the system has no such signal */
        else if (number < NSIG)
            result = reset(number, step->value & bit);
        if (result < 0)
            return result;
    }
    return 0;
}

int bd_os_child_mask(const struct os_launch *launch, const struct os_step *step)
{
    sigset_t mask;
    (void)sigemptyset(&mask);
    for (int number = 1; step->from && number < NSIG && number <= OS_SIGNALS; number++)
        if (launch->mask >> (number - 1) & 1)
            (void)sigaddset(&mask, number);
    return sigprocmask(SIG_SETMASK, &mask, NULL) < 0 ? -errno : 0;
}
