/* SPDX-License-Identifier: MIT */
/*
 * The program that the gates start: no libc, no loader, one system call. With an argument it lives
 * until it is ended, two minutes at most.
 *
 * Invariant: it is up and gone at once, so ten thousand starts take seconds and what is counted is
 * the start.
 */
#include <sys/syscall.h>

enum { LIFE_SECONDS = 120 };

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmovq (%rsp), %rdi\n\tcall begin\n\thlt\n");

static long call(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tldr x0, [sp]\n\tbl begin\n\tbrk #0\n");

static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#else
#error "no entry code for this processor"
#endif

_Noreturn void begin(long argument_count);

_Noreturn void begin(long argument_count)
{
    long life[2] = {LIFE_SECONDS, 0};
    if (argument_count > 1)
        (void)call(SYS_ppoll, 0, 0, (long)life, 0);
    for (;;)
        (void)call(SYS_exit_group, 0, 0, 0, 0);
}
