/* SPDX-License-Identifier: MIT */
/*
 * Ends of processes: waiting, reaping, signalling, all through the pidfd.
 *
 * Room os. Invariants: only the process behind the pidfd is ever waited for or hit; a status that
 * somebody else took is asked of the kernel's own record (PIDFD_GET_INFO) or reported as lost;
 * after ECHILD no number is used.
 */
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux_abi.h"

enum { PATIENCE_MS = 1000 };

static long wait_by_pidfd(int pidfd, siginfo_t *info, int how, struct rusage *usage)
{
    long result;
    do {
        /* The raw call: libc's waitid(3) has no usage. */
        result = syscall(SYS_waitid, ABI_P_PIDFD, pidfd, info, how | ABI_WALL, usage);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int bd_os_exit_wait(int pidfd, int64_t deadline_ns)
{
    struct os_watch watch = {.fd = pidfd};
    int ready = bd_os_watch(&watch, 1, deadline_ns);
    if (ready < 0)
        return ready;
    return ready ? 0 : -ETIMEDOUT;
}

bool bd_os_exit_is_ours(int pidfd)
{
    siginfo_t info;
    return wait_by_pidfd(pidfd, &info, WEXITED | WNOHANG | WNOWAIT, NULL) == 0;
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
static bool has_been_reaped(int pidfd, int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - bd_os_now_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
    struct pollfd watch = {.fd = pidfd, .events = 0};
    return ppoll(&watch, 1, &left, NULL) > 0;
}

/* Somebody else took the status. Theirs may still be on its way, so this waits a little. */
static void ask_the_kernel(int pidfd, struct os_exit *ret)
{
    int64_t deadline_ns = bd_os_deadline_ns(PATIENCE_MS);
    for (bool reaped = false; !reaped && ret->lost;) {
        struct abi_pidfd_info info = {.mask = ABI_PIDFD_INFO_EXIT};
        reaped = has_been_reaped(pidfd, 0);
        int result = ioctl(pidfd, ABI_PIDFD_GET_INFO, &info);
        if (result < 0 && errno != ESRCH)
            return; /* before Linux 6.13 */
        if (result == 0 && (info.mask & ABI_PIDFD_INFO_EXIT)) {
            ret->lost = false;
            ret->wait_status = info.exit_code;
        } else if (!reaped && !has_been_reaped(pidfd, deadline_ns)) {
            return;
        }
    }
}

int bd_os_exit_reap(int pidfd, struct os_exit *ret)
{
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    *ret = (struct os_exit){.lost = true, .wait_status = -1};
    if (wait_by_pidfd(pidfd, &info, WEXITED | WNOHANG, &usage) < 0) {
        ask_the_kernel(pidfd, ret);
        return 0;
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

int bd_os_signal(int pidfd, pid_t pid, int number)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == 0)
        return 0;
    /* Before Linux 5.1, under valgrind, or behind a filter: the number, which is the process's as
     * long as it is ours to reap. Can go when every tool knows the call. */
    int error = errno;
    if ((error == ENOSYS || error == EPERM) && pid > 1 && bd_os_exit_is_ours(pidfd))
        return kill(pid, number) < 0 ? -errno : 0;
    return -error;
}

int bd_os_signal_group(pid_t leader, int number)
{
    if (leader <= 1)
        return -EINVAL;
    return kill(-leader, number) < 0 ? -errno : 0;
}

bool bd_os_leads_group(pid_t pid)
{
    return getpgid(pid) == pid;
}

int bd_os_end(int pidfd, pid_t pid, int64_t deadline_ns, struct os_exit *ret)
{
    /* Refused or not: a new process that has failed ends by itself. */
    (void)bd_os_signal(pidfd, pid, SIGKILL);
    for (;;) {
        int result = bd_os_exit_wait(pidfd, deadline_ns);
#ifdef BROOD_MUTANT_NO_REAP
        return result;
#endif
        if (result == 0)
            result = bd_os_exit_reap(pidfd, ret);
        if (result != -EAGAIN || bd_os_now_ns() >= deadline_ns)
            return result == -EAGAIN ? -ETIMEDOUT : result;
        bd_os_pause_ns(OS_TRACED_PAUSE_NS);
    }
}

/* ------------------------------------------------------------------ set aside */

static _Atomic(struct os_parked *) parked_head;

void bd_os_park(struct os_parked *parked)
{
    parked->next = atomic_load(&parked_head);
    while (!atomic_compare_exchange_weak(&parked_head, &parked->next, parked))
        continue;
}

void bd_os_park_sweep(void)
{
    if (!atomic_load_explicit(&parked_head, memory_order_relaxed))
        return;
    struct os_parked *parked = atomic_exchange(&parked_head, NULL);
    while (parked) {
        struct os_parked *next = parked->next;
        struct os_exit unused;
        int result = bd_os_exit_wait(parked->pidfd, 0);
        if (result == 0)
            result = bd_os_exit_reap(parked->pidfd, &unused);
        if (result == -ETIMEDOUT || result == -EAGAIN) {
            bd_os_park(parked);
        } else {
            bd_os_close(parked->pidfd);
            parked->free(parked->owner);
        }
        parked = next;
    }
}
