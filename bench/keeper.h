/* SPDX-License-Identifier: MIT */
/*
 * The keeper of bench/: runs a function in a process of its own, in a room that nothing can leave,
 * and tells what it left behind.
 *
 * The room is a pid namespace where one may be made, else a subreaper. What the function leaves
 * falls to the keeper, which counts it, says why it is stuck, ends it and reaps it.
 *
 * Invariant: keeper_run() returns within its bound, and nothing of the room is left then.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <stdbool.h>
#include <stddef.h>

enum keeper_room {
    KEEPER_SUBREAPER = 0,      /* no namespace may be made here */
    KEEPER_NAMESPACE = 1,      /* a pid namespace */
    KEEPER_USER_NAMESPACE = 2, /* one below a user namespace */
};

struct keeper_report {
    bool timed_out;
    int exit_code;      /* of the function's process, 128 + n after signal n */
    unsigned took_ms;   /* until that process had ended */
    unsigned rest_ms;   /* from then until what it left had ended or come to rest */
    unsigned left;      /* processes alive or zombie after that */
    unsigned stuck;     /* of those, in a read that can never end (census.h) */
    unsigned zombies;   /* of those, ended and reaped by nobody */
    unsigned unkept;    /* of those, still there after SIGKILL: none, or the figures are no good */
    char evidence[192]; /* one of the stuck, in words */
};

/* The best room that this system lets us make; tried once, by making one. */
enum keeper_room keeper_best_room(void);
const char *keeper_room_name(enum keeper_room room);

/* Runs body(argument) with this bound. Returns 0, or -errno when it could not be. The function's
 * memory is its own: it gives results through keeper_shared(). SIGCHLD is set to its default. */
int keeper_run(enum keeper_room room, int (*body)(void *argument), void *argument, unsigned bound_s,
               struct keeper_report *ret);

/* Zeroed memory that keeper and function share; NULL without. keeper_unshare() gives it back. */
void *keeper_shared(size_t size);
void keeper_unshare(void *memory, size_t size);

#endif
