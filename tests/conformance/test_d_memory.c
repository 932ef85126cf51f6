/* SPDX-License-Identifier: MIT */
/*
 * Sharing memory with the new process, and what it may do to the caller: nothing on its stack, no
 * cost that grows with the caller, no false success where memory only seems to be shared.
 *
 * Room tests. Invariant: counts of faults and bytes, no times.
 */
#include "kit.h"
#include "rung.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------------------ a large parent */

enum { BIG_BYTES = 256 * 1024 * 1024, STARTS = 10, FEW_FAULTS = 1000 };

static void touch_every_page(char *memory)
{
    const long page = sysconf(_SC_PAGESIZE);
    for (long at = 0; at < BIG_BYTES; at += page)
        memory[at]++;
}

static long faults_so_far(void)
{
    struct rusage usage;
    REQUIRE(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

/* Where the new process gets a copy, the caller pays for each page that it writes to later. */
TEST_TIMEOUT(d01_fork_of_a_large_parent, 60)
{
    char *memory =
        mmap(NULL, BIG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED && madvise(memory, BIG_BYTES, MADV_NOHUGEPAGE) == 0);
    touch_every_page(memory);
    bool shares = rung_shares_memory();
    brood_child_free(START(.argv = TARGET("exit", "3")));
    touch_every_page(memory);
    long before = faults_so_far();
    for (int i = 0; i < (shares ? STARTS : 1); i++) {
        struct brood_child *child = START(.argv = TARGET("exit", "3"), .in = A_PIPE);
        CHECK_EXITED(END_OF(child), 3);
        brood_child_free(child);
        touch_every_page(memory);
    }
    long faults = faults_so_far() - before;
    if (shares)
        CHECK_SAY(faults < FEW_FAULTS, "%ld faults", faults);
    NOTE("%ld faults, memory is %s", faults, shares ? "shared" : "copied");
    (void)munmap(memory, BIG_BYTES);
}

/* ------------------------------------------------------------------ the caller's stack */

enum { CANARIES = 64, OWN_STACK_BYTES = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 1 << 20 : 65536 };

static uint64_t pattern(int index)
{
    return UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(index + 1);
}

/* Values on both sides of the call, and more of them in use across it than there are registers that
 * a call must keep. */
__attribute__((noinline)) static bool start_between_canaries(const struct brood_options *options,
                                                             volatile const uint64_t *from)
{
    volatile uint64_t before[CANARIES];
    uint64_t a = from[0], b = from[1], c = from[2], d = from[3], e = from[4], f = from[5],
             g = from[6], h = from[7];
    double x = (double)(from[0] >> 32), y = (double)(from[1] >> 32);
    struct brood_child *child = NULL;
    volatile uint64_t after[CANARIES];
    bool whole = true;
    for (int i = 0; i < CANARIES; i++)
        before[i] = after[i] = pattern(i);
    (void)brood_start(options, &child, NULL);
    for (int i = 0; i < CANARIES; i++)
        whole &= before[i] == pattern(i) && after[i] == pattern(i);
    whole &= a == from[0] && b == from[1] && c == from[2] && d == from[3] && e == from[4] &&
             f == from[5] && g == from[6] && h == from[7];
    whole &= x == (double)(from[0] >> 32) && y == (double)(from[1] >> 32);
    brood_child_free(child);
    return whole;
}

static void *start_on_small_stack(void *unused)
{
    volatile uint64_t from[8];
    for (int i = 0; i < 8; i++)
        from[i] = pattern(1000 + i);
    for (int i = 0; i < 50; i++) {
        CHECK(start_between_canaries(
            BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = A_PIPE, .out = A_PIPE), from));
        CHECK(start_between_canaries(BROOD_OPTIONS(.argv = WORDS("/no/such"), .cwd = "/"), from));
        CHECK(start_between_canaries(
            BROOD_OPTIONS(.argv = TARGET("exit", "0"), .start_timeout_ms = KIT_BOUND_MS), from));
    }
    return unused;
}

/* The thread's stack is ours, so that what was written to can be seen: a start needs little of it,
 * and the new process none. */
TEST(d04_child_clobbers_the_parents_stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    size_t untouched = 0;
    unsigned char *stack = mmap(NULL, OWN_STACK_BYTES, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    REQUIRE(stack != MAP_FAILED);
    memset(stack, 0xa5, OWN_STACK_BYTES);
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstack(&attributes, stack, OWN_STACK_BYTES) == 0);
    REQUIRE(pthread_create(&thread, &attributes, start_on_small_stack, NULL) == 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
    while (untouched < OWN_STACK_BYTES && stack[untouched] == 0xa5)
        untouched++;
    CHECK_SAY(untouched > OWN_STACK_BYTES / 4, "%zu bytes untouched", untouched);
    NOTE("%zu bytes of stack used at most", OWN_STACK_BYTES - untouched);
    (void)munmap(stack, OWN_STACK_BYTES);
}

/* ------------------------------------------------------------------ memory that is not shared */

enum { NO_TRACING = 77, STILL_SHARES = 78 };

/* The first argument of a call that is about to be made. */
static bool set_first_argument(pid_t pid, uint64_t value)
{
    struct user_regs_struct registers;
    struct iovec all = {.iov_base = &registers, .iov_len = sizeof registers};
    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all) < 0)
        return false;
#if defined(__x86_64__)
    registers.rdi = value;
#elif defined(__aarch64__)
    registers.regs[0] = value;
#else
    (void)value;
    return false;
#endif
    return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all) == 0;
}

/* As an emulator does it: whoever wants a process that shares memory gets one that does not, and is
 * not told. Returns whether that was so. */
static bool unshare_memory_of_call(pid_t pid)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return false;
    uint64_t first = info.entry.args[0];
    if (info.entry.nr == SYS_clone && (first & CLONE_VM))
        return set_first_argument(pid, first & ~(uint64_t)CLONE_VM);
    if (info.entry.nr != SYS_clone3)
        return false;
    void *flags;
    memcpy(&flags, &first, sizeof flags);
    errno = 0;
    long value = ptrace(PTRACE_PEEKDATA, pid, flags, NULL);
    return errno == 0 && (value & CLONE_VM) &&
           ptrace(PTRACE_POKEDATA, pid, flags, value & ~(long)CLONE_VM) == 0;
}

/* Follows the process to its end. Returns its wait status. */
static int emulate(pid_t pid, int *unshared)
{
    int status = 0;
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return status;
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, NULL, options) == 0);
    long deliver = 0;
    while (ptrace(PTRACE_SYSCALL, pid, NULL, deliver) == 0 && waitpid(pid, &status, 0) == pid &&
           WIFSTOPPED(status)) {
        bool at_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        deliver = at_call ? 0 : WSTOPSIG(status);
        *unshared += at_call && unshare_memory_of_call(pid);
    }
    return status;
}

static void start_under_emulation(void)
{
    static struct audit before;
    char why[1024];
    struct brood_child *child = NULL;
    struct brood_error error;
    audit_take(&before);
    for (int i = 0; i < 3; i++) {
        const int64_t start_timeout_ms = i == 2 ? KIT_BOUND_MS : 0;
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE,
                                            .start_timeout_ms = start_timeout_ms),
                              &child, &error),
                  -ENOENT);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
        child =
            START(.argv = TARGET("exit", "3"), .out = A_PIPE, .start_timeout_ms = start_timeout_ms);
        CHECK_EXITED(END_OF(child), 3);
        brood_child_free(child);
    }
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
}

TEST_TIMEOUT(d08_memory_that_only_seems_to_be_shared, 60)
{
    int unshared = 0;
#if !defined(__x86_64__) && !defined(__aarch64__)
    SKIP("registers of this machine are not known");
#endif
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(NO_TRACING);
        (void)raise(SIGSTOP);
        start_under_emulation();
        _exit(rung_shares_memory() ? STILL_SHARES : 0);
    }
    int status = emulate(pid, &unshared);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_TRACING)
        SKIP("tracing is not allowed here");
    CHECK_SAY(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
    CHECK_SAY(unshared > 0 || !rung_shares_memory(), "nothing was unshared");
    NOTE("%d calls asked for shared memory and got a copy", unshared);
}
