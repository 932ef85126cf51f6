/* SPDX-License-Identifier: MIT */
/*
 * before_exec: it runs last, in a copy of the caller's memory, and its word decides.
 *
 * Invariant: what a hook does is seen by what it leaves: a file, the program's state, the error.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUE WORDS("/bin/true")

/* ------------------------------------------------------------------ where it runs */

static volatile int in_memory;
static volatile int *in_common; /* a page that stays common over fork(2) */

static int write_to_memory(void *user)
{
    in_memory = 7;
    *(volatile int *)user = 8;
    *in_common = *in_common + 1;
    return 0;
}

TEST(it_runs_in_a_copy)
{
    volatile int on_the_stack = 0;
    in_common = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(in_common != MAP_FAILED);
    for (int turn = 1; turn <= 20; turn++) {
        runs(BROOD_OPTIONS(.argv = TARGET("exit", "5"), .before_exec = write_to_memory,
                           .user = (void *)(uintptr_t)&on_the_stack),
             5);
        CHECK_INT(*in_common, turn); /* once each */
        CHECK_INT(in_memory, 0);
        CHECK_INT(on_the_stack, 0);
    }
    CHECK_INT(munmap((void *)(uintptr_t)in_common, 4096), 0);
}

static pid_t caller;

static int is_the_child(void *user)
{
    (void)user;
    return getpid() != caller && getppid() == caller ? 0 : EXDEV;
}

TEST(it_runs_in_the_child)
{
    caller = getpid();
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .before_exec = is_the_child), 0);
}

static int atfork_calls;

static void count_atfork(void)
{
    atfork_calls++;
}

static int saw_atfork(void *user)
{
    (void)user;
    return atfork_calls ? EALREADY : 0;
}

TEST(no_handler_of_pthread_atfork_runs)
{
    REQUIRE(pthread_atfork(count_atfork, count_atfork, count_atfork) == 0);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .before_exec = saw_atfork), 0);
    CHECK_INT(atfork_calls, 0);
}

/* A stack deep enough for what is done in such places: a path, a line put together. */
static int use_the_stack(void *user)
{
    volatile char room[16384];
    for (size_t i = 0; i < sizeof room; i += 512)
        room[i] = 1;
    return user != NULL && room[0] == 1 ? 0 : EXDEV;
}

TEST(it_has_room_on_its_stack)
{
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .before_exec = use_the_stack, .user = &caller),
         0);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .before_exec = use_the_stack, .user = &caller,
                       .start_timeout_ms = BOUND_MS),
         0);
}

/* ------------------------------------------------------------------ when it runs */

/* Answers with the number of the first thing that is not as the program will have it. */
static int all_is_set(void *user)
{
    struct stat status;
    struct rlimit limit;
    sigset_t mask;
    struct sigaction action;
    char directory[PATH_MAX];
    if (fstat(0, &status) < 0 || !S_ISFIFO(status.st_mode))
        return 1001;
    if (fstat(1, &status) < 0 || !S_ISREG(status.st_mode))
        return 1002;
    if (fcntl(2, F_GETFD) >= 0)
        return 1003;
    if (fcntl(40, F_GETFD) != 0)
        return 1004;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) < 0 || sigismember(&mask, SIGUSR2))
        return 1005;
    if (sigaction(SIGUSR1, NULL, &action) < 0 || action.sa_handler != SIG_DFL)
        return 1006;
    if (sigaction(SIGHUP, NULL, &action) < 0 || action.sa_handler != SIG_IGN)
        return 1007;
    if (getsid(0) != getpid())
        return 1008;
    if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0)
        return 1009;
    if (!getcwd(directory, sizeof directory) || strcmp(directory, user) != 0)
        return 1010;
    if (umask(0) != 031)
        return 1011;
    if (getpriority(PRIO_PROCESS, 0) != 3)
        return 1012;
    if (geteuid() != getuid())
        return 1013;
    return 0;
}

static void ignore_nothing(int number)
{
    (void)number;
}

TEST(it_runs_after_everything_else)
{
    static const struct brood_rlimit no_core = {.resource = RLIMIT_CORE};
    const struct brood_fd_map map = {0, 40};
    char directory[PATH_MAX];
    sigset_t usr2;
    REQUIRE(realpath(lab_directory(), directory));
    (void)sigemptyset(&usr2);
    (void)sigaddset(&usr2, SIGUSR2);
    REQUIRE(sigprocmask(SIG_BLOCK, &usr2, NULL) == 0);
    REQUIRE(signal(SIGUSR1, ignore_nothing) != SIG_ERR);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "6"), .before_exec = all_is_set, .user = directory,
                       .cwd = directory, .in = {.kind = BROOD_PIPE},
                       .out = {.kind = BROOD_FILE, .path = "out"}, .err = {.kind = BROOD_CLOSED},
                       .fds = &map, .fd_count = 1, .rlimits = &no_core, .rlimit_count = 1,
                       .flags = BROOD_NEW_SESSION | BROOD_SET_UMASK | BROOD_SET_NICE, .umask = 031,
                       .nice = 3, .ignore_signals = UINT64_C(1) << (SIGHUP - 1)),
         6);
    REQUIRE(signal(SIGUSR1, SIG_DFL) == ignore_nothing);
    REQUIRE(sigprocmask(SIG_UNBLOCK, &usr2, NULL) == 0);
}

/* What it changes is the program's. */
static int change_directory(void *user)
{
    return chdir(user) < 0 ? errno : 0;
}

TEST(what_it_does_counts)
{
    struct brood_options *options =
        BROOD_OPTIONS(.before_exec = change_directory, .user = (void *)(uintptr_t) "/proc");
    CHECK_STR(tells(options, "cwd"), "/proc\n");
}

/* Close-on-exec descriptors are still open: the program will not have them. */
static int use_hidden(void *user)
{
    return write(*(int *)user, "hook", 4) == 4 ? 0 : errno;
}

TEST(hidden_descriptors_are_still_open)
{
    char text[16] = "";
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const char *told = tells(BROOD_OPTIONS(.before_exec = use_hidden, .user = &ends[1]), "fds");
    CHECK_INT(read(ends[0], text, sizeof text), 4);
    CHECK_STR(text, "hook");
    CHECK_STR(line_of(told, say("%d ", ends[1])), "");
    CHECK_INT(close(ends[0]) + close(ends[1]), 0);
}

/* ------------------------------------------------------------------ its word */

static int answer(void *user)
{
    return *(int *)user;
}

TEST(its_errno_is_the_error)
{
    static const struct {
        int answer, code;
        const char *sentence;
    } rows[] = {
        {EACCES, EACCES, "cannot start /bin/true: before_exec: Permission denied"},
        {-EACCES, EACCES, "cannot start /bin/true: before_exec: Permission denied"},
        {1, EPERM, "cannot start /bin/true: before_exec: Operation not permitted"},
        {-1, EPERM, "cannot start /bin/true: before_exec: Operation not permitted"},
        {ENOTNAM, ENOTNAM, NULL},
        {1234, 1234, "cannot start /bin/true: before_exec: unknown error 1234"},
        {EAGAIN, EAGAIN, NULL},
        {ENOEXEC, ENOEXEC, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int wanted = rows[i].answer;
        const struct refusal *want = REFUSAL(.stage = BROOD_STAGE_HOOK, .code = rows[i].code,
                                             .sentence = rows[i].sentence, .subject = "");
        is_refused(say("answer %d", wanted),
                   BROOD_OPTIONS(.argv = TRUE, .before_exec = answer, .user = &wanted), want);
        run_is_refused(say("run, answer %d", wanted),
                       BROOD_OPTIONS(.argv = TRUE, .before_exec = answer, .user = &wanted,
                                     .out = {.kind = BROOD_MEMORY}),
                       want);
        is_refused(say("in time, answer %d", wanted),
                   BROOD_OPTIONS(.argv = TRUE, .before_exec = answer, .user = &wanted,
                                 .start_timeout_ms = BOUND_MS),
                   want);
    }
}

/* EAGAIN of a hook is the hook's own business: it is not asked again. */
TEST(it_is_not_tried_again)
{
    int again = EAGAIN;
    int64_t before = lab_now_ms();
    is_refused("again",
               BROOD_OPTIONS(.argv = TRUE, .before_exec = answer, .user = &again,
                             .retry_ms = 2 * BOUND_MS),
               REFUSAL(.stage = BROOD_STAGE_HOOK, .code = EAGAIN));
    CHECK(lab_now_ms() - before < BOUND_MS);
}

/* A hook comes before the program is looked for. */
TEST(its_error_comes_before_that_of_the_program)
{
    int no = ENOTNAM;
    is_refused("hook and program",
               BROOD_OPTIONS(.argv = WORDS("/no/such"), .before_exec = answer, .user = &no),
               REFUSAL(.stage = BROOD_STAGE_HOOK, .code = ENOTNAM));
    no = 0;
    is_refused("program",
               BROOD_OPTIONS(.argv = WORDS("/no/such"), .before_exec = answer, .user = &no),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such"));
}

/* ------------------------------------------------------------------ accidents */

static int raise_it(void *user)
{
    const struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)kill(getpid(), *(int *)user);
    return 0;
}

static int crash(void *user)
{
    const struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    *(volatile int *)user = 1;
    return 0;
}

static void in_the_way(int number)
{
    (void)number;
    FAIL("a handler of the caller has run");
}

TEST(a_crash_is_a_failed_start)
{
    static const int numbers[] = {SIGSEGV, SIGABRT, SIGKILL, SIGTERM, SIGPIPE};
    REQUIRE(signal(SIGTERM, in_the_way) != SIG_ERR);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int number = numbers[i];
        is_refused(
            say("signal %d", number),
            BROOD_OPTIONS(.argv = TRUE, .before_exec = raise_it, .user = &number,
                          .in = {.kind = BROOD_PIPE}),
            REFUSAL(.stage = BROOD_STAGE_HOOK, .code = EINTR, .detail = BROOD_DETAIL_KILLED,
                    NUMBER(number),
                    .sentence = say("cannot start /bin/true: the new process was killed by %s at "
                                    "stage hook, before its program began",
                                    brood_signal_name(number))));
    }
    REQUIRE(signal(SIGTERM, SIG_DFL) == in_the_way);
    if (!TEST_UNDER_ASAN && !TEST_UNDER_TSAN) /* they catch it in their own way */
        is_refused("a wild pointer", BROOD_OPTIONS(.argv = TRUE, .before_exec = crash),
                   REFUSAL(.stage = BROOD_STAGE_HOOK, .code = EINTR, .detail = BROOD_DETAIL_KILLED,
                           NUMBER(SIGSEGV)));
}

static int leave_at_once(void *user)
{
    _exit(*(int *)user);
}

/* Ending there is no start, whatever the code. */
TEST(an_exit_is_a_failed_start)
{
    for (int code = 0; code < 4; code += 3) {
        struct brood_child *child = NULL;
        struct brood_error error = {.stage = 0};
        char text[600];
        static struct audit before;
        char why[1024] = "";
        audit_take(&before);
        CHECK(brood_start(BROOD_OPTIONS(.argv = TRUE, .before_exec = leave_at_once, .user = &code),
                          &child, &error) < 0);
        CHECK_INT(error.stage, BROOD_STAGE_HOOK);
        (void)brood_error_text(&error, text, sizeof text);
        CHECK_SAY(!strstr(text, "signal 0"), "%s", text);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    }
}

/* What a hook is used for most. */
static int close_everything(void *user)
{
    for (int fd = 3; fd < 256; fd++)
        (void)close(fd);
    return *(int *)user;
}

TEST(it_may_close_what_it_wants)
{
    for (int answer_code = 0; answer_code <= EBUSY; answer_code += EBUSY) {
        for (uint64_t flags = 0; flags <= BROOD_NEW_SESSION; flags += BROOD_NEW_SESSION) {
            struct brood_child *child = NULL;
            struct brood_error error;
            int result =
                brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "7"), .flags = flags,
                                          .before_exec = close_everything, .user = &answer_code),
                            &child, &error);
            CHECK_INT(result, -answer_code);
            if (result == 0)
                ends_with(child, 7);
            else
                CHECK_INT(error.stage, BROOD_STAGE_HOOK);
        }
    }
}

static int stall(void *user)
{
    (void)user;
    return pause(); /* no signal comes but the last one */
}

TEST(a_hook_that_stalls_is_bounded)
{
    for (int round = 0; round < 3; round++) {
        int64_t before = lab_now_ms();
        is_refused("a stalled hook",
                   BROOD_OPTIONS(.argv = TRUE, .before_exec = stall, .start_timeout_ms = 200,
                                 .in = {.kind = BROOD_PIPE}, .out = {.kind = BROOD_PIPE}),
                   REFUSAL(.stage = BROOD_STAGE_TIMEOUT, .code = ETIMEDOUT, NUMBER(200),
                           .sentence = "cannot start /bin/true: its program had not begun within "
                                       "200 ms"));
        CHECK(lab_now_ms() - before < BOUND_MS);
    }
}

/* ------------------------------------------------------------------ beside threads */

static void *hold_the_lock(void *argument)
{
    atomic_bool *stop = argument;
    while (!atomic_load(stop))
        free(malloc(100000)); /* the heap's lock is taken most of the time */
    return NULL;
}

TEST(beside_busy_threads)
{
    atomic_bool stop = false;
    pthread_t threads[2];
    in_common = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(in_common != MAP_FAILED);
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, hold_the_lock, &stop) == 0);
    volatile int unused = 0;
    for (int turn = 0; turn < 50; turn++) {
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .before_exec = write_to_memory,
                                .user = (void *)(uintptr_t)&unused));
        ends_with(child, 0);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(*in_common, 50);
    CHECK_INT(in_memory, 0);
    CHECK_INT(munmap((void *)(uintptr_t)in_common, 4096), 0);
}
