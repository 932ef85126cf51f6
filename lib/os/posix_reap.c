/* SPDX-License-Identifier: MIT */
/*
 * Ends of processes, in the terms of the system's own file: looking now and then, groups, ending
 * one for good, and what could not be ended in time.
 *
 * Room os. Invariants: a group is hit only by the number of a leader that the caller knows to be
 * unreaped; what is set aside is tried again by every later launch.
 */
#include "reap.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

int bd_os_reap_wait_by_looking(struct os_process process, int64_t deadline_ns)
{
    int64_t pause_ns = OS_TICK_NS / 32;
    while (!bd_os_reap_sees_end(process)) {
        int64_t left_ns = deadline_ns - bd_os_now_ns();
        if (left_ns <= 0)
            return -ETIMEDOUT;
        bd_os_pause_ns(pause_ns < left_ns ? pause_ns : left_ns);
        pause_ns = pause_ns * 2 < OS_TICK_NS ? pause_ns * 2 : OS_TICK_NS;
    }
    return 0;
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

int bd_os_end(struct os_process process, int64_t deadline_ns, struct os_exit *ret)
{
    /* Refused or not: a new process that has failed ends by itself. */
    (void)bd_os_signal(process, SIGKILL);
    for (;;) {
        int result = bd_os_exit_wait(process, deadline_ns);
#ifdef BROOD_MUTANT_NO_REAP
        return result;
#endif
        if (result == 0)
            result = bd_os_exit_reap(process, deadline_ns, ret);
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
        int result = bd_os_exit_wait(parked->process, 0);
        if (result == 0)
            result = bd_os_exit_reap(parked->process, 0, &unused);
        if (result == -ETIMEDOUT || result == -EAGAIN) {
            bd_os_park(parked);
        } else {
            bd_os_process_close(parked->process);
            parked->free(parked->owner);
        }
        parked = next;
    }
}
