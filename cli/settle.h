/* SPDX-License-Identifier: MIT */
/*
 * From what was asked for to the options of a start. Room cli.
 */
#ifndef BROOD_CLI_SETTLE_H
#define BROOD_CLI_SETTLE_H

#include "asked.h"
#include "entry.h"
#include "terminal.h"

struct settled {
    struct brood_options options;
    bool start_is_timeout; /* it is --timeout that bounds the start */
    struct brood_fd_map *maps;
    char **listener; /* the words of a start by way of listener_exec(), or NULL */
};

/* Everything in it points to `asked`, `terminal` and to itself: use it in place. Returns 0 or
 * -ENOMEM; to be given to settle_done() in either case. */
int settle(struct settled *settled, const struct asked *asked, const struct entry *entry,
           struct terminal *terminal);
void settle_done(struct settled *settled);

/* The time between SIGTERM and SIGKILL. */
int64_t settle_grace_ms(const struct asked *asked);

/* Is the command's output passed on by us, and how long after its end. */
bool settle_passes_output(const struct asked *asked);
int64_t settle_drain_ms(const struct asked *asked);

#endif
