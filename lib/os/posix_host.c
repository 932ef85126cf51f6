/* SPDX-License-Identifier: MIT */
/*
 * What the program that we are a guest of has: its environment and its limit of descriptors.
 *
 * Room os. Invariants: `environ` is read, never changed; the limit is changed by
 * bd_os_raise_nofile() only, and what it was before is remembered once, to be given back to
 * children.
 */
#include "host.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "os.h"

/* The soft limit before the first raise, written once, before `raised`. */
static _Atomic uint64_t soft_before;
static atomic_bool raised;

char *const *bd_os_environment(void)
{
    static char *const empty[] = {NULL};
    char *const *own = bd_os_host_environ();
    return own ? own : empty;
}

const char *bd_os_variable(char *const *env, const char *name)
{
    size_t length = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    return NULL;
}

uint64_t bd_os_soft_nofile(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : UINT64_MAX;
}

int64_t bd_os_raise_nofile(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    uint64_t before = limit.rlim_cur, highest = bd_os_host_highest_nofile(limit.rlim_max);
    if (before >= highest)
        return (int64_t)before;
    limit.rlim_cur = highest;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (!atomic_load(&raised)) {
        atomic_store(&soft_before, before);
        atomic_store(&raised, true);
    }
    return (int64_t)limit.rlim_cur;
}

bool bd_os_nofile_before(uint64_t *ret_soft, uint64_t *ret_hard)
{
    struct rlimit now;
    if (!atomic_load_explicit(&raised, memory_order_acquire) || getrlimit(RLIMIT_NOFILE, &now) < 0)
        return false;
    uint64_t soft = atomic_load(&soft_before);
    *ret_hard = now.rlim_max;
    *ret_soft = soft < now.rlim_max ? soft : now.rlim_max;
    return true;
}
