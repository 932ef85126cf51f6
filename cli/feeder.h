/* SPDX-License-Identifier: MIT */
/*
 * Passing our standard input on to the command's terminal (--pty). Room cli.
 */
#ifndef BROOD_CLI_FEEDER_H
#define BROOD_CLI_FEEDER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct feed {
    int in, out; /* our standard input; the terminal's other end */
    int stop_fd; /* readable: stop */
    bool made;   /* there is a thread */
    sem_t go;
    pthread_t thread;
};

/* Makes ready all that can fail. Returns 0 or -errno; to be given to feed_done() in either case. */
int feed_open(struct feed *feed);

/* Begins; `fd` is copied. -1: there is nothing to pass on to. */
void feed_go(struct feed *feed, int fd);

/* Passes nothing more on, and gives everything back. */
void feed_done(struct feed *feed);

#endif
