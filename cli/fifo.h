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

/* Opens the FIFOs among the streams of `options` and puts descriptors in their place, which are
 * to be closed after the start. Returns 0, or -errno and *reterr: -ETIMEDOUT at the start
 * timeout, from which the time that passed is taken off. Whatever cannot be opened for another
 * reason is left to the start, which says so. */
int fifo_open_streams(struct brood_options *options, struct brood_error *reterr);

/* Closes them. */
void fifo_close_streams(struct brood_options *options);

#endif
