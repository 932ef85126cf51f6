/* SPDX-License-Identifier: MIT */
/*
 * The transaction: a running program, or an error and nothing else.
 *
 * Room start. Invariant: promise 1 of the library lives here.
 */
#ifndef BD_START_START_H
#define BD_START_START_H

#include <brood.h>

#include "../plan/plan.h"

/* How long a process may take to die of SIGKILL before it is set aside. */
enum { BD_KILL_BOUND_MS = 10000 };

/* What a start leaves with its caller. */
struct bd_started {
    struct os_process process;
    bool detached;           /* somebody else's child */
    int streams[BD_STREAMS]; /* our ends, -1 where there is none */
    int terminal_fd;         /* the terminal whose foreground it was given, or -1 */
    pid_t foreground_before;
    int64_t started_ns;
};

/* `options` have been through bd_options_read(). 0, or -errno with *reterr filled in. */
int bd_start(const struct brood_options *options, struct bd_started *ret,
             struct brood_error *reterr);

#endif
