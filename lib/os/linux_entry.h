/* SPDX-License-Identifier: MIT */
/*
 * The two pieces that C cannot say: a system call without libc, and a clone whose new process
 * begins on a stack of its own and never comes back.
 *
 * Room os, one block per processor; on a processor without one, no process shares its maker's
 * memory. Invariant: neither touches errno, thread-local storage or a
 * lock, so both are safe in a process that shares its maker's memory.
 */
#ifndef BD_OS_LINUX_ENTRY_H
#define BD_OS_LINUX_ENTRY_H

/* Code that runs in the new process: no libc, no instrumentation of any kind, one section that a
 * test checks for calls to the outside. */
#if defined(__clang__)
#define CHILD_CODE                                                                                 \
    __attribute__((section(".text.brood_child"), no_sanitize("all"), no_sanitize("coverage"),      \
                   no_stack_protector, no_instrument_function, no_profile_instrument_function,     \
                   disable_sanitizer_instrumentation))
#else
#define CHILD_CODE                                                                                 \
    __attribute__((section(".text.brood_child"), no_sanitize_address, no_sanitize_thread,          \
                   no_sanitize_undefined, no_sanitize_coverage, no_stack_protector,                \
                   no_instrument_function, no_profile_instrument_function,                         \
                   optimize("no-tree-loop-distribute-patterns")))
#endif
/* Hardened builds fill every local variable, which takes a memset for an array. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define CHILD_ARRAY __attribute__((uninitialized))
#endif
#endif
#ifndef CHILD_ARRAY
#define CHILD_ARRAY
#endif
#define CHILD_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)

CHILD_CODE CHILD_INLINE long entry_call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

/* In the maker: the system call's result. In the new process: run(argument) on the new stack. */
CHILD_CODE CHILD_INLINE long entry_clone(const long call[6], void (*run)(void *), void *argument)
{
    long result;
    register long r10 __asm__("r10") = call[4];
    register long r8 __asm__("r8") = call[5];
    register void (*r12)(void *) __asm__("r12") = run;
    register void *r13 __asm__("r13") = argument;
    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t" /* the outermost frame, for debuggers */
                     "movq %%r13, %%rdi\n\t"
                     "callq *%%r12\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "0"(call[0]), "D"(call[1]), "S"(call[2]), "d"(call[3]), "r"(r10), "r"(r8),
                       "r"(r12), "r"(r13)
                     : "rcx", "r11", "memory");
    return result;
}

/* clone(2)'s own order of arguments: flags, stack, parent_tid, then child_tid and tls. */
#define ENTRY_CLONE2(flags, stack, parent_tid, child_tid)                                          \
    {                                                                                              \
        SYS_clone, (long)(flags), (long)(stack), (long)(parent_tid), (long)(child_tid), 0          \
    }

#define ENTRY_FENCE() __asm__ volatile("" ::: "memory")

#elif defined(__aarch64__)

CHILD_CODE CHILD_INLINE long entry_call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

CHILD_CODE CHILD_INLINE long entry_clone(const long call[6], void (*run)(void *), void *argument)
{
    register long x8 __asm__("x8") = call[0];
    register long x0 __asm__("x0") = call[1];
    register long x1 __asm__("x1") = call[2];
    register long x2 __asm__("x2") = call[3];
    register long x3 __asm__("x3") = call[4];
    register long x4 __asm__("x4") = call[5];
    register void (*x19)(void *) __asm__("x19") = run;
    register void *x20 __asm__("x20") = argument;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x30, xzr\n\t"
                     "mov x0, x20\n\t"
                     "blr x19\n\t"
                     "brk #0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20)
                     : "memory");
    return x0;
}

/* Here tls comes before child_tid. */
#define ENTRY_CLONE2(flags, stack, parent_tid, child_tid)                                          \
    {                                                                                              \
        SYS_clone, (long)(flags), (long)(stack), (long)(parent_tid), 0, (long)(child_tid)          \
    }

#define ENTRY_FENCE() __asm__ volatile("dmb ish" ::: "memory")

#elif defined(__riscv) && __riscv_xlen == 64

CHILD_CODE CHILD_INLINE long entry_call(long number, long a, long b, long c, long d, long e)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}

CHILD_CODE CHILD_INLINE long entry_clone(const long call[6], void (*run)(void *), void *argument)
{
    register long a7 __asm__("a7") = call[0];
    register long a0 __asm__("a0") = call[1];
    register long a1 __asm__("a1") = call[2];
    register long a2 __asm__("a2") = call[3];
    register long a3 __asm__("a3") = call[4];
    register long a4 __asm__("a4") = call[5];
    register void (*s2)(void *) __asm__("s2") = run;
    register void *s3 __asm__("s3") = argument;
    __asm__ volatile("ecall\n\t"
                     "bnez a0, 1f\n\t"
                     "li ra, 0\n\t"
                     "li s0, 0\n\t" /* the outermost frame, for debuggers */
                     "mv a0, s3\n\t"
                     "jalr s2\n\t"
                     "ebreak\n"
                     "1:"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(s2), "r"(s3)
                     : "memory");
    return a0;
}

/* Here tls comes before child_tid. */
#define ENTRY_CLONE2(flags, stack, parent_tid, child_tid)                                          \
    {                                                                                              \
        SYS_clone, (long)(flags), (long)(stack), (long)(parent_tid), 0, (long)(child_tid)          \
    }

#define ENTRY_FENCE() __asm__ volatile("fence rw, rw" ::: "memory")

#else /* any other: libc's syscall(3), and new processes by fork alone */

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

CHILD_INLINE long entry_call(long number, long a, long b, long c, long d, long e)
{
    long result = syscall(number, a, b, c, d, e);
    return result < 0 ? -errno : result;
}

CHILD_CODE CHILD_INLINE long entry_clone(const long call[6], void (*run)(void *), void *argument)
{
    (void)call;
    (void)run;
    (void)argument;
    return -ENOSYS;
}

#define ENTRY_CLONE2(flags, stack, parent_tid, child_tid)                                          \
    {                                                                                              \
        SYS_clone, (long)(flags), (long)(stack), (long)(parent_tid), (long)(child_tid), 0          \
    }

#define ENTRY_FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif

/* A system call of up to five arguments, each cast to what the kernel takes. */
#define ENTRY_CALL(number, ...) ENTRY_CALL_PADDED(number, __VA_ARGS__, 0, 0, 0, 0, 0)
#define ENTRY_CALL_PADDED(number, a, b, c, d, e, ...)                                              \
    entry_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

#endif
