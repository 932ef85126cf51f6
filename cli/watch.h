/* SPDX-License-Identifier: MIT */
/*
 * Watching one command from its start to its end. Room cli.
 */
#ifndef BROOD_CLI_WATCH_H
#define BROOD_CLI_WATCH_H

#include "asked.h"
#include "feeder.h"
#include "outcome.h"
#include "pass.h"
#include "relay.h"

/* Returns when the command has ended and its output has been passed on, at the bounds that
 * `asked` sets: the time of --timeout runs from `began_ns`. `relay` is NULL without --drain. */
void watch_command(const struct asked *asked, struct brood_child *child, struct pass *pass,
                   struct relay *relay, struct feed *feed, int64_t began_ns,
                   struct outcome *outcome);

/* Nanoseconds of the monotonic clock. */
int64_t watch_now(void);
#define WATCH_NS_PER_MS INT64_C(1000000)

#endif
