/* SPDX-License-Identifier: MIT */
/*
 * Reading what the caller says of streams and descriptors.
 *
 * Room plan. Invariant: each check is 0, or -errno with the sentence in *reterr.
 */
#ifndef BD_PLAN_STREAMS_H
#define BD_PLAN_STREAMS_H

#include <brood.h>

#include "options.h"

/* The stream with index BROOD_IN, BROOD_OUT, BROOD_ERR. */
const struct brood_stream *bd_streams_of(const struct brood_options *options, int index);

int bd_streams_check(const struct brood_options *options, int index, enum bd_purpose purpose,
                     struct brood_error *reterr);
int bd_streams_check_map(const struct brood_options *options, struct brood_error *reterr);
int bd_streams_check_open(int fd, struct brood_error *reterr);

#endif
