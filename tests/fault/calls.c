/* SPDX-License-Identifier: MIT */
/*
 * How each system call can really fail on Linux, read from the manual pages and the kernel's
 * sources: an errno that the kernel never gives there would only prove that a program does not
 * handle what cannot happen.
 *
 * Invariant: each row has errnos or a reason why there are none, never both. The first row that
 * fits a call counts, so narrower rows stand before wider ones.
 */
#include "calls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CODES = 8 };

struct row {
    int number;
    const char *name;
    int arg; /* this argument under `mask` must equal `value`; -1: any call of the number */
    uint64_t mask, value;
    int codes[CODES];
    const char *never;
    const char *path; /* openat: what is opened has this in it; NULL: anything */
};

#define WHOLE UINT64_MAX

static const char ONLY_READS[] = "reads what is there";
static const char ONLY_BAD_ARGUMENTS[] = "fails for wrong arguments only";
static const char OUTCOME_UNKNOWN[] = "a failure would leave unknown what was done";
static const char DOES_NOT_SLEEP[] = "WNOHANG: does not sleep, so nothing can interrupt it";
static const char OWN_PROCESS[] = "fails for a process of another user only";

#define ANY(call, ...)                                                                             \
    {                                                                                              \
        __NR_##call, #call, -1, 0, 0, {__VA_ARGS__}, NULL, NULL                                    \
    }
#define ARG(call, arg, value, ...)                                                                 \
    {                                                                                              \
        __NR_##call, #call, arg, WHOLE, value, {__VA_ARGS__}, NULL, NULL                           \
    }
#define PATH(call, path, ...)                                                                      \
    {                                                                                              \
        __NR_##call, #call, -1, 0, 0, {__VA_ARGS__}, NULL, path                                    \
    }
#define NEVER(call, why)                                                                           \
    {                                                                                              \
        __NR_##call, #call, -1, 0, 0, {0}, why, NULL                                               \
    }
#define NEVER_ARG(call, arg, mask, value, why)                                                     \
    {                                                                                              \
        __NR_##call, #call, arg, mask, value, {0}, why, NULL                                       \
    }

static const struct row rows[] = {
    /* processes */
    ARG(clone3, 1, CLONE_ARGS_SIZE_VER2, EBUSY, EOPNOTSUPP, EACCES, EAGAIN, ENOMEM, EMFILE),
    ANY(clone3, EAGAIN, ENOMEM, EMFILE),
    ANY(clone, EAGAIN, ENOMEM, EMFILE),
#ifdef __NR_fork
    ANY(fork, EAGAIN, ENOMEM),
    ANY(vfork, EAGAIN, ENOMEM),
#endif
    ANY(execve, ENOENT, EACCES, ENOMEM, E2BIG, EIO, ETXTBSY, ELIBBAD),
    ANY(execveat, ENOENT, EACCES, ENOMEM, E2BIG, EIO, ETXTBSY, ELIBBAD),
    NEVER_ARG(wait4, 2, WNOHANG, WNOHANG, DOES_NOT_SLEEP),
    ANY(wait4, EINTR),
    NEVER_ARG(waitid, 3, WNOHANG, WNOHANG, DOES_NOT_SLEEP),
    ANY(waitid, EINTR),
    ANY(setsid, EPERM),
    ANY(setpgid, EPERM, EACCES),
    ANY(pidfd_open, EMFILE, ENFILE, ENOMEM),
    NEVER(pidfd_send_signal, OWN_PROCESS),
    NEVER(kill, OWN_PROCESS),
    NEVER(tgkill, OWN_PROCESS),
    NEVER(getpid, ONLY_READS),
    NEVER(getppid, ONLY_READS),
    NEVER(gettid, ONLY_READS),
    NEVER(getpgid, ONLY_READS),
    NEVER(getsid, ONLY_READS),
    NEVER(getuid, ONLY_READS),
    NEVER(geteuid, ONLY_READS),
    NEVER(getgid, ONLY_READS),
    NEVER(getegid, ONLY_READS),
    NEVER(prctl, ONLY_BAD_ARGUMENTS),
    NEVER(sched_yield, "never fails"),
    NEVER(set_robust_list, ONLY_BAD_ARGUMENTS),
    NEVER(set_tid_address, "never fails"),
    NEVER(rseq, ONLY_BAD_ARGUMENTS),
#ifdef __NR_arch_prctl
    NEVER(arch_prctl, ONLY_BAD_ARGUMENTS),
#endif

    /* memory */
    ANY(mmap, ENOMEM),
    ANY(mprotect, ENOMEM),
    ANY(mremap, ENOMEM),
    NEVER(brk, "fails by its value, not by an errno; allocations have a sweep of their own"),
    NEVER(munmap, OUTCOME_UNKNOWN),
    NEVER(madvise, "only advice"),
    NEVER(membarrier, ONLY_BAD_ARGUMENTS),

    /* descriptors */
    ANY(pipe2, EMFILE, ENFILE),
    ANY(socketpair, EMFILE, ENFILE, ENOBUFS),
    ANY(socket, EMFILE, ENFILE, ENOBUFS),
    ANY(memfd_create, EMFILE, ENFILE, ENOMEM),
    PATH(openat, "/dev/ptmx", EMFILE, ENFILE, ENOSPC, EACCES, ENOENT),
    PATH(openat, "/dev/tty", ENXIO, EMFILE, ENFILE, EACCES),
    ANY(openat, EMFILE, ENFILE, EACCES, ENOENT),
    ANY(openat2, EMFILE, ENFILE, EACCES, ENOENT),
#ifdef __NR_open
    ANY(open, EMFILE, ENFILE, EACCES, ENOENT),
    ANY(pipe, EMFILE, ENFILE),
    ANY(dup2, ENOMEM, EBUSY),
    ANY(poll, EINTR, ENOMEM),
    ANY(epoll_wait, EINTR),
    ANY(stat, ENOENT, EACCES),
    ANY(lstat, ENOENT, EACCES),
    ANY(access, ENOENT, EACCES),
    ANY(readlink, ENOENT, EACCES),
    ANY(unlink, ENOENT, EACCES),
    ANY(mkdir, ENOSPC, EACCES),
#endif
    ANY(dup, EMFILE),
    ANY(dup3, ENOMEM, EBUSY),
    ARG(fcntl, 1, F_DUPFD, EMFILE),
    ARG(fcntl, 1, F_DUPFD_CLOEXEC, EMFILE),
    ARG(fcntl, 1, F_ADD_SEALS, EBUSY),
    ARG(fcntl, 1, F_SETPIPE_SZ, EPERM, ENOMEM),
    NEVER(fcntl, ONLY_BAD_ARGUMENTS),
    ANY(close_range, ENOSYS, EINVAL, EPERM),
    NEVER(close, OUTCOME_UNKNOWN),
    ANY(eventfd2, EMFILE, ENFILE, ENOMEM),
    ANY(timerfd_create, EMFILE, ENFILE, ENOMEM),
    NEVER(timerfd_settime, ONLY_BAD_ARGUMENTS),
    ANY(signalfd4, EMFILE, ENFILE, ENOMEM),
    ANY(epoll_create1, EMFILE, ENFILE, ENOMEM),
    ANY(epoll_ctl, ENOMEM, ENOSPC),
    ANY(epoll_pwait, EINTR),

    /* data */
    ANY(read, EINTR, EIO),
    ANY(readv, EINTR, EIO),
    ANY(pread64, EINTR, EIO),
    ANY(write, EINTR, ENOSPC, EACCES, EBUSY),
    ANY(writev, EINTR, ENOSPC),
    ANY(pwrite64, EINTR, ENOSPC),
    ANY(pwritev2, EOPNOTSUPP, EINTR),
    ANY(recvfrom, EINTR, ENOMEM),
    ANY(recvmsg, EINTR, ENOMEM),
    ANY(sendto, EINTR, ENOBUFS),
    ANY(sendmsg, EINTR, ENOBUFS),
    ANY(ppoll, EINTR, ENOMEM),
    ANY(splice, EINTR, ENOMEM),
    ANY(ftruncate, EINTR, ENOSPC),
    ANY(fallocate, EINTR, ENOSPC),
    NEVER(lseek, ONLY_BAD_ARGUMENTS),
    NEVER(shutdown, ONLY_BAD_ARGUMENTS),
    NEVER(getsockopt, ONLY_BAD_ARGUMENTS),
    NEVER(setsockopt, ONLY_BAD_ARGUMENTS),
    NEVER_ARG(ioctl, 1, WHOLE, TIOCGPTN, ONLY_READS),
    ARG(ioctl, 1, TIOCSPTLCK, EACCES, EIO),
    ARG(ioctl, 1, TIOCGPTPEER, EMFILE, ENOMEM, EACCES, EIO, EINVAL),
    ARG(ioctl, 1, TIOCSWINSZ, EACCES, EIO),
    ARG(ioctl, 1, TIOCSCTTY, EPERM, EACCES, EIO),
    ARG(ioctl, 1, TIOCGPGRP, ENOTTY, EACCES, EIO),
    ARG(ioctl, 1, TIOCSPGRP, EPERM, ENOTTY, EACCES, EIO),
    NEVER(ioctl, "its errnos are each driver's own"),

    /* names */
    ANY(chdir, ENOENT, EACCES),
    ANY(fchdir, ENOENT, EACCES),
    ANY(getcwd, ENOENT),
    ANY(newfstatat, ENOENT, EACCES),
    ANY(statx, ENOENT, EACCES),
    ANY(faccessat, ENOENT, EACCES),
    ANY(faccessat2, ENOENT, EACCES),
    ANY(readlinkat, ENOENT, EACCES),
    ANY(getdents64, ENOENT),
    ANY(mkdirat, ENOSPC, EACCES),
    ANY(unlinkat, ENOENT, EACCES),
    NEVER(fstat, ONLY_BAD_ARGUMENTS),
    ANY(fstatfs, EIO, EACCES),
    NEVER(umask, "never fails"),

    /* signals and time */
    NEVER(rt_sigaction, ONLY_BAD_ARGUMENTS),
    NEVER(rt_sigprocmask, ONLY_BAD_ARGUMENTS),
    NEVER(rt_sigpending, ONLY_BAD_ARGUMENTS),
    NEVER(rt_sigtimedwait, "EAGAIN and EINTR are its normal answers"),
    NEVER(sigaltstack, ONLY_BAD_ARGUMENTS),
    ANY(timer_create, EAGAIN, ENOMEM),
    NEVER(timer_settime, ONLY_BAD_ARGUMENTS),
    NEVER(timer_delete, ONLY_BAD_ARGUMENTS),
    ANY(nanosleep, EINTR),
    ANY(clock_nanosleep, EINTR),
    NEVER(clock_gettime, ONLY_BAD_ARGUMENTS),
    ARG(futex, 1, FUTEX_WAIT, EINTR, EAGAIN),
    ARG(futex, 1, FUTEX_WAIT_PRIVATE, EINTR, EAGAIN),
    ARG(futex, 1, FUTEX_WAIT_BITSET, EINTR, EAGAIN),
    ARG(futex, 1, FUTEX_WAIT_BITSET_PRIVATE, EINTR, EAGAIN),
    NEVER(futex, ONLY_BAD_ARGUMENTS),

    /* limits and identity */
    NEVER_ARG(prlimit64, 2, WHOLE, 0, ONLY_READS),
    ANY(prlimit64, EPERM),
    NEVER(getrlimit, ONLY_READS),
    ANY(setrlimit, EPERM),
    ANY(setpriority, EACCES, EPERM),
    NEVER(getpriority, ONLY_READS),
    NEVER(sched_getaffinity, ONLY_READS),
    ANY(sched_setaffinity, EINVAL),
    ANY(setresuid, EAGAIN, EPERM, EINVAL),
    ANY(setresgid, EPERM, EINVAL),
    ANY(setgroups, EPERM, ENOMEM, EINVAL),
    NEVER(getresuid, ONLY_READS),
    NEVER(getresgid, ONLY_READS),
    NEVER(getgroups, ONLY_READS),
    NEVER(getrandom, "EINTR before the first seeding only"),
    NEVER(getrusage, ONLY_READS),
    NEVER(uname, ONLY_READS),
    NEVER(sysinfo, ONLY_READS),
};

enum { ROWS = sizeof rows / sizeof *rows };

static const struct row *find(const struct inject_call *call)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].number == call->number &&
            (rows[i].arg < 0 || (call->args[rows[i].arg] & rows[i].mask) == rows[i].value) &&
            (rows[i].path == NULL || strstr(call->path, rows[i].path) != NULL))
            return &rows[i];
    return NULL;
}

int calls_codes(const struct inject_call *call, unsigned choice)
{
    const struct row *row = find(call);
    if (row == NULL || row->never != NULL)
        return -1;
    return choice < CODES ? row->codes[choice] : 0;
}

const char *calls_never(const struct inject_call *call)
{
    const struct row *row = find(call);
    return row != NULL ? row->never : NULL;
}

bool calls_known(const struct inject_call *call)
{
    return find(call) != NULL;
}

const char *calls_name(int number)
{
    static char unknown[24];
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].number == number)
            return rows[i].name;
    snprintf(unknown, sizeof unknown, "call-%d", number);
    return unknown;
}

int calls_number(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].number;
    return -1;
}

#ifndef __GLIBC__
/* Other C libraries keep the names to themselves: those that tests speak of. */
static const char *strerrorname_np(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {{EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EINTR, "EINTR"},   {EIO, "EIO"},
                 {EBADF, "EBADF"},   {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"},
                 {EINVAL, "EINVAL"}, {ENFILE, "ENFILE"}, {EMFILE, "EMFILE"}, {ENOSYS, "ENOSYS"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return NULL;
}
#endif

const char *calls_errno_name(int code)
{
    const char *name = strerrorname_np(code);
    return name != NULL ? name : "no errno";
}

int calls_errno(const char *name)
{
    for (int code = 1; code < 134; code++) {
        const char *known = strerrorname_np(code);
        if (known != NULL && strcmp(known, name) == 0)
            return code;
    }
    return 0;
}
