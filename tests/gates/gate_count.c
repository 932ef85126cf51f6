/* SPDX-License-Identifier: MIT */
/*
 * The counter, see gate_count.h.
 *
 * The rule: calls of the caller and of the child up to and including execve, the reap and the
 * closes; not the program's own, nor waits (poll, futex) and reads of stream data, which depend on
 * who is quicker. Invariant: every call is answered; a subject that ends, however it ends, ends the
 * count.
 */
#include "gate_count.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t) /* Linux 6.6 */
#endif

enum { MARK = 0x47415445, WARM_STARTS = 20, PHASES = 4, SILENCE_MS = 30000, RUNNING_MAX = 2048 };
enum phase { WARMING, ONE_HUNDRED, TWO_HUNDRED, OVER };

/* ------------------------------------------------------------------ the subject */

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

/* The one call that the filter lets through: the listener itself must get out first. */
static int send_listener(int channel, int listener)
{
    char byte = 0;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    union control control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof listener);
    memcpy(CMSG_DATA(header), &listener, sizeof listener);
    return sendmsg(channel, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int receive_listener(int channel)
{
    char byte;
    int listener = -1;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    union control control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1)
        return -ECHILD;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header)
        memcpy(&listener, CMSG_DATA(header), sizeof listener);
    return listener >= 0 ? listener : -ECHILD;
}

static int install_filter(int channel)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)channel, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    /* With it a signal does not make a held call come twice. */
    unsigned long steady = flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, steady, &program);
    if (listener < 0 && errno == EINVAL)
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    return listener < 0 ? -errno : (int)listener;
}

static void mark(enum phase phase)
{
    (void)prctl(MARK, phase, 0, 0, 0);
}

_Noreturn static void be_subject(const struct gate_subject *subject, int channel)
{
    if (subject->prepare)
        subject->prepare();
    int listener = install_filter(channel);
    if (listener < 0 || send_listener(channel, listener) < 0)
        _exit(1);
    (void)close(listener);
    (void)close(channel);
    for (int i = 0; i < WARM_STARTS; i++)
        subject->once();
    mark(ONE_HUNDRED);
    for (int i = 0; i < GATE_STARTS; i++)
        subject->once();
    mark(TWO_HUNDRED);
    for (int i = 0; i < 2 * GATE_STARTS; i++)
        subject->once();
    mark(OVER);
    if (subject->finish)
        subject->finish();
    _exit(0);
}

/* ------------------------------------------------------------------ the counter */

struct counter {
    pid_t subject;
    enum phase phase;
    struct gate_counts phases[PHASES];
    pid_t running[RUNNING_MAX]; /* children past their execve */
    int running_count;
    bool overflow;
};

static bool runs_its_program(struct counter *counter, const struct seccomp_notif *call)
{
    pid_t pid = (pid_t)call->pid;
    for (int i = 0; i < counter->running_count; i++) {
        if (counter->running[i] != pid)
            continue;
        if (call->data.nr == SYS_exit_group) /* its number may come again */
            counter->running[i] = counter->running[--counter->running_count];
        return true;
    }
    if (call->data.nr == SYS_execve) {
        if (counter->running_count == RUNNING_MAX)
            counter->overflow = true;
        else
            counter->running[counter->running_count++] = pid;
    }
    return false;
}

static bool reads_a_stream(const struct seccomp_notif *call)
{
    char path[64], target[64];
    (void)snprintf(path, sizeof path, "/proc/%u/fd/%d", call->pid, (int)call->data.args[0]);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return strncmp(target, "pipe:", 5) == 0 || strncmp(target, "socket:", 7) == 0;
}

static bool counts(const struct seccomp_notif *call)
{
    switch (call->data.nr) {
    case SYS_ppoll:
    case SYS_futex:
        return false; /* waits */
    case SYS_clock_gettime:
        return false; /* no call at all but where the machine's clock cannot be read in user mode */
    case SYS_read:
        return !reads_a_stream(call);
    default:
        return true;
    }
}

static void note_call(struct counter *counter, const struct seccomp_notif *call)
{
    struct gate_counts *phase = &counter->phases[counter->phase];
    bool by_caller = (pid_t)call->pid == counter->subject;
    if (!by_caller && runs_its_program(counter, call))
        return;
    if (!counts(call))
        return;
    int side = by_caller ? GATE_CALLER : GATE_CHILD;
    int at = 0;
    while (at < phase->used[side] && phase->lines[side][at].number != call->data.nr)
        at++;
    if (at == GATE_LINES) {
        counter->overflow = true;
        return;
    }
    if (at == phase->used[side])
        phase->lines[side][phase->used[side]++] = (struct gate_line){.number = call->data.nr};
    phase->lines[side][at].count++;
}

static void answer(struct counter *counter, int listener)
{
    union {
        struct seccomp_notif call;
        char room[512]; /* the kernel's may be longer than this header's */
    } held;
    memset(&held, 0, sizeof held);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &held) < 0)
        return; /* ENOENT: its process was killed meanwhile */
    union {
        struct seccomp_notif_resp answer;
        char room[512];
    } reply;
    memset(&reply, 0, sizeof reply);
    reply.answer.id = held.call.id;
    if (held.call.data.nr == SYS_prctl && held.call.data.args[0] == MARK) {
        counter->phase = (enum phase)held.call.data.args[1];
    } else {
        note_call(counter, &held.call);
        reply.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/* Until the last process under the filter is gone. */
static int serve(struct counter *counter, int listener)
{
    enum { SYNC_WAKE_UP = 1 };
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    /* Quicker: who is woken runs at once, here. A kernel without it only takes longer. */
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
    for (;;) {
        int ready = poll(&wait, 1, SILENCE_MS);
        if (ready == 0)
            return -ETIMEDOUT;
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready > 0 && (wait.revents & POLLIN))
            answer(counter, listener);
        else if (ready > 0)
            return 0;
    }
}

static long count_in(const struct gate_counts *counts, int side, int number)
{
    for (int i = 0; i < counts->used[side]; i++)
        if (counts->lines[side][i].number == number)
            return counts->lines[side][i].count;
    return 0;
}

/* In the order of the longer stretch; a call that only the shorter one made comes out negative. */
static void subtract(const struct counter *counter, struct gate_counts *ret)
{
    const struct gate_counts *fewer = &counter->phases[ONE_HUNDRED];
    *ret = counter->phases[TWO_HUNDRED];
    for (int side = 0; side < GATE_SIDES; side++) {
        for (int i = 0; i < fewer->used[side]; i++) {
            int number = fewer->lines[side][i].number;
            if (count_in(ret, side, number) == 0 && ret->used[side] < GATE_LINES)
                ret->lines[side][ret->used[side]++] = (struct gate_line){.number = number};
        }
        for (int i = 0; i < ret->used[side]; i++)
            ret->lines[side][i].count -= count_in(fewer, side, ret->lines[side][i].number);
    }
}

int gate_count(const struct gate_subject *subject, struct gate_counts *ret)
{
    static struct counter counter;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    memset(&counter, 0, sizeof counter);
    counter.subject = fork();
    if (counter.subject == 0) {
        (void)close(ends[0]);
        be_subject(subject, ends[1]);
    }
    (void)close(ends[1]);
    int listener = counter.subject > 0 ? receive_listener(ends[0]) : -EAGAIN;
    int result = listener >= 0 ? serve(&counter, listener) : listener;
    (void)close(ends[0]);
    int status = 0;
    if (counter.subject > 0) {
        if (result < 0)
            (void)kill(counter.subject, SIGKILL);
        if (listener >= 0)
            (void)close(listener); /* what is still held gets ENOSYS and can end */
        if (waitpid(counter.subject, &status, 0) != counter.subject)
            return -ECHILD;
    }
    if (result == 0 && (status != 0 || counter.phase != OVER))
        result = -ECHILD;
    if (result == 0 && counter.overflow)
        result = -EOVERFLOW;
    if (result == 0)
        subtract(&counter, ret);
    return result;
}
