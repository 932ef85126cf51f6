/* SPDX-License-Identifier: MIT */
/*
 * The new process, between clone and exec: a small interpreter of the plan's steps.
 *
 * Room os. It may share the maker's memory and its thread-local storage, with every other thread of
 * the maker running. Invariants: system calls by entry_call() only, no libc, no errno, no lock, no
 * allocation, no instrumentation; it writes to the shared record, to the steps that make a number,
 * to the free word of script_argv and to its own stack, nowhere else (the hook of a process with
 * memory of its own excepted); it never returns past bd_os_child_main().
 */
#include "linux_child.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <sys/resource.h>

#include "linux_abi.h"
#include "linux_entry.h"
#include "linux_learn.h"
#include "linux_make.h"
#include "linux_record.h"
#include "search_rule.h"

CHILD_CODE static _Noreturn void leave(void)
{
    for (;;)
        (void)ENTRY_CALL(SYS_exit_group, 127);
}

/* ------------------------------------------------------------------ exec */

CHILD_CODE static long try_exec(struct os_record *record, const struct os_exec *exec,
                                const char *path)
{
    record->state = OS_STATE_EXECING;
    ENTRY_FENCE();
    long result = ENTRY_CALL(SYS_execve, path, exec->argv, exec->env);
    if (result == -ENOEXEC && exec->script_argv) {
        exec->script_argv[1] = path;
        result = ENTRY_CALL(SYS_execve, exec->script_argv[0], exec->script_argv, exec->env);
    }
    record->state = OS_STATE_AT_STEP;
    return result;
}

/* As execvp(3): a name that may not be executed is what is reported in the end. */
CHILD_CODE static long run_program(struct os_record *record, const struct os_exec *exec)
{
    long last = -ENOENT;
    int refused = -1;
    for (size_t i = 0; i < exec->candidate_count; i++) {
        record->choice = (int32_t)i;
        last = try_exec(record, exec, exec->candidates[i]);
        if (last == -EACCES && refused < 0)
            refused = (int)i;
        if (!SEARCH_GOES_ON(last))
            return last;
    }
    if (refused < 0)
        return last;
    record->choice = refused;
    return -EACCES;
}

/* ------------------------------------------------------------------ the interpreter */

CHILD_CODE static long run_hook(const struct os_hook *hook)
{
    int result = hook->run(hook->user);
#ifdef BROOD_MUTANT_HOOK_IGNORED
    return 0;
#endif
    return result > 0 ? -result : result;
}

CHILD_CODE static long join_cgroup(const struct os_launch *launch, const struct os_step *step)
{
    if (launch->record->born_in_cgroup)
        return 0;
    return bd_os_child_write_file(step->data, "0", 1);
}

/* The steps about what the process is; the others are about its descriptors and the program. */
CHILD_CODE static long do_own_step(const struct os_launch *launch, const struct os_step *step)
{
    switch (step->op) {
    case OS_TIMER:
        return bd_os_child_timer(step);
    case OS_SESSION:
        return ENTRY_CALL(SYS_setsid, 0);
    case OS_GROUP:
        return ENTRY_CALL(SYS_setpgid, 0, step->from);
    case OS_CGROUP:
        return join_cgroup(launch, step);
    case OS_OOM:
        return bd_os_child_write_file("/proc/self/oom_score_adj", step->data, step->value);
    case OS_LIMIT:
        return bd_os_child_limit(step);
    case OS_UMASK:
        return ENTRY_CALL(SYS_umask, step->value);
    case OS_NICE:
        return ENTRY_CALL(SYS_setpriority, PRIO_PROCESS, 0, step->from);
    case OS_AFFINITY:
        return ENTRY_CALL(SYS_sched_setaffinity, 0, step->value, step->data);
    case OS_GROUPS:
        return ENTRY_CALL(SYS_setgroups, step->value, step->data);
    case OS_GID:
        return bd_os_child_set_id(1, step->value);
    case OS_UID:
        return bd_os_child_set_id(0, step->value);
    case OS_VERIFY:
        return bd_os_child_verify(step->data);
    case OS_TERMINAL:
        return ENTRY_CALL(SYS_ioctl, step->from, TIOCSCTTY, 0);
    case OS_FOREGROUND:
        return bd_os_child_foreground(launch);
    case OS_NO_NEW_PRIVS:
        return ENTRY_CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case OS_DISPOSITIONS:
        return bd_os_child_dispositions(launch, step);
    case OS_MASK:
        return bd_os_child_mask(launch, step);
    default:
        return -ENOSYS;
    }
}

CHILD_CODE static long do_step(const struct os_launch *launch, struct os_step *step)
{
    switch (step->op) {
    case OS_CHDIR:
        return ENTRY_CALL(SYS_chdir, step->data);
    case OS_FCHDIR:
        return ENTRY_CALL(SYS_fchdir, step->from);
    case OS_OPEN:
        return bd_os_child_open(launch, step);
    case OS_SAVE:
        return bd_os_child_save(launch, step);
    case OS_HIDE:
        return bd_os_child_hide();
    case OS_MOVE:
        return bd_os_child_move(launch, step);
    case OS_KEEP:
        return ENTRY_CALL(SYS_fcntl, step->from, F_SETFD, 0);
    case OS_CLOSE:
        return bd_os_child_close(launch, step);
    case OS_HOOK:
        return run_hook(step->data);
    case OS_EXEC:
        return run_program(launch->record, step->data);
    default:
        return do_own_step(launch, step);
    }
}

/* A process with memory of its own has no word that the kernel clears. But it can own a lock in the
 * shared page: when it execs or ends, the kernel marks the word and wakes who waits on it. What
 * this makes must stay where it is until then. */
CHILD_CODE static void own_word(const struct os_launch *launch, struct abi_robust_head *head,
                                struct abi_robust_list *lock)
{
    launch->record->word = (uint32_t)ENTRY_CALL(SYS_gettid, 0) | ABI_FUTEX_WAITERS;
    lock->next = &head->list;
    head->list.next = lock;
    head->futex_offset = (long)((intptr_t)&launch->record->word - (intptr_t)lock);
    head->pending = 0;
    (void)ENTRY_CALL(SYS_set_robust_list, head, sizeof *head);
}

/* Where it can wait for nothing else, the maker waits until this process closes its end of the
 * report pipe. It must lie where no move overwrites it. */
CHILD_CODE static long own_wake(struct os_launch *launch)
{
    (void)ENTRY_CALL(SYS_close, launch->wake[0]);
    launch->record->pid = (int32_t)ENTRY_CALL(SYS_getpid, 0);
    return bd_os_child_settle(launch, &launch->wake[1], launch->wake[1]);
}

CHILD_CODE static void fail(struct os_record *record, long result)
{
    record->code = (int32_t)-result;
    ENTRY_FENCE(); /* the code before the state: the maker reads them the other way round */
    record->state = OS_STATE_FAILED;
}

CHILD_CODE void bd_os_child_main(void *data)
{
    struct os_launch *launch = data;
    struct os_record *record = launch->record;
    struct abi_robust_head head;
    struct abi_robust_list lock;
    long result = 0;
    if (!launch->shared && (launch->start_timeout_ns || launch->way == OS_BY_FORK))
        own_word(launch, &head, &lock);
    if (launch->way == OS_BY_FORK)
        result = own_wake(launch);
    for (size_t i = 0; result >= 0 && i < launch->step_count; i++) {
        record->step = (int32_t)i;
        record->state = OS_STATE_AT_STEP;
        result = do_step(launch, &launch->steps[i]);
    }
    if (result < 0)
        fail(record, result);
    ENTRY_FENCE();
    leave();
}

/* The parent of a detached process, which makes it, sees it begin or ends it, and goes: then it is
 * the child of whoever takes in orphans. */
CHILD_CODE void bd_os_child_middle(void *data)
{
    struct os_launch *launch = data;
    struct os_record *record = launch->record;
    /* The first of a pid namespace takes all others with it when it goes. */
    record->pid =
        ENTRY_CALL(SYS_getpid, 0) == 1 ? -ENOTSUP : (int32_t)bd_os_make(launch, bd_os_child_main);
    if (record->pid > 0) {
        struct os_process process;
        process.pid = record->pid;
        process.pidfd = record->pidfd;
        record->report = bd_os_learn(launch, process);
        if (record->report.progress != OS_BEGAN)
            bd_os_learn_end(process, &record->end);
    }
    ENTRY_FENCE();
    record->verdict = 1;
    leave();
}

CHILD_CODE void bd_os_child_probe(void *flag)
{
    *(volatile int *)flag = 1;
    leave();
}
