/* SPDX-License-Identifier: MIT */
/*
 * Ends of processes on macOS: waiting by the queue, reaping and signalling by the number.
 *
 * Room os. Invariants: a number is used only while waitid(2) with WNOWAIT finds the process as ours
 * to reap, and the rooms above see to it that nobody else of ours reaps it meanwhile; a status that
 * a stranger took is taken from the kernel's event or reported as lost; after ECHILD no number is
 * used.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "darwin_queue.h"
#include "os.h"
#include "reap.h"

enum { LOOK_NS = 1000000000 };

/* Its status is taken by wait4(2), since what this fills in of a signalled process differs between
 * releases. */
static int look_at_end(pid_t pid, bool *ret_ended)
{
    siginfo_t info;
    int result;
    do {
        memset(&info, 0, sizeof info);
        result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (result < 0 && errno == EINTR);
    *ret_ended = result < 0 || info.si_pid != 0;
    return result < 0 ? -errno : 0;
}

bool bd_os_reap_sees_end(struct os_process process)
{
    bool ended = true;
    return process.pid <= 1 || look_at_end(process.pid, &ended) < 0 || ended;
}

bool bd_os_exit_is_ours(struct os_process process)
{
    bool unused;
    return process.pid > 1 && look_at_end(process.pid, &unused) == 0;
}

/* Now and then it looks as well: an event goes to a debugger alone while there is one. */
int bd_os_exit_wait(struct os_process process, int64_t deadline_ns)
{
    if (process.pidfd < 0)
        return bd_os_reap_wait_by_looking(process, deadline_ns);
    for (;;) {
        struct os_watch watch = {.fd = process.pidfd};
        int64_t slice_ns = bd_os_now_ns() + LOOK_NS;
        int ready = bd_os_watch(&watch, 1, slice_ns < deadline_ns ? slice_ns : deadline_ns);
        if (ready < 0)
            return ready;
        if (ready > 0 || bd_os_reap_sees_end(process))
            return 0;
        if (bd_os_now_ns() >= deadline_ns)
            return -ETIMEDOUT;
    }
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000U + (uint64_t)time.tv_usec;
}

/* The event of the end comes a moment before there is something to reap: -EAGAIN then too. */
int bd_os_exit_reap(struct os_process process, int64_t give_up_ns, struct os_exit *ret)
{
    (void)give_up_ns; /* a status that is not there at once never comes */
    struct rusage usage;
    int status = -1;
    pid_t found;
    *ret = (struct os_exit){.lost = true, .wait_status = -1};
    do {
        found = process.pid > 1 ? wait4(process.pid, &status, WNOHANG, &usage) : -1;
    } while (found < 0 && process.pid > 1 && errno == EINTR);
    if (found == 0)
        return -EAGAIN;
    if (found < 0) {
        ret->lost = !bd_os_queue_take_status(process, &ret->wait_status);
        return 0;
    }
    *ret = (struct os_exit){.has_usage = true,
                            .wait_status = status,
                            .user_us = microseconds(usage.ru_utime),
                            .system_us = microseconds(usage.ru_stime),
                            .max_rss_bytes = (uint64_t)usage.ru_maxrss}; /* bytes, here */
    return 0;
}

int bd_os_signal(struct os_process process, int number)
{
    if (!bd_os_exit_is_ours(process))
        return -ESRCH;
    return kill(process.pid, number) < 0 ? -errno : 0;
}
