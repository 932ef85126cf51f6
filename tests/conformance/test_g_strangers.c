/* SPDX-License-Identifier: MIT */
/*
 * Children whose status somebody else has taken, and children that somebody else traces: every call
 * answers, and none aims at a number that is no longer ours.
 *
 * Room tests. Invariant: the status is gone before the first call; which system calls are made is
 * seen from outside, by a supervisor.
 */
#include "inject.h"
#include "taken.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CODE = 9 };

/* ------------------------------------------------------------------ G11 */

struct after_theft {
    const char *name;
    void (*call)(struct brood_child *child); /* frees it */
};

static void look_signal_free(struct brood_child *child)
{
    (void)brood_child_signal(child, 0);
    (void)brood_child_signal(child, SIGTERM);
    (void)brood_child_signal(child, SIGKILL);
    brood_child_free(child);
}

static void stop_gently(struct brood_child *child)
{
    CHECK_INT(brood_child_stop(child, 100, NULL), 0);
    brood_child_free(child);
}

static void stop_hard(struct brood_child *child)
{
    CHECK_INT(brood_child_stop(child, 0, NULL), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);
}

static void wait_signal(struct brood_child *child)
{
    CHECK_INT(brood_child_wait(child, KIT_BOUND_MS, NULL), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);
}

static void free_only(struct brood_child *child)
{
    brood_child_free(child);
}

static void release_only(struct brood_child *child)
{
    (void)brood_child_release(child);
}

static const struct after_theft after[] = {
    {"signal", look_signal_free},  {"stop gently", stop_gently}, {"stop hard", stop_hard},
    {"wait, signal", wait_signal}, {"free", free_only},          {"release", release_only},
};
enum { AFTER = sizeof after / sizeof after[0] };

/* The child is over and its status taken; from then on every call is written down. */
static struct brood_child *stolen(uint32_t scope)
{
    struct brood_child *child = START(.argv = TARGET("exit", "9"), .in = A_PIPE, .scope = scope,
                                      .flags = scope == BROOD_SCOPE_GROUP ? BROOD_NEW_GROUP : 0);
    CHECK_INT(waitpid(brood_child_pid(child), NULL, 0), brood_child_pid(child));
    return child;
}

static int tidy_up_after_theft(void *unused)
{
    static const uint32_t scopes[] = {BROOD_SCOPE_CHILD, BROOD_SCOPE_GROUP};
    (void)unused;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < AFTER; j++) {
            struct brood_child *child = stolen(scopes[i]);
            (void)inject_mark(INJECT_READY);
            (void)inject_mark(INJECT_ARM);
            after[j].call(child);
            (void)inject_mark(INJECT_DISARM);
        }
    return 0;
}

/* Any number but 0, which asks and hits nobody. By a pidfd no stranger can be met. */
static bool hits_by_number(const struct inject_call *call)
{
    switch (call->number) {
    case SYS_kill:
    case SYS_tkill:
    case SYS_rt_sigqueueinfo:
        return call->args[1] != 0;
    case SYS_tgkill:
        return call->args[2] != 0;
    default:
        return false;
    }
}

static int never_fails(const struct inject_call *call, unsigned choice)
{
    (void)call;
    (void)choice;
    return -1;
}

static void check_trace(const struct inject *inject, const char *name)
{
    size_t count;
    const struct inject_call *trace = inject_trace(inject, &count);
    CHECK_SAY(count > 0, "%s: nothing was seen", name);
    for (size_t i = 0; i < count; i++)
        CHECK_SAY(!hits_by_number(&trace[i]), "%s: signal to number %d", name,
                  (int)trace[i].args[0]);
}

TEST(g11_kill_after_echild)
{
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    struct inject *inject = inject_new(tidy_up_after_theft, NULL, never_fails);
    REQUIRE(inject != NULL);
    REQUIRE(inject_wait(inject, KIT_BOUND_MS) == INJECT_EVENT_READY);
    for (size_t i = 0; i < 2 * (size_t)AFTER; i++) {
        int want = i + 1 < 2 * (size_t)AFTER ? INJECT_EVENT_READY : INJECT_EVENT_GONE;
        inject_set(inject, &(struct inject_order){.action = INJECT_NOTHING});
        inject_go(inject);
        CHECK_INT(inject_wait(inject, KIT_BOUND_MS), want);
        check_trace(inject, after[i % AFTER].name);
    }
    CHECK_INT(inject_refused(inject), 0);
    CHECK_INT(inject_free(inject), 0);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

/* ------------------------------------------------------------------ G12 */

static bool kept;

static void first_is_wait(struct brood_child *child, int64_t timeout_ms)
{
    struct brood_exit end = {.kind = 0}, again;
    CHECK_INT(brood_child_wait(child, timeout_ms, &end), 0);
    CHECK_TAKEN(end, CODE, kept);
    CHECK_INT(brood_child_wait(child, 0, &again), 0);
    CHECK_MEM(&again, &end, sizeof end);
}

static void first_is_stop(struct brood_child *child, int64_t grace_ms)
{
    struct brood_exit end = {.kind = 0};
    CHECK_INT(brood_child_stop(child, grace_ms, &end), 0);
    CHECK_TAKEN(end, CODE, kept);
    CHECK_INT(end.cause, BROOD_CAUSE_OWN);
}

static void first_is_signal(struct brood_child *child, int64_t number)
{
    CHECK_INT(brood_child_signal(child, (int)number), -ESRCH);
    first_is_wait(child, 0);
}

static void only_free(struct brood_child *child, int64_t unused)
{
    (void)child;
    (void)unused;
}

static const struct {
    void (*call)(struct brood_child *child, int64_t argument);
    int64_t argument;
} first_calls[] = {
    {first_is_wait, 0},         {first_is_wait, KIT_BOUND_MS}, {first_is_wait, BROOD_FOREVER},
    {first_is_stop, 0},         {first_is_stop, 100},          {first_is_stop, BROOD_FOREVER},
    {first_is_signal, SIGKILL}, {first_is_signal, 0},          {only_free, 0},
};

static void *wait_beside(void *child)
{
    first_is_wait(child, KIT_BOUND_MS);
    return NULL;
}

/* Taken while others are waiting. */
static void taken_from_waiters(void)
{
    enum { WAITERS = 4 };
    pthread_t threads[WAITERS];
    struct brood_child *child = START(.argv = ODD("leader-gone", "9"), .in = A_PIPE, .out = A_NULL);
    for (size_t i = 0; i < WAITERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, wait_beside, child) == 0);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    pid_t got = waitpid(brood_child_pid(child), NULL, 0); /* or one of them was quicker */
    CHECK(got == brood_child_pid(child) || errno == ECHILD);
    for (size_t i = 0; i < WAITERS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    brood_child_free(child);
}

TEST(g12_echild_on_every_path)
{
    kept = taken_are_kept();
    for (size_t i = 0; i < sizeof first_calls / sizeof first_calls[0]; i++) {
        static const uint32_t scopes[] = {BROOD_SCOPE_CHILD, BROOD_SCOPE_GROUP};
        for (size_t j = 0; j < 2; j++) {
            struct brood_child *child = stolen(scopes[j]);
            first_calls[i].call(child, first_calls[i].argument);
            brood_child_free(child);
        }
    }
    taken_from_waiters();
}

/* ------------------------------------------------------------------ G09 */

enum { NO_TRACING = 77 };

static atomic_int *stops; /* that the tracer has seen, in shared memory */

static void traced_work(void)
{
    struct brood_child *child = NULL;
    struct brood_exit end;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = TARGET("exit"), .cwd = "/no/such",
                                        .start_timeout_ms = KIT_BOUND_MS),
                          &child, NULL),
              -ENOENT);
    child = START(.argv = TARGET("exit", "5"), .start_timeout_ms = KIT_BOUND_MS);
    CHECK_EXITED(END_OF(child), 5);
    brood_child_free(child);
    child = START(.argv = TARGET("catch-term", "6"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_EXITED(end, 6);
    brood_child_free(child);
    brood_child_free(START(.argv = TARGET("sleep")));
    struct brood_result result;
    RUN(&result, .argv = TARGET("flood", "100000"), .out = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, 100000);
    brood_result_clear(&result);
    CHECK_INT(audit_children(), 0);
}

/* Leaves what has ended a zombie for a while: until then only the tracer may reap it. */
static pid_t wait_slowly(int *status)
{
    const struct timespec while_ended = {.tv_nsec = 20000000};
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0)
        return -1;
    if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED)
        (void)nanosleep(&while_ended, NULL);
    return waitpid(info.si_pid, status, __WALL);
}

/* strace -f in small: every process and thread that comes of the first one is stopped at every
 * event and goes on with the signal it had. */
static void trace_all(pid_t first)
{
    const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int status;
    pid_t pid;
    if (ptrace(PTRACE_SEIZE, first, NULL, options) < 0)
        _exit(errno == EPERM ? NO_TRACING : 1);
    CHECK_INT(kill(first, SIGCONT), 0);
    while ((pid = wait_slowly(&status)) > 0 || errno == EINTR) {
        if (pid > 0 && WIFSTOPPED(status)) {
            bool is_event = status >> 16 != 0;
            atomic_fetch_add(stops, 1);
            (void)ptrace(PTRACE_CONT, pid, NULL, is_event ? 0L : (long)WSTOPSIG(status));
        } else if (pid == first) {
            CHECK_INT(status, 0);
        }
    }
}

TEST_TIMEOUT(g09_traced_children, 60)
{
    enum { STARTS = 6 };
    stops = mmap(NULL, sizeof *stops, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(stops != MAP_FAILED);
    pid_t tracer = fork(); /* whose child it is, as with strace */
    REQUIRE(tracer >= 0);
    if (tracer == 0) {
        pid_t first = fork();
        REQUIRE(first >= 0);
        if (first == 0) {
            (void)raise(SIGSTOP);
            traced_work();
            _exit(0);
        }
        CHECK(kit_in_state(first, "T"));
        trace_all(first);
        _exit(0);
    }
    int status;
    REQUIRE(waitpid(tracer, &status, 0) == tracer);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_TRACING)
        SKIP("tracing is not allowed here");
    CHECK_INT(status, 0);
    CHECK_SAY(atomic_load(stops) >= 2 * STARTS, "%d stops", atomic_load(stops));
    NOTE("%d stops", atomic_load(stops));
    (void)munmap(stops, sizeof *stops);
}
