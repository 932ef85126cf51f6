/* SPDX-License-Identifier: MIT */
/*
 * Signal masks by the raw call: libc's version leaves out the two real-time signals that it uses
 * itself (cancellation and set*id in all threads), and their handlers must not run in a new process
 * that shares our memory either.
 *
 * Room os. Invariant: nothing here allocates or changes a disposition.
 */
#include "linux_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_abi.h"

uint64_t bd_os_signals_block(void)
{
    const uint64_t all = ~UINT64_C(0);
    uint64_t before = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, ABI_SIGSET_BYTES);
    return before;
}

void bd_os_signals_restore(uint64_t mask)
{
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, ABI_SIGSET_BYTES);
}

static bool parse_hex(const char *text, uint64_t *ret)
{
    uint64_t number = 0;
    int digits = 0;
    for (; digits < 16; digits++) {
        char c = text[digits];
        if (c >= '0' && c <= '9')
            number = number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        else
            break;
    }
    *ret = number;
    return digits > 0;
}

/* Three system calls on one small file, where asking for each of 64 signals would take 64. */
bool bd_os_signals_ignored(uint64_t *ret, int *ret_lowest_fd)
{
    char status[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    *ret_lowest_fd = fd;
    ssize_t length = read(fd, status, sizeof status - 1);
    (void)close(fd);
    if (length <= 0)
        return false;
    status[length] = '\0';
    const char *line = strstr(status, "\nSigIgn:\t"); /* a newline in Name: is escaped there */
    return line && parse_hex(line + strlen("\nSigIgn:\t"), ret);
}
