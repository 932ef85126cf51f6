/* SPDX-License-Identifier: MIT */
/*
 * What the Linux kernel calls things, where the headers of an older C library lack it, and the
 * shapes that the kernel reads and that libc hides.
 *
 * Room os. Invariant: the kernel's own numbers, unchanged; each #ifndef can go when the oldest
 * supported C library has the name.
 */
#ifndef BD_OS_LINUX_ABI_H
#define BD_OS_LINUX_ABI_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_clone3
#define SYS_clone3 435 /* Linux 5.3 */
#endif
#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9 */
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424 /* Linux 5.1 */
#endif

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000 /* Linux 5.2 */
#endif
#define ABI_CLONE_CLEAR_SIGHAND 0x100000000ULL /* Linux 5.5 */
#define ABI_CLONE_INTO_CGROUP 0x200000000ULL   /* Linux 5.7 */
#define ABI_CLOSE_RANGE_CLOEXEC (1U << 2)      /* Linux 5.11 */
#define ABI_P_PIDFD 3                          /* Linux 5.4 */
#define ABI_WALL 0x40000000                    /* __WALL */

/* pwritev2(2) flag: EPIPE without SIGPIPE, Linux 6.18. */
#define ABI_RWF_NOSIGNAL 0x00000100
#define ABI_RWF_NOWAIT 0x00000008

/* memfd_create(2): do not warn about an executable memfd, Linux 6.3. */
#define ABI_MFD_NOEXEC_SEAL 0x0008U

/* clone3(2): its first version ends after tls, the third has it all. */
struct abi_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
enum { ABI_CLONE_ARGS_FIRST = 64 };

/* ioctl(2) on a pidfd, Linux 6.13; the exit status since 6.15. */
struct abi_pidfd_info {
    uint64_t mask, cgroup_id;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
};
#define ABI_PIDFD_INFO_EXIT (1ULL << 3)
#define ABI_PIDFD_GET_INFO 0xc040ff0bUL /* _IOWR(0xff, 11, 64 bytes) */

/* rt_sigaction(2) as the kernel reads it: handler, flags, restorer, mask. Architectures without a
 * restorer read one word less. */
struct abi_sigaction {
    uintptr_t handler;
    unsigned long flags, restorer, mask;
};
enum { ABI_SIGSET_BYTES = 8 };

/* timer_create(2) */
struct abi_sigevent {
    uint64_t value;
    int32_t signal, notify;
    int32_t pad[12];
};
struct abi_timespec {
    int64_t seconds, nanoseconds;
};
struct abi_itimerspec {
    struct abi_timespec interval, value;
};

/* set_robust_list(2): locks that the kernel marks and wakes when their owner execs or ends. */
struct abi_robust_list {
    const struct abi_robust_list *next;
};
struct abi_robust_head {
    struct abi_robust_list list;
    long futex_offset;
    const struct abi_robust_list *pending;
};
#define ABI_FUTEX_WAITERS 0x80000000U
#define ABI_FUTEX_OWNER_DIED 0x40000000U
#define ABI_FUTEX_TID 0x3fffffffU

/* /proc/PID/stat, flags: the process has not exec'd since it was forked. */
#define ABI_PF_FORKNOEXEC 0x40

/* getdents64(2) */
struct abi_dirent {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* prlimit64(2) */
struct abi_rlimit {
    uint64_t soft, hard;
};

#endif
