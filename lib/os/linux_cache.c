/* SPDX-License-Identifier: MIT */
/*
 * A bounded cache of stacks. A fresh mapping costs two system calls and a page fault or two for
 * each start; a kept one costs nothing.
 *
 * Room os; one of the two places with global state that changes. Invariants: lock-free, so that a
 * fork of the host at any moment leaves it usable; contents are wiped in a forked copy; what is
 * cached is unmapped when the library is unloaded, what is in flight then is left to its launch.
 */
#include "linux_cache.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CACHED_BLOCKS = 8, STACK_BYTES = 32768 };

static _Atomic(struct os_block *) cached_blocks[CACHED_BLOCKS];

/* A page that may not be touched lies below the stack. */
static size_t guard_bytes(void)
{
    long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? (size_t)page : 65536;
}

static size_t block_bytes(void)
{
    size_t guard = guard_bytes();
    return guard + (STACK_BYTES + guard - 1) / guard * guard;
}

static struct os_block *map_block(void)
{
    size_t size = block_bytes();
    void *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t guard = guard_bytes();
    if (mprotect((char *)memory + guard, size - guard, PROT_READ | PROT_WRITE) < 0) {
        (void)munmap(memory, size);
        return NULL;
    }
    /* A forked copy of the host needs none of this. Before Linux 4.14 it gets a copy: harmless. */
    (void)madvise(memory, size, MADV_WIPEONFORK);
    return memory;
}

struct os_block *bd_os_block_take(void)
{
    for (size_t i = 0; i < CACHED_BLOCKS; i++) {
        struct os_block *block = atomic_exchange(&cached_blocks[i], NULL);
        if (block)
            return block;
    }
    return map_block();
}

void bd_os_block_give(struct os_block *block)
{
    if (!block)
        return;
    for (size_t i = 0; i < CACHED_BLOCKS; i++) {
        struct os_block *empty = NULL;
        if (atomic_compare_exchange_strong(&cached_blocks[i], &empty, block))
            return;
    }
    (void)munmap(block, block_bytes());
}

void *bd_os_block_top(struct os_block *block)
{
    return (void *)(((uintptr_t)block + block_bytes()) & ~(uintptr_t)63);
}

__attribute__((destructor)) static void unmap_cached_blocks(void)
{
    for (size_t i = 0; i < CACHED_BLOCKS; i++) {
        struct os_block *block = atomic_exchange(&cached_blocks[i], NULL);
        if (block)
            (void)munmap(block, block_bytes());
    }
}
