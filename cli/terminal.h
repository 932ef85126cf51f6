/* SPDX-License-Identifier: MIT */
/*
 * The two terminals of --pty: ours, which is made a mere wire, and the command's own. Room cli.
 */
#ifndef BROOD_CLI_TERMINAL_H
#define BROOD_CLI_TERMINAL_H

#include "asked.h"

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
    int fd;                 /* ours, a copy; -1: there is none */
    struct termios modes;   /* of ours, as they were */
    bool elsewhere;         /* we began in the background: its modes were for somebody else */
    bool typed;             /* what is typed at ours is for the command */
    bool raw;               /* so we have changed its modes */
    bool no_echo;           /* nobody types what the command reads, so nobody needs to see it */
    int childs_fd;          /* a descriptor of the command that is its terminal */
    uint16_t rows, columns; /* of ours; 0: not known */
};

/* Looks for our terminal among the standard streams. Returns 0 or -errno; to be given to
 * terminal_done() in either case. */
int terminal_note(struct terminal *terminal, const struct asked *asked);
void terminal_done(struct terminal *terminal);

/* In the command's process, before it begins (brood_options.before_exec): its terminal gets the
 * modes that ours has. Returns 0 or an errno. */
int terminal_begin(void *terminal);

/* From here on every key goes to the command, and every character comes out as it is; and back.
 * Both may be called at any time. */
void terminal_enter(struct terminal *terminal);
void terminal_leave(struct terminal *terminal);

/* Tells the command's terminal the size that ours has now. */
void terminal_resize(struct terminal *terminal, struct brood_child *child);

#endif
