/* SPDX-License-Identifier: MIT */
/*
 * What Linux has of the program that we are a guest of, and its C library's words.
 *
 * Room os. Invariant: as posix_host.c.
 */
#include "host.h"

#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os.h"

extern char **environ;

char *const *bd_os_host_environ(void)
{
    return environ;
}

uint64_t bd_os_host_highest_nofile(uint64_t hard)
{
    return hard;
}

const char *bd_os_error_words(int code)
{
#if defined(__GLIBC__)
    const char *words =
        strerrordesc_np(code); /* since 2.32; strerror(3) is not thread-safe there */
#else
    const char *words = strerror(code);
    if (strcmp(words, strerror(INT_MAX)) == 0)
        words = NULL;
#endif
    return words;
}

const char *bd_os_limit_words(int32_t resource)
{
    static const char *const names[] = {
        [RLIMIT_AS] = "limit as",           [RLIMIT_CORE] = "limit core",
        [RLIMIT_CPU] = "limit cpu",         [RLIMIT_DATA] = "limit data",
        [RLIMIT_FSIZE] = "limit fsize",     [RLIMIT_LOCKS] = "limit locks",
        [RLIMIT_MEMLOCK] = "limit memlock", [RLIMIT_MSGQUEUE] = "limit msgqueue",
        [RLIMIT_NICE] = "limit nice",       [RLIMIT_NOFILE] = "limit nofile",
        [RLIMIT_NPROC] = "limit nproc",     [RLIMIT_RSS] = "limit rss",
        [RLIMIT_RTPRIO] = "limit rtprio",   [RLIMIT_RTTIME] = "limit rttime",
        [RLIMIT_STACK] = "limit stack",     [RLIMIT_SIGPENDING] = "limit sigpending",
    };
    bool known = resource >= 0 && (size_t)resource < sizeof names / sizeof names[0];
    return known && names[resource] ? names[resource] : "limit of an unknown resource";
}
