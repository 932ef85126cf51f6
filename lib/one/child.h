/* SPDX-License-Identifier: MIT */
/*
 * One owned child, as the files of this room see it.
 *
 * Room one. Invariants: process, scope and started_ns never change; `ended` and `exit`
 * belong to the lock; the process is reaped under the lock, so a group signal under it cannot hit a
 * stranger.
 */
#ifndef BD_ONE_CHILD_H
#define BD_ONE_CHILD_H

#include <pthread.h>
#include <stdbool.h>

#include <brood.h>

#include "../os/os.h"
#include "../start/start.h"

struct brood_child {
    struct bd_started started;
    uint32_t scope;
    pid_t group; /* that it was given a terminal with */
    pthread_mutex_t lock;
    int64_t end_seen_ns; /* 0: not yet; its status may come later */
    bool ended;
    struct brood_exit exit; /* once ended; its cause is set before */
    struct os_parked parked;
};

/* For both brood_start() and brood_run(). `options` have been through bd_options_read(). */
int bd_child_new(const struct brood_options *options, struct brood_child **ret,
                 struct brood_error *reterr);

/* Reaps a child that bd_os_exit_wait() saw end, once. False: not yet, see bd_os_exit_reap(). */
bool bd_child_note_end(struct brood_child *child);

/* The caller's terminal, if the child was given it and still has it. */
void bd_child_take_terminal_back(struct brood_child *child);

/* Somebody else's child without a pidfd: nothing but its number is known, and that may be another's
 * by now. */
bool bd_child_is_unknown(const struct brood_child *child);

/* As brood_child_signal(), and if it hits, `cause` is why the child ended unless another came
 * first. */
int bd_child_signal_because(struct brood_child *child, int signal, uint32_t cause);

/* SIGTERM, so that it acts on it even if it is stopped. 0, or what signalling says. */
int bd_child_ask(struct brood_child *child, uint32_t cause);

/* End and reap within BD_KILL_BOUND_MS; 0, -ETIMEDOUT or -EPERM. */
int bd_child_kill(struct brood_child *child, uint32_t cause);

/* Frees the handle of a process that could not be ended in time; a later start reaps it. */
void bd_child_set_aside(struct brood_child *child);

#endif
