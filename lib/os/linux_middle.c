/* SPDX-License-Identifier: MIT */
/*
 * The caller's side of a detached start: what the process in the middle has seen to, and what is
 * left to do when somebody has killed it.
 *
 * Room os. Invariant: when a start has failed, whatever the one in the middle has made is at its
 * end before the memory that it may use is given back; a number is used only for what is known to
 * have it.
 */
#include "linux_middle.h"

#include <errno.h>
#include <signal.h>

#include "linux_abi.h"
#include "linux_learn.h"
#include "linux_record.h"

enum { KILL_BOUND_MS = 10000, BIRTH_BOUND_MS = 2000, LOOK_NS = 1000000 };

/* ------------------------------------------------------------------ a death in the middle */

/* By fork: the report pipe, of which the caller has closed its own end, is open as long as the new
 * process is on its way. */
static bool has_let_go(const struct os_launch *launch)
{
    struct os_watch watch = {.fd = launch->wake[0]};
    return launch->way == OS_BY_FORK && bd_os_watch(&watch, 1, 0) != 0;
}

/* The number of the new process as it stands in the word before its first instruction, or by fork
 * soon after; 0 when it has left its memory; -1 when there is none. A pidfd alone proves nothing:
 * the kernel writes its number before it knows whether there will be a process. */
static int64_t number_of_orphan(const struct os_launch *launch)
{
    const struct os_record *record = launch->record;
    int64_t deadline_ns = bd_os_deadline_ns(BIRTH_BOUND_MS);
    while (record->word == OS_WORD_FIRST) {
        bool is_gone =
            launch->way == OS_BY_FORK ? has_let_go(launch) : !bd_os_is_open(record->pidfd);
        if (is_gone || bd_os_now_ns() >= deadline_ns)
            return -1;
        bd_os_pause_ns(LOOK_NS);
    }
    uint32_t word = record->word;
    return word & ABI_FUTEX_OWNER_DIED ? 0 : word & ABI_FUTEX_TID;
}

/* Without a pidfd its number is its own for as long as it holds its lock and the report pipe. */
static struct os_process find_orphan(struct os_launch *launch)
{
    if (launch->way != OS_BY_FORK && launch->record->pidfd < 0)
        return OS_NOBODY;
    int64_t number = number_of_orphan(launch);
    if (number < 0 || (launch->way == OS_BY_FORK && (number == 0 || has_let_go(launch))))
        return OS_NOBODY;
    int pidfd = launch->way == OS_BY_FORK ? -1 : launch->record->pidfd;
    return (struct os_process){(pid_t)number, pidfd};
}

/* By its pidfd; by the number only where that is refused, and while the process is seen to live. */
static void kill_orphan(struct os_process process)
{
    int result = -ENOSYS;
#ifdef BROOD_MUTANT_ORPHAN_LEFT
    return;
#endif
    if (process.pidfd >= 0)
        result = bd_os_signal(process, SIGKILL);
    if (result != -ENOSYS && result != -EPERM)
        return;
    if (process.pid > 1 && (process.pidfd < 0 || bd_os_exit_wait(process, 0) == -ETIMEDOUT))
        (void)kill(process.pid, SIGKILL);
}

/* exec loses the lock first, then the kernel's mark, then the pipe. */
static void wait_until_it_lets_go(const struct os_launch *launch)
{
    int64_t deadline_ns = bd_os_deadline_ns(BIRTH_BOUND_MS);
    while (!has_let_go(launch) && bd_os_now_ns() < deadline_ns)
        bd_os_pause_ns(LOOK_NS);
}

/* By fork the program may have begun, in the moment before the one in the middle could say so. */
static struct os_report learn_of_orphan(struct os_launch *launch)
{
    const struct os_record *record = launch->record;
    struct os_report report = {.progress = OS_KILLED, .step = record->step};
    launch->process = find_orphan(launch);
    if (launch->process.pid >= 0) {
        kill_orphan(launch->process); /* at once: it is on its way */
        return report;
    }
    if (launch->way != OS_BY_FORK || record->pid <= 0)
        return report;
    wait_until_it_lets_go(launch);
    if (record->state == OS_STATE_EXECING && bd_os_learn_has_execed(record->pid)) {
        launch->process.pid = record->pid;
        report.progress = OS_BEGAN;
    }
    return report;
}

/* ------------------------------------------------------------------ learn */

static int reap_middle(struct os_launch *launch, int64_t deadline_ns)
{
    struct os_exit unused;
    int result = bd_os_exit_wait(launch->middle, deadline_ns);
    while (result == 0 && bd_os_exit_reap(launch->middle, 0, &unused) == -EAGAIN) {
        if (bd_os_now_ns() >= deadline_ns)
            return -ETIMEDOUT;
        bd_os_pause_ns(OS_TRACED_PAUSE_NS);
    }
    if (result == 0) {
        bd_os_close(launch->middle.pidfd);
        launch->middle = OS_NOBODY;
    }
    return result;
}

/* The process in the middle has seen to everything; or somebody has killed it, or it has no end. */
struct os_report bd_os_middle_learn(struct os_launch *launch)
{
    const struct os_record *record = launch->record;
    bool bounded = launch->deadline_ns != OS_NEVER;
    int64_t bound_ns = bounded ? launch->deadline_ns + KILL_BOUND_MS * INT64_C(1000000) : OS_NEVER;
    bd_os_close(bd_os_take(&launch->wake[1])); /* the one in the middle waits for its end too */
    int result = reap_middle(launch, bound_ns);
    if (record->pid > 0)
        launch->process = (struct os_process){record->pid, record->pidfd};
    if (result < 0)
        return (struct os_report){.progress = OS_TIMED_OUT, .step = record->step};
    if (!record->verdict)
        return learn_of_orphan(launch);
    if (record->pid < 0)
        return (struct os_report){.progress = OS_FAILED, .step = -1, .code = -record->pid};
    return record->report;
}

/* ------------------------------------------------------------------ take back */

static bool has_left_memory(const struct os_launch *launch)
{
    if (launch->way == OS_BY_FORK)
        return has_let_go(launch) || (launch->record->word & ABI_FUTEX_OWNER_DIED);
    return !launch->shared || launch->record->word == 0;
}

/* Whoever takes in orphans reaps it. That may be the caller. */
static int end_orphan(const struct os_launch *launch, int64_t deadline_ns)
{
    int result = 0;
    struct os_exit unused;
    if (launch->process.pid < 0)
        return 0;
#ifdef BROOD_MUTANT_ORPHAN_LEFT
    return 0;
#endif
    bool is_ours = bd_os_exit_is_ours(launch->process);
    if (launch->process.pidfd >= 0 || !has_left_memory(launch))
        kill_orphan(launch->process);
    if (launch->process.pidfd >= 0)
        result = bd_os_exit_wait(launch->process, deadline_ns);
    while (result == 0 && !has_left_memory(launch)) {
        if (bd_os_now_ns() >= deadline_ns)
            result = -ETIMEDOUT;
        bd_os_pause_ns(LOOK_NS);
    }
    if (is_ours)
        (void)bd_os_end(launch->process, deadline_ns, &unused);
    return result;
}

/* The one in the middle is held, by SIGSTOP or a tracer: its child is ended for it, since whatever
 * it says when it goes on, the start has failed by then. */
static int end_middle(struct os_launch *launch, int64_t deadline_ns)
{
    if (launch->process.pid > 0)
        kill_orphan(launch->process);
    int result = reap_middle(launch, deadline_ns);
    if (result < 0) {
        bd_os_close(bd_os_take(&launch->process.pidfd));
        launch->process = launch->middle;
        launch->middle = OS_NOBODY;
    }
    return result;
}

int bd_os_middle_end(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret)
{
    const struct os_record *record = launch->record;
    *ret = (struct os_exit){.lost = true};
    if (launch->middle.pid >= 0) {
        int result = end_middle(launch, deadline_ns);
        if (result < 0)
            return result;
    }
    if (!record->verdict || record->report.progress == OS_BEGAN)
        return end_orphan(launch, deadline_ns);
    *ret = record->end;
    return 0;
}
