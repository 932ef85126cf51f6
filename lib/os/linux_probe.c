/* SPDX-License-Identifier: MIT */
/*
 * Probe results: write-once atomics.
 *
 * Room os; one of the two places with global state that changes. Invariant: a value goes from
 * unknown to known once and says something about the kernel or its filter, so two threads that
 * probe at once write the same. Failures for want of memory or processes leave it unknown.
 */
#include "linux_probe.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux_cache.h"
#include "linux_abi.h"
#include "linux_child.h"
#include "linux_entry.h"
#include "linux_signals.h"
#include "os.h"

/* A build for the tests keeps the launch from its faster ways: 1 without clone3, 2 without sharing,
 * 3 by fork alone. */
#ifndef BROOD_RUNG_FLOOR
#define BROOD_RUNG_FLOOR 0
#endif

enum { UNKNOWN, YES, NO };

static atomic_int shares_memory;
static atomic_int gives_pidfd;
static atomic_int best_way = BROOD_RUNG_FLOOR == 1   ? OS_BY_CLONE
                             : BROOD_RUNG_FLOOR == 3 ? OS_BY_FORK
                                                     : OS_BY_CLONE3;
static atomic_bool lacks_pidfd_wait;
static atomic_bool lacks_nosignal;

/* After unshare(CLONE_NEWPID) the next process is the first of its namespace, and its end is that
 * of the namespace: a process that only finds something out must not be it. Until there is one,
 * the link leads nowhere (Linux 4.12). */
static bool begins_namespace(void)
{
    static const char path[] = "/proc/self/ns/pid_for_children";
    char where[32];
    struct stat status;
    return readlink(path, where, sizeof where) < 0 && errno == ENOENT && lstat(path, &status) == 0;
}

/* Of the same kind as what it takes in: compilers mix no instrumented code with other. */
CHILD_CODE static long make_probe(const long call[6], volatile int *flag)
{
    return entry_clone(call, bd_os_child_probe, (void *)(uintptr_t)flag);
}

/* Makes a process that writes to `flag` and exits, and reaps it. 0, or -errno when it could not be
 * made. SIGCHLD as its exit signal, since valgrind ends a program that uses any other here. */
static int run_probe(uint64_t flags, volatile int *flag, int *pidfd)
{
    struct os_block *block = bd_os_block_take();
    if (!block)
        return -ENOMEM;
    const long call[6] =
        ENTRY_CLONE2(flags | CLONE_VFORK | SIGCHLD, bd_os_block_top(block), pidfd, 0);
    uint64_t mask = bd_os_signals_block();
    long pid = make_probe(call, flag);
    int status;
    if (pid > 0)
        (void)waitpid((pid_t)pid, &status, ABI_WALL); /* signals are blocked: no EINTR */
    bd_os_signals_restore(mask);
    bd_os_block_give(block);
    return pid > 0 ? 0 : (int)pid;
}

bool bd_os_probe_shares_memory(void)
{
    if (BROOD_RUNG_FLOOR == 2)
        return false;
    int known = atomic_load_explicit(&shares_memory, memory_order_relaxed);
    if (known == UNKNOWN && begins_namespace())
        return false; /* not remembered: what works everywhere */
    if (known == UNKNOWN) {
        int unused = -1;
        volatile int flag = 0;
        int result = run_probe(CLONE_VM, &flag, &unused);
        if (result < 0 && result != -ENOSYS && result != -EPERM && result != -EINVAL)
            return true; /* pressure: the launch itself will tell */
        known = result == 0 && flag ? YES : NO;
        atomic_store_explicit(&shares_memory, known, memory_order_relaxed);
    }
    return known == YES;
}

/* Before 5.2 the kernel ignores the flag and would make a process without a pidfd. */
int bd_os_probe_clone_gives_pidfd(void)
{
    int known = atomic_load_explicit(&gives_pidfd, memory_order_relaxed);
    if (known == UNKNOWN && begins_namespace())
        return -ENOSYS;
    if (known == UNKNOWN) {
        int pidfd = -1;
        volatile int flag = 0;
        int result = run_probe(CLONE_VM | CLONE_PIDFD, &flag, &pidfd);
        if (result < 0)
            return result; /* pressure is not remembered */
        known = pidfd >= 0 ? YES : NO;
        bd_os_close(pidfd);
        atomic_store_explicit(&gives_pidfd, known, memory_order_relaxed);
    }
    return known == YES ? 0 : -ENOSYS;
}

enum os_way bd_os_probe_way(void)
{
    return (enum os_way)atomic_load_explicit(&best_way, memory_order_relaxed);
}

void bd_os_probe_note_way(enum os_way way)
{
    atomic_store_explicit(&best_way, (int)way, memory_order_relaxed);
}

bool bd_os_probe_lacks_pidfd_wait(void)
{
    return atomic_load_explicit(&lacks_pidfd_wait, memory_order_relaxed);
}

void bd_os_probe_note_pidfd_wait_lacking(void)
{
    atomic_store_explicit(&lacks_pidfd_wait, true, memory_order_relaxed);
}

bool bd_os_probe_lacks_nosignal(void)
{
    return atomic_load_explicit(&lacks_nosignal, memory_order_relaxed);
}

void bd_os_probe_note_nosignal_lacking(void)
{
    atomic_store_explicit(&lacks_nosignal, true, memory_order_relaxed);
}
