/* SPDX-License-Identifier: MIT */
/*
 * One new process, or none: reserve, one system call, learn how far it came.
 *
 * Room os. The rungs, tried from the top: shared memory by clone3(2), shared by clone(2) (a filter
 * such as Docker's refuses clone3), copied memory by the same two. Every one gives the process and
 * its pidfd together, with exit signal 0: a start that fails sends no SIGCHLD, and no waitpid(-1)
 * elsewhere can take it. Invariant: all signals are blocked in this thread while the process is
 * made, so no handler runs in it.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "linux_abi.h"
#include "linux_child.h"
#include "linux_entry.h"
#include "linux_probe.h"
#include "linux_signals.h"

enum { RECORD_BYTES = 4096, WORD_SLICE_MS = 50 };

/* ------------------------------------------------------------------ reserve */

static struct os_record *shared_page(void)
{
    void *page =
        mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

int bd_os_launch_prepare(struct os_launch *launch)
{
    bd_os_park_sweep();
    launch->pid = -1;
    launch->pidfd = -1;
    launch->shared = bd_os_probe_shares_memory();
    launch->spare_fd = -1;
    int lowest_fd = -1;
    if (launch->reads_dispositions)
        launch->ignored_known = bd_os_signals_ignored(&launch->ignored, &lowest_fd);
    if (lowest_fd < 0)
        lowest_fd = bd_os_is_open(0) && bd_os_is_open(1) && bd_os_is_open(2) ? OS_LOWEST_FD : 0;
    launch->holds_number = lowest_fd < OS_LOWEST_FD;

    launch->block = bd_os_block_take();
    if (!launch->block)
        return -ENOMEM;
    /* A process with memory of its own reports through a page that both see. */
    launch->record =
        launch->shared ? (struct os_record *)bd_os_block_top(launch->block) - 1 : shared_page();
    if (!launch->record) {
        bd_os_launch_done(launch);
        return -ENOMEM;
    }
    return 0;
}

void bd_os_launch_done(struct os_launch *launch)
{
    if (launch->record && !launch->shared)
        (void)munmap(launch->record, RECORD_BYTES);
    launch->record = NULL;
    bd_os_block_give(launch->block);
    launch->block = NULL;
}

/* ------------------------------------------------------------------ launch */

/* A start with a bound leaves CLONE_VFORK out: a vfork wait cannot be ended, not even by killing
 * the process, while an exec hangs in the kernel. */
static uint64_t launch_flags(const struct os_launch *launch)
{
    uint64_t flags = CLONE_PIDFD;
    if (launch->shared)
        flags |= CLONE_VM | CLONE_CHILD_CLEARTID;
    if (!launch->start_timeout_ns)
        flags |= CLONE_VFORK;
    return flags;
}

static uintptr_t stack_top(const struct os_launch *launch)
{
    uintptr_t top =
        launch->shared ? (uintptr_t)launch->record : (uintptr_t)bd_os_block_top(launch->block);
    return top & ~(uintptr_t)63;
}

static long clone_by_3(struct os_launch *launch)
{
    uintptr_t bottom = (uintptr_t)launch->block;
    struct abi_clone_args args = {.flags = launch_flags(launch) | ABI_CLONE_CLEAR_SIGHAND,
                                  .pidfd = (uintptr_t)&launch->pidfd,
                                  .child_tid = (uintptr_t)&launch->record->word,
                                  .stack = bottom,
                                  .stack_size = stack_top(launch) - bottom};
    const long call[6] = {SYS_clone3, (long)(uintptr_t)&args, sizeof args, 0, 0, 0};
    launch->clears_handlers = true;
    return entry_clone(call, bd_os_child_main, launch);
}

static long clone_by_2(struct os_launch *launch)
{
    const long call[6] = ENTRY_CLONE2(launch_flags(launch), stack_top(launch), &launch->pidfd,
                                      &launch->record->word);
    launch->clears_handlers = false;
    return entry_clone(call, bd_os_child_main, launch);
}

static bool means_absent(long result)
{
    return result == -ENOSYS || result == -EPERM || result == -EINVAL;
}

static long clone_process(struct os_launch *launch)
{
    if (!bd_os_probe_lacks_clone3()) {
        long pid = clone_by_3(launch);
        if (!means_absent(pid))
            return pid;
    }
    long pid = bd_os_probe_clone_gives_pidfd();
    if (pid == 0)
        pid = clone_by_2(launch);
    /* Only now: a refusal of both says nothing about clone3. */
    if (pid > 0)
        bd_os_probe_note_clone3_lacking();
    return pid;
}

/* The kernel gives the pidfd the lowest free number. For a caller that runs with 0, 1 or 2 closed
 * that would be a standard stream, so a higher number is held for it: after the launch nothing may
 * fail. */
static int hold_number(struct os_launch *launch)
{
    int fd = bd_os_lift(eventfd(0, EFD_CLOEXEC)); /* anything that is a descriptor */
    if (fd < 0)
        return fd;
    launch->spare_fd = fd;
    return 0;
}

/* Neither call can fail for want of a number. */
static void settle_number(struct os_launch *launch)
{
    int pidfd = launch->pidfd;
    if (pidfd >= 0 && pidfd < OS_LOWEST_FD && launch->spare_fd >= 0 &&
        dup3(pidfd, launch->spare_fd, O_CLOEXEC) >= 0) {
        launch->pidfd = bd_os_take(&launch->spare_fd);
        bd_os_close(pidfd);
    }
    bd_os_close(bd_os_take(&launch->spare_fd));
}

int bd_os_launch_create(struct os_launch *launch)
{
    int result = launch->holds_number ? hold_number(launch) : 0;
    if (result < 0)
        return result;
    *launch->record = (struct os_record){.word = 1, .state = OS_STATE_NEW};
    launch->deadline_ns =
        launch->start_timeout_ns ? bd_os_now_ns() + launch->start_timeout_ns : OS_NEVER;
    launch->mask = bd_os_signals_block();
    long pid = clone_process(launch);
#ifndef BROOD_MUTANT_MASK_KEPT
    bd_os_signals_restore(launch->mask);
#endif
    if (pid < 0)
        launch->pidfd = -1; /* a kernel that fails late has written the number of what is gone */
    settle_number(launch);
    if (pid < 0)
        return (int)pid;
    launch->pid = (pid_t)pid;
    return 0;
}

/* ------------------------------------------------------------------ learn */

static bool process_has_ended(const struct os_launch *launch)
{
    return bd_os_exit_wait(launch->pidfd, 0) == 0;
}

/* exec turns the exit signal 0 of our new process into SIGCHLD before its point of no return, and
 * only children with SIGCHLD are found without __WALL. So: found means it has begun; not found, but
 * found with __WALL, means that it died before. Neither: somebody has reaped it already, which
 * before exec nobody could, or it was an ignored SIGCHLD. Asking changes nothing and cannot
 * race. */
static bool has_begun(const struct os_launch *launch)
{
#ifdef BROOD_MUTANT_WORD_IS_SUCCESS
    return launch->pid > 0;
#else
    siginfo_t info;
    int look = WEXITED | WNOHANG | WNOWAIT;
    if (waitid((idtype_t)ABI_P_PIDFD, (id_t)launch->pidfd, &info, look) == 0)
        return true;
    return waitid((idtype_t)ABI_P_PIDFD, (id_t)launch->pidfd, &info, look | ABI_WALL) < 0;
#endif
}

/* The word is 1 at first. Shared memory: the kernel clears it. Memory of its own: the process puts
 * its number there, and the kernel marks it (own_word() in linux_child.c). */
static bool word_has_changed(struct os_launch *launch, uint32_t *ret_word)
{
    struct os_record *record = launch->record;
    if (!launch->shared) {
        uint32_t unowned = 1, owned = (uint32_t)launch->pid | ABI_FUTEX_WAITERS;
        (void)__atomic_compare_exchange_n(&record->word, &unowned, owned, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE);
    }
    *ret_word = record->word;
    return launch->shared ? *ret_word == 0 : (*ret_word & ABI_FUTEX_OWNER_DIED) != 0;
}

/* Waits until the process has left the memory that it began in, by exec or by its end. In between
 * it asks in other ways: kernels before 5.17 leave the word alone after a core dump, and an
 * emulator may know no owned locks. False: the time is over. */
static bool has_left(struct os_launch *launch)
{
    if (!launch->start_timeout_ns)
        return true; /* clone itself has waited */
    uint32_t word;
    while (!word_has_changed(launch, &word)) {
        int64_t left_ns = launch->deadline_ns - bd_os_now_ns();
        if (left_ns <= 0)
            return process_has_ended(launch);
        int64_t slice_ns = WORD_SLICE_MS * INT64_C(1000000);
        struct timespec slice = {.tv_nsec = (long)(left_ns < slice_ns ? left_ns : slice_ns)};
        /* Not the private form: the kernel wakes it as a shared one. */
        long woken = syscall(SYS_futex, &launch->record->word, FUTEX_WAIT, word, &slice, NULL, 0);
        if (woken < 0 && (process_has_ended(launch) || (!launch->shared && has_begun(launch))))
            return true;
    }
    return true;
}

struct os_report bd_os_launch_learn(struct os_launch *launch)
{
    bool left = has_left(launch);
    const struct os_record *record = launch->record;
    int32_t state = __atomic_load_n(&record->state, __ATOMIC_ACQUIRE);
    struct os_report report = {
        .progress = OS_BEGAN, .step = record->step, .code = record->code, .choice = record->choice};

    if (state == OS_STATE_FAILED) {
        report.progress = OS_FAILED;
    } else if (!left) {
        report.progress = OS_TIMED_OUT;
    } else if (state != OS_STATE_EXECING || !has_begun(launch)) {
        bool late = launch->deadline_ns != OS_NEVER && bd_os_now_ns() >= launch->deadline_ns;
        report.progress = late ? OS_TIMED_OUT : OS_KILLED;
    }
    return report;
}

const char *bd_os_launch_rung(void)
{
    if (!bd_os_probe_shares_memory())
        return bd_os_probe_lacks_clone3() ? "copied memory, clone" : "copied memory, clone3";
    return bd_os_probe_lacks_clone3() ? "shared memory, clone" : "shared memory, clone3";
}
