/* SPDX-License-Identifier: MIT */
/*
 * What became of one `brood run`, and the exit code that follows from it. Room cli.
 */
#ifndef BROOD_CLI_OUTCOME_H
#define BROOD_CLI_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <brood.h>

struct outcome {
    struct timespec began, ended; /* wall clock, for people */
    int64_t wall_ns;              /* between them, by a clock that nobody sets */
    int64_t fifo_ms;              /* not 0: the start waited so long for the other end of a FIFO */
    bool started;                 /* else `error` says why not */
    struct brood_error error;
    int signalled; /* it was killed before it began, by this signal to us both; or 0 */
    pid_t pid;
    bool over; /* it has ended, and `exit` says how; else it could not be ended */
    struct brood_exit exit;
    bool timed_out;    /* by --timeout */
    bool streams_held; /* --drain: somebody else could still write */
    bool output_lost;  /* --drain: what it wrote could not be passed on */
};

/* The code that brood run ends with, before the record is written. */
int outcome_code(const struct outcome *outcome);

/* Why it could not be started, in one line; returns `text`. */
const char *outcome_why(const struct outcome *outcome, char *text, size_t size);

#endif
