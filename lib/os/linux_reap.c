/* SPDX-License-Identifier: MIT */
/*
 * Ends of processes: waiting, reaping, signalling, all through the pidfd, or by the number of a
 * process that is still ours where the system has no pidfd or does not wait by one.
 *
 * Room os. Invariants: only that process is ever waited for or hit; a status that
 * somebody else took is asked of the kernel's own record (PIDFD_GET_INFO) or reported as lost;
 * after ECHILD no number is used.
 */
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux_abi.h"
#include "linux_probe.h"
#include "reap.h"

/* Before Linux 5.4, or behind a filter. Can go when the oldest supported kernel is 5.4. */
static bool is_refused(long result)
{
    return result == -EINVAL || result == -ENOSYS || result == -EPERM;
}

/* The raw call: libc's waitid(3) has no usage. */
static long wait_once(int type, int id, siginfo_t *info, int how, struct rusage *usage)
{
    long result;
    do {
        result = syscall(SYS_waitid, type, id, info, how | ABI_WALL, usage);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

/* By the pidfd, or by the number where that cannot be. */
static long wait_for(struct os_process process, siginfo_t *info, int how, struct rusage *usage)
{
    memset(info, 0, sizeof *info);
    if (process.pidfd >= 0 && !bd_os_probe_lacks_pidfd_wait()) {
        long result = wait_once(ABI_P_PIDFD, process.pidfd, info, how, usage);
        if (!is_refused(result))
            return result;
        bd_os_probe_note_pidfd_wait_lacking();
    }
    return process.pid > 0 ? wait_once(P_PID, process.pid, info, how, usage) : -ECHILD;
}

bool bd_os_reap_sees_end(struct os_process process)
{
    siginfo_t info;
    long result = wait_for(process, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
    return result < 0 || info.si_pid != 0;
}

/* A kernel that cannot wait by a pidfd may not be able to poll it either, and calls it ready. */
int bd_os_exit_wait(struct os_process process, int64_t deadline_ns)
{
    if (process.pidfd >= 0) {
        struct os_watch watch = {.fd = process.pidfd};
        int ready = bd_os_watch(&watch, 1, deadline_ns);
        if (ready <= 0)
            return ready < 0 ? ready : -ETIMEDOUT;
        if (!bd_os_probe_lacks_pidfd_wait())
            return 0;
    }
    return bd_os_reap_wait_by_looking(process, deadline_ns);
}

bool bd_os_exit_is_ours(struct os_process process)
{
    siginfo_t info;
    return wait_for(process, &info, WEXITED | WNOHANG | WNOWAIT, NULL) == 0;
}

static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000U + (uint64_t)time.tv_usec;
}

/* POLLHUP: the process has been reaped, and only then the kernel notes its status. */
static bool has_been_reaped(int pidfd)
{
    struct timespec now = {0};
    struct pollfd watch = {.fd = pidfd, .events = 0};
    return ppoll(&watch, 1, &now, NULL) > 0;
}

/* Somebody else takes the status. False: what there is to be known is in *ret; true: not yet. */
static bool may_be_told_later(int pidfd, struct os_exit *ret)
{
    struct abi_pidfd_info info = {.mask = ABI_PIDFD_INFO_EXIT};
    bool reaped = has_been_reaped(pidfd); /* first: what is not noted after that never will be */
    int result = ioctl(pidfd, ABI_PIDFD_GET_INFO, &info);
    if (result < 0 && errno != ESRCH)
        return false; /* before Linux 6.13 */
    if (result == 0 && (info.mask & ABI_PIDFD_INFO_EXIT)) {
        ret->lost = false;
        ret->wait_status = info.exit_code;
        return false;
    }
    return !reaped;
}

int bd_os_exit_reap(struct os_process process, int64_t give_up_ns, struct os_exit *ret)
{
    siginfo_t info;
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    *ret = (struct os_exit){.lost = true, .wait_status = -1};
    if (wait_for(process, &info, WEXITED | WNOHANG, &usage) < 0) {
        bool later = process.pidfd >= 0 && may_be_told_later(process.pidfd, ret);
        return later && bd_os_now_ns() < give_up_ns ? -EAGAIN : 0;
    }
    if (info.si_pid == 0)
        return -EAGAIN;
    *ret = (struct os_exit){.lost = false,
                            .has_usage = true,
                            .wait_status = status_of(&info),
                            .user_us = microseconds(usage.ru_utime),
                            .system_us = microseconds(usage.ru_stime),
                            .max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024};
    return 0;
}

int bd_os_signal(struct os_process process, int number)
{
    int error = ENOSYS;
    if (process.pidfd >= 0) {
        if (syscall(SYS_pidfd_send_signal, process.pidfd, number, NULL, 0) == 0)
            return 0;
        error = errno;
    }
    /* Before Linux 5.1, under valgrind, behind a filter, or without a pidfd: the number, which is
     * the process's as long as it is ours to reap. */
    if ((error == ENOSYS || error == EPERM) && process.pid > 1) {
        siginfo_t info;
        long result = wait_for(process, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
        if (result == 0)
            return kill(process.pid, number) < 0 ? -errno : 0;
        if (result == -EBADF)
            return -EBADF;
    }
    return -error;
}

void bd_os_process_close(struct os_process process)
{
    bd_os_close(process.pidfd);
}
