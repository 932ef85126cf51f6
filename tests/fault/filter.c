/* SPDX-License-Identifier: MIT */
/*
 * The target's side of the injection: the seccomp filter, its listener handed to the supervisor,
 * the marks.
 *
 * Invariant: every call is trapped but those that a task needs to end, to return from a handler and
 * to hand the listener over; what is worth failing is the supervisor's decision, not the filter's.
 */
#include "filter.h"
#include "inject.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "no seccomp architecture known for this processor"
#endif

/* The handover's sendmsg(2) is told from any other by this flag, which Unix sockets ignore. */
enum { HANDOVER_FLAGS = MSG_CONFIRM | MSG_NOSIGNAL };

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ALLOW(number) UNLESS(number, 1), RETURN(SECCOMP_RET_ALLOW)

/* Who may, leaves the target free to gain privileges: whether a start forbids it can be seen. */
static long set_filter(unsigned flags, const struct sock_fprog *fprog)
{
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, fprog);
    if (fd >= 0 || errno != EACCES)
        return fd;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, fprog);
}

static int install(void)
{
    /* args[2] is read as its low half: little-endian on both processors. */
    static const struct sock_filter program[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
        RETURN(SECCOMP_RET_ALLOW), /* a program of another architecture is not ours to fail */
        LOAD(nr),
        ALLOW(__NR_rt_sigreturn),
        ALLOW(__NR_restart_syscall),
        ALLOW(__NR_exit),
        ALLOW(__NR_exit_group),
        UNLESS(__NR_sendmsg, 3),
        LOAD(args[2]),
        ALLOW(HANDOVER_FLAGS),
        RETURN(SECCOMP_RET_USER_NOTIF),
    };
    struct sock_fprog fprog = {.len = sizeof program / sizeof *program};
    memcpy(&fprog.filter, &(const struct sock_filter *){program}, sizeof fprog.filter);

    /* Once received, a call is only given up for a fatal signal (Linux 5.19): no call is seen twice
     * because a SIGCHLD came by. */
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    long fd = set_filter(flags, &fprog);
    if (fd < 0 && errno == EINVAL)
        fd = set_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, &fprog);
    return fd < 0 ? -errno : (int)fd;
}

int filter_enter(int socket_fd)
{
    int listener_fd = install();
    if (listener_fd < 0)
        return listener_fd;
    char byte = 'L';
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof listener_fd)];
    } control = {.space = {0}};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof listener_fd);
    memcpy(CMSG_DATA(rights), &listener_fd, sizeof listener_fd);
    if (sendmsg(socket_fd, &message, HANDOVER_FLAGS) != 1)
        _exit(125); /* nobody will ever answer: any other way out would be trapped */
    close(listener_fd);
    close(socket_fd);
    return 0;
}

int filter_receive(int socket_fd)
{
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    ssize_t length;
    do
        length = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return -errno;
    struct cmsghdr *rights = length == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (rights == NULL || rights->cmsg_type != SCM_RIGHTS)
        return -EPROTO; /* the target died, or could not install the filter */
    int listener_fd;
    memcpy(&listener_fd, CMSG_DATA(rights), sizeof listener_fd);
    return listener_fd;
}

int inject_mark(int kind)
{
    return prctl(FILTER_MARK, kind, 0, 0, 0) < 0 ? -errno : 0;
}
