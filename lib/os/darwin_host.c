/* SPDX-License-Identifier: MIT */
/*
 * What macOS has of the program that we are a guest of, and its own words.
 *
 * Room os. Invariant: as posix_host.c.
 */
#include <crt_externs.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysctl.h>

#include "host.h"
#include "os.h"

/* A shared library has no `environ` of its own here. */
char *const *bd_os_host_environ(void)
{
    return *_NSGetEnviron();
}

/* The hard limit is no limit as a rule, but the kernel refuses more than this. */
uint64_t bd_os_host_highest_nofile(uint64_t hard)
{
    int most = 0;
    size_t size = sizeof most;
    if (sysctlbyname("kern.maxfilesperproc", &most, &size, NULL, 0) < 0 || most <= 0)
        most = OPEN_MAX;
    return hard < (uint64_t)most ? hard : (uint64_t)most;
}

/* The table itself: strerror(3) writes to memory that all threads share. */
const char *bd_os_error_words(int code)
{
    return code >= 0 && code < sys_nerr && sys_errlist[code] ? sys_errlist[code] : NULL;
}

const char *bd_os_limit_words(int32_t resource)
{
    static const char *const names[] = {
        [RLIMIT_AS] = "limit as",         [RLIMIT_CORE] = "limit core",
        [RLIMIT_CPU] = "limit cpu",       [RLIMIT_DATA] = "limit data",
        [RLIMIT_FSIZE] = "limit fsize",   [RLIMIT_MEMLOCK] = "limit memlock",
        [RLIMIT_NOFILE] = "limit nofile", [RLIMIT_NPROC] = "limit nproc",
        [RLIMIT_STACK] = "limit stack",
    };
    bool known = resource >= 0 && (size_t)resource < sizeof names / sizeof names[0];
    return known && names[resource] ? names[resource] : "limit of an unknown resource";
}
