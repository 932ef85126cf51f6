/* SPDX-License-Identifier: MIT */
/*
 * Allocation failures; see alloc.h. Names of glibc are used for what stands behind (__libc_malloc
 * and so on, there for interposers).
 *
 * Invariant: safe before main(): only statics, no constructor.
 */
#include "alloc.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

static unsigned armed_kth, asked;
static bool armed, armed_sticky;
static long live;

void alloc_arm(unsigned kth, bool sticky)
{
    armed_kth = kth;
    armed_sticky = sticky;
    asked = 0;
    armed = true;
}

unsigned alloc_disarm(void)
{
    armed = false;
    return asked;
}

long alloc_live(void)
{
    return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

#ifdef SANITIZED

bool alloc_is_ours(void)
{
    return false;
}

#else

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

bool alloc_is_ours(void)
{
    return true;
}

/* The program under test is single-threaded while it is armed; before and after, threads may be. */
static bool is_to_fail(void)
{
    if (!armed)
        return false;
    asked++;
    if (armed_kth == 0 || asked < armed_kth || (asked > armed_kth && !armed_sticky))
        return false;
    errno = ENOMEM;
    return true;
}

static void *given(void *block)
{
    if (block != NULL)
        __atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
    return block;
}

void *malloc(size_t size)
{
    return is_to_fail() ? NULL : given(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return is_to_fail() ? NULL : given(__libc_calloc(count, size));
}

void free(void *block)
{
    if (block != NULL)
        __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
    __libc_free(block);
}

void *realloc(void *block, size_t size)
{
    if (block == NULL)
        return malloc(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    return is_to_fail() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return is_to_fail() ? NULL : given(__libc_memalign(alignment, size));
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *block = aligned_alloc(alignment, size);
    if (block == NULL)
        return ENOMEM;
    *ret = block;
    return 0;
}

#endif
