/* SPDX-License-Identifier: MIT */
/*
 * How far a new process came: it has begun, or it has failed, or was killed, or the time is over.
 *
 * Room os. Invariants: as linux_child.c; asking changes nothing in a program that has begun.
 */
#include "linux_learn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "linux_abi.h"
#include "linux_entry.h"
#include "linux_record.h"

enum { SLICE_NS = 50000000, SHORT_NS = 1000000, PASSING_NS = 100000000, STAT_BYTES = 512 };

CHILD_CODE static int64_t raw_now_ns(void)
{
    struct abi_timespec now;
    now.seconds = now.nanoseconds = 0;
    (void)ENTRY_CALL(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.seconds * 1000000000 + now.nanoseconds;
}

/* ------------------------------------------------------------------ questions to the kernel */

/* waitid(2) by the pidfd, or by the number where the kernel or a filter refuses that. */
CHILD_CODE static long ask_wait(struct os_process process, siginfo_t *info, long how)
{
    long result = -EINVAL;
    info->si_pid = 0;
    info->si_code = 0;
    info->si_status = 0;
    if (process.pidfd >= 0)
        result = ENTRY_CALL(SYS_waitid, ABI_P_PIDFD, process.pidfd, info, how, 0);
    if (result == -EINVAL || result == -ENOSYS || result == -EPERM)
        result = ENTRY_CALL(SYS_waitid, P_PID, process.pid, info, how, 0);
    return result;
}

/* Also if somebody else has reaped it. */
CHILD_CODE static int has_ended_yet(struct os_process process)
{
    siginfo_t info;
    long result = ask_wait(process, &info, WEXITED | WNOHANG | WNOWAIT | ABI_WALL);
    return result == -ECHILD || (result == 0 && info.si_pid != 0);
}

/* exec turns the exit signal 0 of our new process into SIGCHLD before its point of no return, and
 * only children with SIGCHLD are found without __WALL. So: found means it has begun; not found, but
 * found with __WALL, means that it died before. Neither: somebody has reaped it already, which
 * before exec nobody could, or it was an ignored SIGCHLD. Asking changes nothing and cannot
 * race. */
CHILD_CODE static int has_begun(struct os_process process)
{
#ifdef BROOD_MUTANT_WORD_IS_SUCCESS
    return process.pid > 0;
#else
    siginfo_t info;
    long look = WEXITED | WNOHANG | WNOWAIT;
    return ask_wait(process, &info, look) == 0 || ask_wait(process, &info, look | ABI_WALL) < 0;
#endif
}

/* ------------------------------------------------------------------ a plain fork */

/* The flags of /proc/PID/stat, or -1. The name in it may be anything: what counts comes behind the
 * last ')'. */
CHILD_CODE static long process_flags(long pid)
{
    CHILD_ARRAY char text[STAT_BYTES];
    char path[32];
    int at = 0, digits = 1;
    for (const char *from = "/proc/"; *from; from++)
        path[at++] = *from;
    for (long rest = pid; rest >= 10; rest /= 10)
        digits++;
    for (int i = digits - 1; i >= 0; i--, pid /= 10)
        path[at + i] = (char)('0' + pid % 10);
    at += digits;
    for (const char *from = "/stat"; *from; from++)
        path[at++] = *from;
    path[at] = '\0';

    long fd = ENTRY_CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long length = fd < 0 ? fd : ENTRY_CALL(SYS_read, fd, text, sizeof text);
    if (fd >= 0)
        (void)ENTRY_CALL(SYS_close, fd);
    long place = length - 1;
    while (place >= 0 && text[place] != ')')
        place--;
    if (place < 0)
        return -1;
    long flags = 0;
    for (int spaces = 0; place < length && spaces < 8; place++) {
        spaces += text[place] == ' ';
        if (spaces == 7 && text[place] != ' ')
            flags = flags * 10 + (text[place] - '0');
    }
    return flags;
}

CHILD_CODE static void pause_shortly(void)
{
    struct abi_timespec pause;
    pause.seconds = 0;
    pause.nanoseconds = SHORT_NS;
    (void)ENTRY_CALL(SYS_ppoll, 0, 0, &pause, 0, 0);
}

/* The end of its first program, or of itself, is behind it: which one? setpgid(2) tells them apart,
 * but not for the leader of a session, where /proc does. Without that, a process that is still
 * there after a while has begun; so has one that exits, since on its way to exec it can only be
 * killed. What somebody else has reaped already was most likely a short program. */
CHILD_CODE static int forked_has_begun(struct os_process process)
{
    long result = ENTRY_CALL(SYS_setpgid, process.pid, 0);
    if (result == -EACCES || result == -ESRCH)
        return 1;
    if (result == 0)
        return 0;
    long flags = process_flags(process.pid);
    if (flags >= 0)
        return !(flags & ABI_PF_FORKNOEXEC);
    siginfo_t info;
    for (int64_t until_ns = raw_now_ns() + PASSING_NS; raw_now_ns() < until_ns; pause_shortly()) {
        result = ask_wait(process, &info, WEXITED | WNOHANG | WNOWAIT | ABI_WALL);
        if (result == -ECHILD)
            return 1;
        if (result == 0 && info.si_pid != 0)
            return info.si_code == CLD_EXITED;
    }
    return 1;
}

CHILD_CODE int bd_os_learn_has_execed(pid_t pid)
{
    long flags = process_flags(pid);
    return flags >= 0 && !(flags & ABI_PF_FORKNOEXEC);
}

/* Where the process stands: still on its way; past the point where exec closes descriptors, or at
 * its end; or past exec to all appearance, while a stranger's fork holds the report pipe. */
enum fork_place { FORK_ON_ITS_WAY, FORK_PAST_CLOSING, FORK_PAST_EXEC };

CHILD_CODE static int has_hook(const struct os_launch *launch)
{
    for (size_t i = 0; i < launch->step_count; i++)
        if (launch->steps[i].op == OS_HOOK)
            return 1;
    return 0;
}

/* Until nobody has the report pipe open for writing; what a hook closes says nothing, and then
 * /proc is asked. The lock of own_word() in linux_child.c is lost a little earlier, before it is
 * known whether exec succeeds. */
CHILD_CODE static enum fork_place watch_fork(struct os_launch *launch, struct os_process process)
{
    int64_t lost_ns = 0;
    int hooked = has_hook(launch);
    struct pollfd watch;
    watch.fd = launch->wake[0];
    watch.events = POLLIN;
    for (;;) {
        int64_t now_ns = raw_now_ns(), left_ns = launch->deadline_ns - now_ns;
        int64_t slice_ns = lost_ns || watch.fd < 0 ? SHORT_NS : SLICE_NS;
        struct abi_timespec slice;
        slice.seconds = 0;
        slice.nanoseconds = left_ns > slice_ns ? slice_ns : left_ns > 0 ? left_ns : 0;
        watch.revents = 0;
        long ready = ENTRY_CALL(SYS_ppoll, &watch, 1, &slice, 0, 0);
        if (has_ended_yet(process) || (ready > 0 && !hooked))
            return FORK_PAST_CLOSING;
        if (ready > 0)
            watch.fd = -1;
        if (watch.fd < 0 && bd_os_learn_has_execed(process.pid))
            return FORK_PAST_EXEC;
        if (left_ns <= 0)
            return FORK_ON_ITS_WAY;
        if (lost_ns && now_ns - lost_ns > PASSING_NS)
            return FORK_PAST_EXEC;
        if (!lost_ns && (launch->record->word & ABI_FUTEX_OWNER_DIED))
            lost_ns = now_ns;
    }
}

/* ------------------------------------------------------------------ a clone */

/* The word is 1 at first. Shared memory: the kernel clears it. Memory of its own: the process puts
 * its number there, and the kernel marks it (own_word() in linux_child.c). */
CHILD_CODE static int word_has_changed(const struct os_launch *launch, uint32_t *ret_word)
{
    *ret_word = launch->record->word;
    return launch->shared ? *ret_word == 0 : (*ret_word & ABI_FUTEX_OWNER_DIED) != 0;
}

/* Waits for the word, and now and then asks in other ways: kernels before 5.17 leave the word alone
 * after a core dump, and an emulator may know no owned locks. */
CHILD_CODE static int word_has_left(struct os_launch *launch, struct os_process process)
{
    uint32_t word;
    while (!word_has_changed(launch, &word)) {
        int64_t left_ns = launch->deadline_ns - raw_now_ns();
        if (left_ns <= 0)
            return has_ended_yet(process);
        struct abi_timespec slice;
        slice.seconds = 0;
        slice.nanoseconds = left_ns < SLICE_NS ? left_ns : SLICE_NS;
        /* Not the private form: the kernel wakes it as a shared one. */
        long woken = ENTRY_CALL(SYS_futex, &launch->record->word, FUTEX_WAIT, word, &slice, 0, 0);
        if (woken == -EAGAIN || woken == -EINTR)
            continue; /* the word has changed already, or nothing has */
        if (woken < 0 && (has_ended_yet(process) || (!launch->shared && has_begun(process))))
            return 1;
    }
    return 1;
}

/* An emulator may make a vfork a fork, and then clone has not waited. */
CHILD_CODE static void wait_as_vfork(const struct os_launch *launch, struct os_process process)
{
    while (launch->record->state != OS_STATE_FAILED && !has_begun(process) &&
           !has_ended_yet(process))
        pause_shortly();
}

/* Waits until the process has left the memory that it began in, by exec or by its end, and says
 * whether by exec. *ret_left: 0 when the time was over first. */
CHILD_CODE static int clone_has_begun(struct os_launch *launch, struct os_process process,
                                      int *ret_left)
{
    *ret_left = 1;
    if (launch->start_timeout_ns)
        *ret_left = word_has_left(launch, process);
    else if (!launch->shared)
        wait_as_vfork(launch, process);
    return launch->record->state == OS_STATE_EXECING && has_begun(process);
}

CHILD_CODE static int fork_has_begun(struct os_launch *launch, struct os_process process,
                                     int *ret_left)
{
    enum fork_place place = watch_fork(launch, process);
    *ret_left = place != FORK_ON_ITS_WAY;
    if (launch->record->state != OS_STATE_EXECING)
        return 0;
    return place == FORK_PAST_EXEC || (place == FORK_PAST_CLOSING && forked_has_begun(process));
}

/* ------------------------------------------------------------------ the answer */

CHILD_CODE struct os_report bd_os_learn(struct os_launch *launch, struct os_process process)
{
    if (launch->wake[1] >= 0) {
        (void)ENTRY_CALL(SYS_close, launch->wake[1]);
        launch->wake[1] = -1;
    }
    int left;
    int begun = launch->way == OS_BY_FORK ? fork_has_begun(launch, process, &left)
                                          : clone_has_begun(launch, process, &left);
    const struct os_record *record = launch->record;
    int32_t state = __atomic_load_n(&record->state, __ATOMIC_ACQUIRE);
    struct os_report report;
    report.progress = OS_BEGAN;
    report.step = record->step;
    report.code = record->code;
    report.choice = record->choice;
    if (state == OS_STATE_FAILED) {
        report.progress = OS_FAILED;
    } else if (!left) {
        report.progress = OS_TIMED_OUT;
    } else if (!begun) {
        int late = launch->deadline_ns != OS_NEVER && raw_now_ns() >= launch->deadline_ns;
        report.progress = late ? OS_TIMED_OUT : OS_KILLED;
    }
    return report;
}

CHILD_CODE void bd_os_learn_end(struct os_process process, struct os_exit *ret)
{
    enum { KILL = 9 };
    siginfo_t info;
    /* Its number is its own: nobody but this process may reap it, and it has not yet. */
    (void)ENTRY_CALL(SYS_kill, process.pid, KILL);
    long result;
    do {
        result = ask_wait(process, &info, WEXITED | ABI_WALL);
    } while (result == -EINTR);
    ret->has_usage = 0;
    ret->lost = result < 0;
    ret->wait_status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
}
