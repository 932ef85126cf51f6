/* SPDX-License-Identifier: MIT */
/*
 * A file that appears whole or not at all. Room cli.
 */
#ifndef BROOD_CLI_RESULT_FILE_H
#define BROOD_CLI_RESULT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result_file {
    int fd;        /* what is written to */
    int folder_fd; /* where the name stands; -1: written in place (a stream, a FIFO, a device) */
    const char *base;
    char temporary[48]; /* the name until then; "": it has none */
};

/* Opens what `name` will be; "-" and /dev/stdout are standard output, unless that was closed.
 * A FIFO is waited for until `deadline_ns` of watch_now(); 0: without end. Returns 0, or -errno and
 * nothing is open; -ETIMEDOUT: nobody opened its other end. */
int result_file_open(struct result_file *file, const char *name, bool stdout_closed,
                     int64_t deadline_ns);

/* Writes it all and gives it its name. Returns 0 or -errno; closed in either case. */
int result_file_commit(struct result_file *file, const char *bytes, size_t length);

/* Leaves everything as it was before. Harmless after commit. */
void result_file_abandon(struct result_file *file);

#endif
