/* SPDX-License-Identifier: MIT */
/*
 * What became of one `brood run`, and the exit code that follows from it. Room cli.
 */
#ifndef BROOD_CLI_OUTCOME_H
#define BROOD_CLI_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <brood.h>

struct outcome {
    struct timespec began, ended; /* wall clock, for people */
    bool started;                 /* else `error` says why not */
    struct brood_error error;
    pid_t pid;
    bool over; /* it has ended, and `exit` says how; else it could not be ended */
    struct brood_exit exit;
    bool timed_out;    /* by --timeout */
    bool streams_held; /* --drain: somebody else could still write */
    bool output_lost;  /* --drain: what it wrote could not be passed on */
};

/* The code that brood run ends with, before the record is written. */
int outcome_code(const struct outcome *outcome);

#endif
