/* SPDX-License-Identifier: MIT */
/*
 * Passing signals on to the command, and stopping and continuing with it. Room cli.
 */
#ifndef BROOD_CLI_PASS_H
#define BROOD_CLI_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include <brood.h>

#include "terminal.h"

struct pass {
    int fd;           /* a signalfd(2), readable when there is something to do */
    bool same_group;  /* the command shares our process group, and so the terminal's signals */
    uint64_t ignored; /* bit n - 1: signal n does not end us, as it was ignored */
    bool leader;      /* we lead our session: a hangup of the terminal tells us alone */
    bool follows;     /* a stop by the terminal stops us too */
    const char *name; /* the command, for words */
    struct terminal *terminal; /* with --pty; else NULL */
};

/* Takes over the signals, before the start so that none is missed. `ignored`: bit n - 1 for a
 * signal that is not to end us. With a `terminal` of the command, it is in a session of its own.
 * Returns 0 or -errno. */
int pass_open(struct pass *pass, bool same_group, uint64_t ignored, const char *name,
              struct terminal *terminal);

/* Does what the signals that have come ask for. `child` is NULL once the command has ended: then
 * true is returned when a signal asks us to end too. */
bool pass_read(struct pass *pass, struct brood_child *child);

/* Of the signals that have come and were not read: is this one among them? Reads them all. */
bool pass_has_come(struct pass *pass, int64_t number);

#endif
