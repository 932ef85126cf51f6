/* SPDX-License-Identifier: MIT */
/*
 * Streams that lead to a FIFO. Room cli.
 *
 * Opening a FIFO waits for somebody at its other end. Once a start is under way nothing but its
 * timeout interrupts it; so a FIFO is opened before, where Ctrl-C works as in a shell.
 */
#ifndef BROOD_CLI_FIFO_H
#define BROOD_CLI_FIFO_H

#include <brood.h>

/* When the start timeout of `options` is over for what began at `began_ns` of watch_now(); 0: there
 * is none. */
int64_t fifo_deadline(const struct brood_options *options, int64_t began_ns);

/* As openat(2), but no later than `deadline_ns`. Returns a descriptor or -errno; -ETIMEDOUT: nobody
 * opened the other end. Not for programs with threads. */
int fifo_open(int folder_fd, const char *path, int flags, int64_t deadline_ns);

/* Opens the FIFOs among the streams of `options` and puts descriptors in their place, which are
 * to be closed after the start. Returns 0, or -errno and *reterr: -ETIMEDOUT at the start
 * timeout, from which the time that passed since `began_ns` is taken off. Whatever cannot be
 * opened for another reason is left to the start, which says so. */
int fifo_open_streams(struct brood_options *options, int64_t began_ns, struct brood_error *reterr);

/* Closes them. */
void fifo_close_streams(struct brood_options *options);

#endif
