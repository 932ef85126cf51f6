/* SPDX-License-Identifier: MIT */
/*
 * One new process on macOS, or none: reserve, fork, learn how far it came.
 *
 * Room os. One way for every plan: fork(2), a record in a page that both sides see, and the
 * kernel's own word for "it has called exec". Invariants: all signals are blocked in this thread
 * while the process is made, so no handler runs in it; what can fail is had before there is a
 * process; a detached process is made, learned of and, if it fails, reaped by a process in the
 * middle, so that it is nobody's zombie. Handlers of pthread_atfork(3) do run: this system has no
 * fork without them.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "darwin_child.h"
#include "darwin_learn.h"
#include "darwin_queue.h"
#include "os.h"

enum { KILL_BOUND_MS = 10000 };

static const struct os_process nobody = {-1, -1};

/* ------------------------------------------------------------------ reserve */

int bd_os_launch_prepare(struct os_launch *launch)
{
    bd_os_park_sweep();
    launch->process = launch->middle = nobody;
    launch->wake[0] = launch->wake[1] = -1;
    launch->spare_fd = -1;
    launch->way = OS_BY_FORK;
    void *page =
        mmap(NULL, sizeof *launch->record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (page == MAP_FAILED)
        return -ENOMEM;
    launch->record = page;
    return 0;
}

void bd_os_launch_done(struct os_launch *launch)
{
    if (launch->record)
        (void)munmap(launch->record, sizeof *launch->record);
    launch->record = NULL;
}

/* ------------------------------------------------------------------ launch */

/* As the contract keeps a mask: bit n - 1 is signal n. */
static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits = 0;
    for (int number = 1; number < NSIG && number <= OS_SIGNALS; number++)
        if (sigismember(set, number) == 1)
            bits |= UINT64_C(1) << (number - 1);
    return bits;
}

static pid_t make_process(struct os_launch *launch)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    launch->mask = bits_of(&before);
    *launch->record = (struct os_record){.state = OS_STATE_NEW};
    pid_t pid = fork();
    if (pid == 0 && launch->detached)
        bd_os_child_middle(launch);
    if (pid == 0)
        bd_os_child_main(launch);
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? -error : pid;
}

int bd_os_launch_create(struct os_launch *launch)
{
    int queue = bd_os_queue_open(); /* what stands for a pidfd */
    if (queue < 0)
        return queue;
    launch->deadline_ns =
        launch->start_timeout_ns ? bd_os_now_ns() + launch->start_timeout_ns : OS_NEVER;
    pid_t pid = make_process(launch);
    if (pid < 0) {
        bd_os_close(queue);
        return pid;
    }
    struct os_process process = {pid, queue};
    /* Without the event it is looked for now and then: no reason to give up a process. */
    if (bd_os_queue_attach(process) < 0)
        bd_os_close(bd_os_take(&process.pidfd));
    *(launch->detached ? &launch->middle : &launch->process) = process;
    return 0;
}

/* ------------------------------------------------------------------ learn */

static int reap_middle(struct os_process middle, int64_t deadline_ns, struct os_exit *ret)
{
    int result = bd_os_exit_wait(middle, deadline_ns);
    while (result == 0 && bd_os_exit_reap(middle, 0, ret) == -EAGAIN) {
        if (bd_os_now_ns() >= deadline_ns)
            return -ETIMEDOUT;
        bd_os_pause_ns(OS_TRACED_PAUSE_NS);
    }
    return result;
}

/* Somebody has killed the one in the middle: then the new process is asked after directly, if it
 * has begun to be. One that is gone already was most likely killed as well. */
static struct os_report learn_of_orphan(struct os_launch *launch)
{
    pid_t pid = bd_os_learn_abandon(launch->record);
    struct os_report report = {.progress = OS_KILLED, .step = launch->record->step};
    if (pid > 1 && !bd_os_learn_is_gone(pid)) {
        launch->process.pid = pid;
        report = bd_os_learn(launch, pid);
        if (report.progress == OS_BEGAN && bd_os_learn_is_gone(pid))
            report.progress = OS_KILLED;
    }
    return report;
}

/* Of a detached process no descriptor tells, and its number may be somebody else's soon: once it
 * has begun it is let alone. */
static struct os_report learn_from_middle(struct os_launch *launch)
{
    const struct os_record *record = launch->record;
    struct os_exit end;
    bool bounded = launch->deadline_ns != OS_NEVER;
    int64_t bound_ns = bounded ? launch->deadline_ns + KILL_BOUND_MS * INT64_C(1000000) : OS_NEVER;
    if (reap_middle(launch->middle, bound_ns, &end) < 0)
        return (struct os_report){.progress = OS_TIMED_OUT, .step = record->step};
    bd_os_process_close(launch->middle);
    launch->middle = nobody;
    if (!__atomic_load_n(&record->verdict, __ATOMIC_ACQUIRE))
        return learn_of_orphan(launch);
    if (record->pid < 0)
        return (struct os_report){.progress = OS_FAILED, .step = -1, .code = -record->pid};
    launch->process.pid = record->pid;
    return record->report;
}

struct os_report bd_os_launch_learn(struct os_launch *launch)
{
    return launch->detached ? learn_from_middle(launch) : bd_os_learn(launch, launch->process.pid);
}

/* ------------------------------------------------------------------ take back */

/* It is not ours to reap: whoever takes in orphans does that. Hit by its number as long as that is
 * seen to be the very process, born when it says, on its way to exec still. */
static int end_orphan(const struct os_record *record, int64_t deadline_ns)
{
    while (bd_os_learn_is_on_its_way(record)) {
        (void)kill(__atomic_load_n(&record->pid, __ATOMIC_SEQ_CST), SIGKILL);
        if (bd_os_now_ns() >= deadline_ns)
            return -ETIMEDOUT;
        bd_os_pause_ns(OS_TICK_NS);
    }
    return 0;
}

static int end_detached(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret)
{
    const struct os_record *record = launch->record;
    bool has_verdict = __atomic_load_n(&record->verdict, __ATOMIC_ACQUIRE) != 0;
    *ret = has_verdict ? record->end : (struct os_exit){.lost = true};
    if (launch->middle.pid <= 0)
        return has_verdict ? 0 : end_orphan(record, deadline_ns);
    /* It ends as soon as the process does that it has killed. */
    launch->process = launch->middle;
    launch->middle = nobody;
    return reap_middle(launch->process, deadline_ns, ret);
}

int bd_os_launch_end(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret)
{
    int result = launch->detached ? end_detached(launch, deadline_ns, ret)
                                  : bd_os_end(launch->process, deadline_ns, ret);
    if (result < 0)
        return result;
    bd_os_process_close(launch->process);
    launch->process = nobody;
    return 0;
}

/* ------------------------------------------------------------------ what is to be said */

bool bd_os_launch_gave_terminal(const struct os_launch *launch)
{
    return launch->record && launch->record->gave_terminal;
}

const char *bd_os_launch_rung(bool owns_memory)
{
    (void)owns_memory; /* every process here does */
    return "portable, fork";
}

int bd_os_cgroup_open(const char *path, int *ret)
{
    (void)path;
    *ret = -1;
    return -ENOTSUP;
}
