/* SPDX-License-Identifier: MIT */
/*
 * A child from its start to its exit record.
 *
 * Room one. Invariant: the status is taken once; every later question is answered from the record.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../plan/error.h"
#include "../plan/options.h"

/* ------------------------------------------------------------------ starting */

static struct brood_child *alloc_child(void)
{
    struct brood_child *child = calloc(1, sizeof *child);
    if (!child)
        return NULL;
    if (pthread_mutex_init(&child->lock, NULL) != 0) {
        free(child);
        return NULL;
    }
    return child;
}

int bd_child_new(const struct brood_options *options, struct brood_child **ret,
                 struct brood_error *reterr)
{
    /* Before the start: after it nothing may fail. */
    struct brood_child *child = alloc_child();
    if (!child)
        return bd_error_memory(reterr);
    child->scope = options->scope;
    int result = bd_start(options, &child->started, reterr);
    if (result < 0) {
        (void)pthread_mutex_destroy(&child->lock);
        free(child);
        return result;
    }
    child->group = options->join_group ? options->join_group : child->started.process.pid;
    *ret = child;
    return 0;
}

int brood_start(const struct brood_options *options, struct brood_child **ret,
                struct brood_error *reterr)
{
    struct brood_error error;
    struct brood_options settled;
    int state = bd_os_cancel_off();
    int result = bd_options_read(options, BD_FOR_START, &settled, &error);
    if (result == 0)
        result = ret ? bd_child_new(&settled, ret, &error)
                     : bd_error_options(&error, "ret is NULL", NULL);
    bd_os_cancel_restore(state);
    return bd_error_give(result, &error, reterr);
}

/* ------------------------------------------------------------------ the end */

/* For a status that somebody else takes, or who takes in orphans. */
enum { STATUS_PATIENCE_NS = 1000000000 };

static void fill_exit(const struct os_exit *from, struct brood_exit *ret)
{
    int status = from->wait_status; /* some systems' macros do not take a const */
    ret->ended_ns = (uint64_t)bd_os_now_ns();
    ret->wait_status = status;
    ret->code = -1;
    if (from->lost) {
        ret->kind = BROOD_LOST;
    } else if (WIFSIGNALED(status)) {
        ret->kind = BROOD_SIGNALLED;
        ret->code = WTERMSIG(status);
        if (WCOREDUMP(status))
            ret->flags |= BROOD_EXIT_CORE;
    } else {
        ret->kind = BROOD_EXITED;
        ret->code = WEXITSTATUS(status);
    }
    if (from->has_usage) {
        ret->flags |= BROOD_EXIT_HAS_USAGE;
        ret->user_us = from->user_us;
        ret->system_us = from->system_us;
        ret->max_rss_bytes = from->max_rss_bytes;
    }
}

/* Unless somebody else has taken it meanwhile. */
void bd_child_take_terminal_back(struct brood_child *child)
{
    const struct bd_started *started = &child->started;
    if (started->terminal_fd < 0)
        return;
    if (bd_os_terminal_foreground(started->terminal_fd) == child->group)
        bd_os_terminal_give_back(started->terminal_fd, started->foreground_before);
    bd_os_close(bd_os_take(&child->started.terminal_fd));
}

bool bd_child_note_end(struct brood_child *child)
{
    struct os_exit status;
    (void)pthread_mutex_lock(&child->lock);
    if (!child->ended) {
        if (!child->end_seen_ns)
            child->end_seen_ns = bd_os_now_ns();
        /* While the leader is unreaped its number, and so its group's, cannot be anybody else's. */
        struct os_process process = child->started.process;
        if (child->scope == BROOD_SCOPE_GROUP && bd_os_exit_is_ours(process))
            (void)bd_os_signal_group(process.pid, SIGKILL);
        child->ended =
            bd_os_exit_reap(process, child->end_seen_ns + STATUS_PATIENCE_NS, &status) == 0;
        if (child->ended) {
            bd_child_take_terminal_back(child);
            child->exit.started_ns = (uint64_t)child->started.started_ns;
            fill_exit(&status, &child->exit);
        }
    }
    bool ended = child->ended;
    (void)pthread_mutex_unlock(&child->lock);
    return ended;
}

static bool has_ended(struct brood_child *child, struct brood_exit *ret)
{
    (void)pthread_mutex_lock(&child->lock);
    bool ended = child->ended;
    if (ended && ret)
        *ret = child->exit;
    (void)pthread_mutex_unlock(&child->lock);
    return ended;
}

/* A traced child has ended, but cannot be reaped before its tracer lets go, and what somebody else
 * reaps may not have been yet: the kernel has no event for either. Without a pidfd each
 * look is a short one, since another thread may reap it and the number be somebody else's then. */
static int wait_by(struct brood_child *child, int64_t deadline_ns)
{
    struct os_process process = child->started.process;
    for (;;) {
        int64_t tick_ns = process.pidfd < 0 ? bd_os_now_ns() + OS_TICK_NS : OS_NEVER;
        int result = bd_os_exit_wait(process, tick_ns < deadline_ns ? tick_ns : deadline_ns);
        if (has_ended(child, NULL))
            return 0;
        if (result == 0 && bd_child_note_end(child))
            return 0;
        if (result < 0 && result != -ETIMEDOUT)
            return result;
        if (bd_os_now_ns() >= deadline_ns)
            return -ETIMEDOUT;
        if (result == 0)
            bd_os_pause_ns(OS_TRACED_PAUSE_NS);
    }
}

bool bd_child_is_unknown(const struct brood_child *child)
{
    return child->started.detached && child->started.process.pidfd < 0;
}

int brood_child_wait(struct brood_child *child, int64_t timeout_ms, struct brood_exit *ret)
{
    if (has_ended(child, ret))
        return 0;
    if (bd_child_is_unknown(child))
        return -ENOTSUP;
    int state = bd_os_cancel_off();
    int result = wait_by(child, bd_os_deadline_ns(timeout_ms));
    if (result == 0)
        (void)has_ended(child, ret);
    bd_os_cancel_restore(state);
    return result;
}

/* ------------------------------------------------------------------ what it is */

pid_t brood_child_pid(const struct brood_child *child)
{
    return child->started.process.pid;
}

int brood_child_pidfd(const struct brood_child *child)
{
    int pidfd = child->started.process.pidfd;
    return pidfd < 0 ? -ENOTSUP : pidfd;
}

uint32_t brood_child_scope_tier(const struct brood_child *child)
{
    return child->scope;
}
