/* SPDX-License-Identifier: MIT */
/*
 * Ending a child: signal, stop, free, release.
 *
 * Room one. Invariants: a signal goes through the pidfd, or to the group of a leader that is seen
 * to be still ours under the reap lock; whatever a handle still runs is ended with it, or set aside
 * and reaped later.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "child.h"

static int send_signal(struct brood_child *child, int signal)
{
    struct os_process process = child->started.process;
    if (bd_child_is_unknown(child))
        return -ENOTSUP;
    /* A zombie takes signals without a word: after the end nobody shall be said to be hit. */
    if (bd_os_exit_wait(process, 0) == 0)
        return -ESRCH;
    if (child->scope != BROOD_SCOPE_GROUP || !bd_os_exit_is_ours(process))
        return bd_os_signal(process, signal);
    int result = bd_os_signal_group(process.pid, signal);
    /* A leader may have left its group; and SIGKILL twice is no more than once. */
    if (result < 0 || signal == SIGKILL || !bd_os_leads_group(process.pid))
        result = bd_os_signal(process, signal);
    return result;
}

int bd_child_signal_because(struct brood_child *child, int signal, uint32_t cause)
{
    (void)pthread_mutex_lock(&child->lock);
    int result = child->ended ? -ESRCH : send_signal(child, signal);
    if (result == 0 && child->exit.cause == BROOD_CAUSE_OWN)
        child->exit.cause = cause;
    (void)pthread_mutex_unlock(&child->lock);
    return result;
}

int brood_child_signal(struct brood_child *child, int signal)
{
    if (signal < 0 || signal > OS_SIGNALS)
        return -EINVAL;
    int state = bd_os_cancel_off();
    int result = bd_child_signal_because(child, signal, BROOD_CAUSE_OWN);
    bd_os_cancel_restore(state);
    return result;
}

int bd_child_kill(struct brood_child *child, uint32_t cause)
{
#ifdef BROOD_MUTANT_NO_KILL
    int result = -ESRCH;
    (void)cause;
#else
    int result = bd_child_signal_because(child, SIGKILL, cause);
#endif
    if (result < 0 && result != -ESRCH)
        return result;
    return brood_child_wait(child, BD_KILL_BOUND_MS, NULL);
}

/* SIGCONT: a stopped process would not act on SIGTERM. */
int bd_child_ask(struct brood_child *child, uint32_t cause)
{
    int result = bd_child_signal_because(child, SIGTERM, cause);
    if (result == 0)
        (void)bd_child_signal_because(child, SIGCONT, cause);
    return result;
}

int brood_child_stop(struct brood_child *child, int64_t grace_ms, struct brood_exit *ret)
{
    int result = brood_child_wait(child, 0, ret);
    if (result != -ETIMEDOUT)
        return result;
    int state = bd_os_cancel_off();
    if (grace_ms != 0) {
        result = bd_child_ask(child, BROOD_CAUSE_ASKED);
        if (result == 0 || result == -ESRCH)
            result = brood_child_wait(child, grace_ms, NULL);
    }
    if (result == -ETIMEDOUT)
        result = bd_child_kill(child, BROOD_CAUSE_ASKED);
    if (result == 0)
        result = brood_child_wait(child, 0, ret);
    bd_os_cancel_restore(state);
    return result;
}

/* ------------------------------------------------------------------ the handle's end */

static void close_descriptors(struct brood_child *child)
{
    for (int index = 0; index < BD_STREAMS; index++)
        bd_os_close(bd_os_take(&child->started.streams[index]));
    bd_os_close(bd_os_take(&child->started.terminal_fd));
}

static void free_handle(void *owner)
{
    struct brood_child *child = owner;
    (void)pthread_mutex_destroy(&child->lock);
    free(child);
}

void bd_child_set_aside(struct brood_child *child)
{
    bd_child_take_terminal_back(child); /* later nobody would */
    close_descriptors(child);
    child->parked =
        (struct os_parked){.process = child->started.process, .free = free_handle, .owner = child};
    bd_os_park(&child->parked);
}

/* Of a process that is not ours any more; without a pidfd its group must be gone. */
static bool is_gone(const struct brood_child *child)
{
    struct os_process process = child->started.process;
    if (process.pidfd >= 0)
        return bd_os_exit_wait(process, 0) == 0;
    return bd_os_signal_group(child->group, 0) == -ESRCH;
}

struct brood_child *brood_child_free(struct brood_child *child)
{
    if (!child)
        return NULL;
    int state = bd_os_cancel_off();
    struct os_process process = child->started.process;
    int result = 0;
    if (child->started.detached)
        (void)brood_child_wait(child, 0, NULL); /* it may be ours by now, and a zombie */
    else if (!child->ended && bd_os_exit_is_ours(process))
        result = bd_child_kill(child, BROOD_CAUSE_ASKED);
    /* Not ours: somebody has reaped it, or a forked copy of the program frees its copy of the
     * handle, and then all belongs to the child still. */
    else if (!child->ended && is_gone(child))
        bd_child_take_terminal_back(child);
    if (result < 0) {
        bd_child_set_aside(child);
    } else {
        close_descriptors(child);
        bd_os_process_close(process);
        free_handle(child);
    }
    bd_os_cancel_restore(state);
    return NULL;
}

pid_t brood_child_release(struct brood_child *child)
{
    int state = bd_os_cancel_off();
    pid_t pid = child->ended ? -ESRCH : child->started.process.pid;
    close_descriptors(child);
    bd_os_process_close(child->started.process);
    free_handle(child);
    bd_os_cancel_restore(state);
    return pid;
}
