/* SPDX-License-Identifier: MIT */
/*
 * What this program was born with: its standard streams, other descriptors, ignored signals. Room
 * cli.
 */
#ifndef BROOD_CLI_ENTRY_H
#define BROOD_CLI_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
    bool closed[3];   /* the standard stream was not open; /dev/null stands there now */
    uint64_t ignored; /* bit n - 1: signal n, of HUP, INT and QUIT, was ignored */
    int *others;      /* open descriptors from 3 on */
    size_t other_count;
};

/* Notes all that, before anything is opened, keeps the numbers 0 to 2 occupied, and unblocks
 * every signal. Returns 0, or -errno. */
int entry_note(struct entry *entry);
void entry_done(struct entry *entry);

/* Lets go of what is only there for the command, once it has it: whoever reads from or writes to
 * it sees the end when the command closes it, not when brood run ends. Standard error stays, for
 * words. */
void entry_let_go(struct entry *entry);

#endif
