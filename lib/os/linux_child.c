/* SPDX-License-Identifier: MIT */
/*
 * The new process, between clone and exec: a small interpreter of the plan's steps.
 *
 * Room os. It may share the maker's memory and its thread-local storage, with every other thread of
 * the maker running. Invariants: system calls by entry_call() only, no libc, no errno, no lock, no
 * allocation, no instrumentation; it writes to the shared record, to the steps that make a number,
 * to the free word of script_argv and to its own stack, nowhere else; it never returns past
 * bd_os_child_main().
 */
#include "linux_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include "linux_abi.h"
#include "linux_entry.h"
#include "os.h"

#define CALL(number, ...) CALL_PADDED(number, __VA_ARGS__, 0, 0, 0, 0, 0)
#define CALL_PADDED(number, a, b, c, d, e, ...)                                                    \
    entry_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

enum { DIRECTORY_BYTES = 1024, FIRST_HIDDEN = 3, KILL_SIGNAL = 9, STOP_SIGNAL = 19 };

CHILD_CODE static _Noreturn void leave(void)
{
    for (;;)
        (void)CALL(SYS_exit_group, 127);
}

/* ------------------------------------------------------------------ descriptors */

/* A number that a later move will write to must not hold something that a later move reads. */
CHILD_CODE static int is_target(const struct os_launch *launch, long fd)
{
    if (fd < FIRST_HIDDEN)
        return 1;
    for (size_t i = 0; i < launch->target_count; i++)
        if (launch->targets[i] == fd)
            return 1;
    return 0;
}

/* Consumes fd; the number lands in the step, for the moves to use. */
CHILD_CODE static long settle_off_targets(const struct os_launch *launch, struct os_step *step,
                                          long fd)
{
    while (fd >= 0 && is_target(launch, fd)) {
        long higher = CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
        (void)CALL(SYS_close, fd);
        fd = higher;
    }
    if (fd < 0)
        return fd;
    step->to = (int32_t)fd;
    return 0;
}

CHILD_CODE static long open_file(const struct os_launch *launch, struct os_step *step)
{
    long fd = CALL(SYS_openat, AT_FDCWD, step->data, step->value | O_CLOEXEC, step->value2);
    return settle_off_targets(launch, step, fd);
}

CHILD_CODE static long number_of(const struct os_launch *launch, int32_t from)
{
    return from < -1 ? launch->steps[OS_MADE_STEP(from)].to : from;
}

CHILD_CODE static long save_descriptor(const struct os_launch *launch, struct os_step *step)
{
    long fd = CALL(SYS_fcntl, number_of(launch, step->from), F_DUPFD_CLOEXEC, FIRST_HIDDEN);
    return settle_off_targets(launch, step, fd);
}

/* The decimal number that a directory entry of /proc/self/fd is named by, or -1. */
CHILD_CODE static long entry_number(const char *name)
{
    long number = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): the kernel has written it */
    if (!*name)
        return -1;
    for (; *name; name++) {
        if (*name < '0' || *name > '9')
            return -1;
        number = number * 10 + (*name - '0');
    }
    return number;
}

/* Before Linux 5.11, or under a filter that refuses close_range(2): each descriptor by itself. Can
 * go when the oldest supported kernel is 5.11. Without /proc it refuses: a silent leak would be
 * worse. */
CHILD_CODE static long hide_each(void)
{
    _Alignas(struct abi_dirent) CHILD_ARRAY char entries[DIRECTORY_BYTES];
    long directory =
        CALL(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return directory;
    long bytes;
    while ((bytes = CALL(SYS_getdents64, directory, entries, sizeof entries)) > 0) {
        for (long at = 0; at < bytes;) {
            const struct abi_dirent *entry = (const void *)(entries + at);
            long fd = entry_number(entry->name);
            if (fd >= FIRST_HIDDEN)
                (void)CALL(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
            at += entry->length;
        }
    }
    (void)CALL(SYS_close, directory);
    return bytes;
}

CHILD_CODE static long hide_descriptors(void)
{
    long result = CALL(SYS_close_range, FIRST_HIDDEN, ~0U, ABI_CLOSE_RANGE_CLOEXEC);
    return result < 0 ? hide_each() : result;
}

/* dup3 and not dup2: equal numbers are a plan's error, not a silent success. */
CHILD_CODE static long move_descriptor(const struct os_launch *launch, const struct os_step *step)
{
    long result;
    do {
        result = CALL(SYS_dup3, number_of(launch, step->from), step->to, 0);
    } while (result == -EINTR || result == -EBUSY);
    return result < 0 ? result : 0;
}

/* ------------------------------------------------------------------ signals */

CHILD_CODE static long set_disposition(long number, uintptr_t handler)
{
    struct abi_sigaction action;
    action.handler = handler;
    action.flags = 0;
    action.restorer = 0;
    action.mask = 0;
    return CALL(SYS_rt_sigaction, number, &action, 0, ABI_SIGSET_BYTES);
}

/* Handlers are addresses in a program that exec throws away; what must be undone by hand is
 * SIG_IGN, which exec keeps. Handlers too where the kernel has not cleared them: one could run here
 * as soon as the mask opens. */
CHILD_CODE static long set_dispositions(const struct os_launch *launch, const struct os_step *step)
{
    enum { DEFAULT_HANDLER = 0, IGNORE_HANDLER = 1 };
    int keeps_all = step->value == ~UINT64_C(0);
    int known = launch->clears_handlers && (launch->ignored_known || keeps_all);
    for (long number = 1; number <= OS_SIGNALS; number++) {
        uint64_t bit = 1ULL << (number - 1);
        if (number == KILL_SIGNAL || number == STOP_SIGNAL)
            continue;
        if (step->value2 & bit) {
            long result = set_disposition(number, IGNORE_HANDLER);
            if (result < 0)
                return result;
            continue;
        }
        if (known) {
            if (!(launch->ignored & ~step->value & bit))
                continue;
        } else {
            struct abi_sigaction old;
            long result = CALL(SYS_rt_sigaction, number, 0, &old, ABI_SIGSET_BYTES);
            if (result < 0)
                return result;
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): by the kernel */
            if (old.handler == DEFAULT_HANDLER)
                continue;
            if (old.handler == IGNORE_HANDLER && (step->value & bit))
                continue;
        }
        long result = set_disposition(number, DEFAULT_HANDLER);
        if (result < 0)
            return result;
    }
    return 0;
}

CHILD_CODE static long set_mask(const struct os_launch *launch, const struct os_step *step)
{
    enum { SET_MASK = 2 };
    uint64_t mask = step->from ? launch->mask : 0;
    return CALL(SYS_rt_sigprocmask, SET_MASK, &mask, 0, ABI_SIGSET_BYTES);
}

/* ------------------------------------------------------------------ the other steps */

/* Armed first, so that a stalled exec ends even if the maker has died meanwhile. exec deletes
 * it. */
CHILD_CODE static long arm_timer(const struct os_step *step)
{
    enum { SIGNAL_NOTIFY = 0 };
    int32_t timer = 0;
    struct abi_sigevent event;
    event.value = 0;
    event.signal = KILL_SIGNAL;
    event.notify = SIGNAL_NOTIFY;
    for (unsigned i = 0; i < sizeof event.pad / sizeof event.pad[0]; i++)
        ((volatile int32_t *)event.pad)[i] = 0;
    long result = CALL(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
    if (result < 0)
        return result;
    struct abi_itimerspec when;
    when.interval.seconds = 0;
    when.interval.nanoseconds = 0;
    when.value.seconds = (int64_t)(step->value / 1000000000U);
    when.value.nanoseconds = (int64_t)(step->value % 1000000000U);
    return CALL(SYS_timer_settime, timer, 0, &when, 0);
}

CHILD_CODE static long set_limit(const struct os_step *step)
{
    struct abi_rlimit limit;
    limit.soft = step->value;
    limit.hard = step->value2;
    return CALL(SYS_prlimit64, 0, step->from, &limit, 0);
}

/* ------------------------------------------------------------------ exec */

CHILD_CODE static long try_exec(struct os_record *record, const struct os_exec *exec,
                                const char *path)
{
    record->state = OS_STATE_EXECING;
    ENTRY_FENCE();
    long result = CALL(SYS_execve, path, exec->argv, exec->env);
    if (result == -ENOEXEC && exec->script_argv) {
        exec->script_argv[1] = path;
        result = CALL(SYS_execve, exec->script_argv[0], exec->script_argv, exec->env);
    }
    record->state = OS_STATE_AT_STEP;
    return result;
}

/* execvp(3): a name that is not there lets the next directory try; a name that may not be executed
 * too, but is what is reported in the end; anything else ends the search. */
CHILD_CODE static long run_program(struct os_record *record, const struct os_exec *exec)
{
    long last = -ENOENT;
    int refused = -1;
    for (size_t i = 0; i < exec->candidate_count; i++) {
        record->choice = (int32_t)i;
        last = try_exec(record, exec, exec->candidates[i]);
        if (last == -EACCES && refused < 0)
            refused = (int)i;
        if (last != -EACCES && last != -ENOENT && last != -ENOTDIR && last != -ESTALE &&
            last != -ENODEV && last != -ETIMEDOUT)
            return last;
    }
    if (refused < 0)
        return last;
    record->choice = refused;
    return -EACCES;
}

/* ------------------------------------------------------------------ the interpreter */

CHILD_CODE static long close_descriptor(const struct os_launch *launch, const struct os_step *step)
{
    long result = CALL(SYS_close, number_of(launch, step->from));
    return result == -EBADF ? 0 : result;
}

CHILD_CODE static long do_step(const struct os_launch *launch, struct os_step *step)
{
    switch ((enum os_op)step->op) {
    case OS_TIMER:
        return arm_timer(step);
    case OS_SESSION:
        return CALL(SYS_setsid, 0);
    case OS_GROUP:
        return CALL(SYS_setpgid, 0, step->from);
    case OS_LIMIT:
        return set_limit(step);
    case OS_UMASK:
        return CALL(SYS_umask, step->value);
    case OS_NICE:
        return CALL(SYS_setpriority, PRIO_PROCESS, 0, step->from);
    case OS_CHDIR:
        return CALL(SYS_chdir, step->data);
    case OS_FCHDIR:
        return CALL(SYS_fchdir, step->from);
    case OS_OPEN:
        return open_file(launch, step);
    case OS_SAVE:
        return save_descriptor(launch, step);
    case OS_HIDE:
        return hide_descriptors();
    case OS_MOVE:
        return move_descriptor(launch, step);
    case OS_KEEP:
        return CALL(SYS_fcntl, step->from, F_SETFD, 0);
    case OS_CLOSE:
        return close_descriptor(launch, step);
    case OS_DISPOSITIONS:
        return set_dispositions(launch, step);
    case OS_MASK:
        return set_mask(launch, step);
    case OS_EXEC:
        return run_program(launch->record, step->data);
    }
    return -ENOSYS;
}

/* A process with memory of its own has no word that the kernel clears. But it can own a lock in the
 * shared page: when it execs or ends, the kernel marks the word and wakes who waits on it. What
 * this makes must stay where it is until then. */
CHILD_CODE static void own_word(const struct os_launch *launch, struct abi_robust_head *head,
                                struct abi_robust_list *lock)
{
    launch->record->word = (uint32_t)CALL(SYS_gettid, 0) | ABI_FUTEX_WAITERS;
    lock->next = &head->list;
    head->list.next = lock;
    head->futex_offset = (long)((intptr_t)&launch->record->word - (intptr_t)lock);
    head->pending = 0;
    (void)CALL(SYS_set_robust_list, head, sizeof *head);
}

CHILD_CODE void bd_os_child_main(void *data)
{
    const struct os_launch *launch = data;
    struct os_record *record = launch->record;
    struct abi_robust_head head;
    struct abi_robust_list lock;
    if (!launch->shared && launch->start_timeout_ns)
        own_word(launch, &head, &lock);
    for (size_t i = 0; i < launch->step_count; i++) {
        record->step = (int32_t)i;
        record->state = OS_STATE_AT_STEP;
        long result = do_step(launch, &launch->steps[i]);
        if (result < 0) {
            record->code = (int32_t)-result;
            ENTRY_FENCE(); /* the code before the state: the maker reads them the other way round */
            record->state = OS_STATE_FAILED;
            break;
        }
    }
    ENTRY_FENCE();
    leave();
}

CHILD_CODE void bd_os_child_probe(void *flag)
{
    *(volatile int *)flag = 1;
    leave();
}
