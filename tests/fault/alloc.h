/* SPDX-License-Identifier: MIT */
/*
 * Allocation failures: malloc and its kin, put before libc's own in this program, so that the k-th
 * allocation of a stretch can fail and every block can be counted.
 *
 * Invariant: failing or not, a block is counted once when it is given and once when it is freed.
 */
#ifndef ALLOC_H
#define ALLOC_H

#include <stdbool.h>

/* False in a build with a sanitizer, which has an allocator of its own. */
bool alloc_is_ours(void);

/* From here on the k-th allocation fails (0: none does), and the later ones too if `sticky`. */
void alloc_arm(unsigned kth, bool sticky);

/* Ends the stretch. Returns the number of allocations asked for in it. */
unsigned alloc_disarm(void);

/* Blocks given and not yet freed. */
long alloc_live(void);

#endif
