/* SPDX-License-Identifier: MIT */
/*
 * Passing the command's output on (--drain, --pty). Room cli.
 */
#ifndef BROOD_CLI_RELAY_H
#define BROOD_CLI_RELAY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <brood.h>

enum lane_state {
    LANE_UNUSED,
    LANE_RUNNING,
    LANE_ENDED,       /* every writer is gone and all was passed on */
    LANE_HELD,        /* told to stop while somebody could still write */
    LANE_READER_GONE, /* nobody reads from our stream any more */
    LANE_FAILED       /* writing to our stream, or reading, failed with `code` */
};

/* What the command writes to. */
enum lane_source { LANE_FROM_NOTHING, LANE_FROM_PIPE, LANE_FROM_TERMINAL };

struct lane {
    int in, out; /* the end of the command's pipe or terminal; our stream */
    enum lane_source source;
    int stop_fd;  /* readable: stop */
    int event_fd; /* written to once the lane is over */
    sem_t go;
    pthread_t thread;
    _Atomic int state; /* enum lane_state */
    int code;
};

struct relay {
    struct lane lanes[2]; /* standard output, standard error */
    int stop_fd, event_fd;
};

/* Makes ready all that can fail, for what is to come out of our standard output and error. Returns
 * 0 or -errno. */
int relay_open(struct relay *relay, enum lane_source out, enum lane_source err);

/* Begins to pass on what the command writes; NULL: it could not be started. */
void relay_go(struct relay *relay, struct brood_child *child);

/* Are all lanes over? Takes note of what relay->event_fd had to say. */
bool relay_is_over(struct relay *relay);

/* Pass on what is in the pipes now and close them. */
void relay_stop(struct relay *relay);

/* The lane that is in `state`: 0 or 1, or -1. */
int relay_find(struct relay *relay, enum lane_state state);

/* Gives everything back. A lane that is not over is left to the end of the process. */
void relay_done(struct relay *relay);

#endif
