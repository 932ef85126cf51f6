/* SPDX-License-Identifier: MIT */
/*
 * Stacks for new processes, kept for the next start.
 *
 * Room os. Invariant: a block belongs to one launch or to the cache, never to both.
 */
#ifndef BD_OS_LINUX_CACHE_H
#define BD_OS_LINUX_CACHE_H

#include <stddef.h>

struct os_block;

struct os_block *bd_os_block_take(void); /* NULL: no memory */
void bd_os_block_give(struct os_block *block);

/* The end of the block's memory: a stack grows down from here. Aligned to 64 bytes. */
void *bd_os_block_top(struct os_block *block);

#endif
