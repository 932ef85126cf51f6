/* SPDX-License-Identifier: MIT */
/*
 * Which descriptors the command keeps. Room cli.
 */
#ifndef BROOD_CLI_KEEP_H
#define BROOD_CLI_KEEP_H

#include "asked.h"

/* Makes the map of descriptors from --keep-fd and from what stands in the arguments, MAKEFLAGS and
 * LISTEN_FDS. Returns 0 with a map to be freed, or -ENOMEM. */
int keep_collect(const struct asked *asked, struct brood_fd_map **ret, size_t *ret_count);

/* Are descriptors passed by the socket activation protocol, and to this very process? */
bool keep_is_listener(const struct asked *asked);

#endif
