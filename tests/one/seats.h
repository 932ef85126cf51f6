/* SPDX-License-Identifier: MIT */
/*
 * What the tests of terminals share: programs/seat.c and what it tells, and a session of its own
 * with a terminal, in which a body of checks runs.
 *
 * Invariant: a body leaves its process as it was, or the test fails; every wait has a bound.
 */
#ifndef SEATS_H
#define SEATS_H

#include "starting.h"

enum { TOLD_FD = 9 };

/* Words for programs/seat.c. */
#define SEAT(...) WORDS(seat_program(), __VA_ARGS__)
const char *seat_program(void);

/* A pipe that a child has as descriptor 9: put `map` into the options. */
struct seat_pipe {
    int read_fd, write_fd;
    struct brood_fd_map map;
};
void seat_pipe_open(struct seat_pipe *told);
void seat_pipe_close(struct seat_pipe *told);

/* The next line that was told, without its newline; "" if none came. */
const char *seat_line(const struct seat_pipe *told);

/* Skips the test where there is no /dev/ptmx. */
void seat_needs_terminals(void);

/* Runs `body` in a process that leads a session, with a terminal of its own as controlling
 * terminal (open as `terminal`), in its foreground, and 0 to 2 as they are. The test takes part in
 * none of it. Descriptors, children, mask and foreground must be as before when it returns. */
void in_a_terminal(void (*body)(int terminal));

#endif
