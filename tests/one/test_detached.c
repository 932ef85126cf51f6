/* SPDX-License-Identifier: MIT */
/*
 * BROOD_DETACHED: a program with a life of its own, that is nobody's child here, and whose start is
 * all or nothing like any other.
 *
 * Room tests. Invariant: what a test detaches it ends, and waits until that is gone; the runner,
 * which takes orphans in, would find it else. Each body holds where the system gives no pidfd too.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procs.h"

enum { CANNOT = 77 };
static struct audit before;

static void remember(void)
{
    audit_take(&before);
}

static void check_nothing_left(const char *what)
{
    char why[1024] = "";
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s: %s", what, why);
}

static bool is_known(const struct brood_child *child)
{
    return brood_child_pidfd(child) != -ENOTSUP;
}

/* Its end, whose status nobody here may take. */
static void check_end(struct brood_child *child, uint32_t kind, int code)
{
    struct brood_exit end = {.kind = 0};
    int result = brood_child_wait(child, KIT_BOUND_MS, &end);
    if (is_known(child) && CHECK_INT(result, 0))
        (void)(kit_keeps_statuses() || end.kind != BROOD_LOST
                   ? kit_check_end(end, kind, code, __FILE__, __LINE__)
                   : CHECK_INT(end.code, -1));
    if (!is_known(child))
        CHECK_INT(result, -ENOTSUP);
}

static void end_by_number(pid_t pid)
{
    REQUIRE(pid > 1);
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

/* ------------------------------------------------------------------ its life */

TEST(it_leads_its_own_session_and_is_not_ours)
{
    remember();
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .out = A_PIPE, .flags = BROOD_DETACHED);
    READY(child);
    struct proc_facts facts;
    pid_t pid = brood_child_pid(child);
    REQUIRE(proc_read(pid, &facts) == 0);
    CHECK_INT(facts.session, pid);
    CHECK_INT(facts.group, pid);
    CHECK_INT(facts.parent, getppid()); /* the runner, which takes orphans in */
    CHECK_INT(audit_children(), 0);
    CHECK_INT(waitpid(pid, NULL, WNOHANG), -1);
    CHECK_INT(brood_child_wait(child, 0, NULL), is_known(child) ? -ETIMEDOUT : -ENOTSUP);
    CHECK(brood_child_free(child) == NULL);
    CHECK(!proc_is_ending(pid)); /* and lives on */
    end_by_number(pid);
    check_nothing_left("a detached program");
}

/* Nothing that a start can leave: child, zombie, descriptor, thread, memory. */
TEST_TIMEOUT(two_hundred_starts, 60)
{
    size_t heap = 0;
    remember();
    for (int i = 0; i < 200; i++) {
        struct brood_child *child = START(.argv = TARGET("exit", "3"), .flags = BROOD_DETACHED);
        pid_t pid = brood_child_pid(child);
        CHECK_INT(audit_children(), 0);
        check_end(child, BROOD_EXITED, 3);
        brood_child_free(child);
        CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
        check_nothing_left("a start");
        if (i == 20)
            heap = heap_in_use();
    }
    CHECK_SAY(heap_in_use() == heap, "%zu bytes, then %zu", heap, heap_in_use());
}

static void *start_some(void *argument)
{
    for (int i = 0; i < 15; i++) {
        struct brood_child *child = NULL;
        if (brood_start(
                BROOD_OPTIONS(.argv = TARGET("exit", "0"), .out = A_PIPE, .flags = BROOD_DETACHED),
                &child, NULL) < 0)
            return argument;
        pid_t pid = brood_child_pid(child);
        brood_child_free(child);
        if (lab_wait_gone(pid, KIT_BOUND_MS) < 0)
            return argument;
    }
    return NULL;
}

TEST_TIMEOUT(from_many_threads_at_once, 60)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    remember();
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, start_some, &before) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        CHECK_INT(pthread_join(threads[i], &failed), 0);
        CHECK(!failed);
    }
    check_nothing_left("starts from threads");
}

/* It has what it was given, and nothing of the caller's: 0 to 2 are no terminal of ours. */
static void look_at_descriptors(const struct brood_stream *out, const char *want_out)
{
    char path[PATH_MAX], text[4096] = "";
    int secret = open("/dev/zero", O_RDONLY); /* not close-on-exec */
    REQUIRE(secret >= 0);
    (void)lab_path(path, sizeof path, "told");
    struct brood_child *child =
        START(.argv = TARGET("-o", path, "fds"), .out = *out, .flags = BROOD_DETACHED);
    pid_t pid = brood_child_pid(child);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    brood_child_free(child);
    CHECK(lab_read_file(path, text, sizeof text) > 0);
    unsigned lines = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1, lines++)
        CHECK_SAY(strstr(line, *line == '1' ? want_out : "/dev/null") && strchr("012", *line) &&
                      !strstr(line, "cloexec=1"),
                  "%.*s", (int)strcspn(line, "\n"), line);
    CHECK_INT(lines, 3);
    CHECK_INT(close(secret), 0);
}

TEST(inherited_streams_are_nowhere)
{
    const struct brood_stream inherited = {.kind = BROOD_INHERIT}, a_pipe = {.kind = BROOD_PIPE};
    look_at_descriptors(&inherited, "/dev/null");
    look_at_descriptors(&a_pipe, "pipe:[");
}

/* Unless a map says otherwise, or another stream is followed. */
TEST(mapped_and_merged_streams_are_what_was_asked)
{
    char line[64] = "";
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const struct brood_fd_map map = {ends[1], 2};
    struct brood_child *child =
        START(.argv = TARGET("print", "out", "err\n"), .fds = &map, .fd_count = 1,
              .out = {.kind = BROOD_MERGE}, .flags = BROOD_DETACHED);
    CHECK_INT(lab_read_line(ends[0], line, sizeof line, KIT_BOUND_MS), 6);
    CHECK_STR(line, "outerr");
    CHECK_INT(lab_wait_gone(brood_child_pid(child), KIT_BOUND_MS), 0);
    brood_child_free(child);
    CHECK_INT(close(ends[0]) + close(ends[1]), 0);
}

/* The other end of its pipes is closed with the handle; who ignores SIGPIPE lives on. */
TEST(its_pipes_close_and_it_lives_on)
{
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .in = A_PIPE, .out = A_PIPE, .err = A_PIPE,
              .flags = BROOD_DETACHED, .ignore_signals = UINT64_C(1) << (SIGPIPE - 1));
    READY(child);
    pid_t pid = brood_child_pid(child);
    brood_child_free(child);
    CHECK(!proc_is_ending(pid));
    end_by_number(pid);
    /* Who does not, ends by it. */
    child = START(.argv = WORDS(kit_odd, "endless"), .err = A_PIPE, .out = A_PIPE,
                  .flags = BROOD_DETACHED);
    char line[64] = "";
    CHECK(lab_read_line(brood_child_stream(child, BROOD_ERR), line, sizeof line, KIT_BOUND_MS) > 4);
    pid = (pid_t)atoi(line + 4);
    REQUIRE(pid > 1);
    brood_child_free(child);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

/* ------------------------------------------------------------------ its end */

TEST(its_status)
{
    static const int codes[] = {0, 1, 3, 127, 128, 255};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", codes[i]);
        struct brood_child *child = START(.argv = TARGET("exit", code), .flags = BROOD_DETACHED);
        pid_t pid = brood_child_pid(child);
        check_end(child, BROOD_EXITED, codes[i]);
        check_end(child, BROOD_EXITED, codes[i]); /* and again */
        CHECK_INT(brood_child_signal(child, SIGTERM), is_known(child) ? -ESRCH : -ENOTSUP);
        brood_child_free(child);
        CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    }
    struct brood_child *child = START(.argv = TARGET("kill", "9"), .flags = BROOD_DETACHED);
    pid_t pid = brood_child_pid(child);
    check_end(child, BROOD_SIGNALLED, SIGKILL);
    brood_child_free(child);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

TEST(signals_reach_it)
{
    struct brood_child *child =
        START(.argv = TARGET("catch-term", "9"), .out = A_PIPE, .flags = BROOD_DETACHED);
    READY(child);
    pid_t pid = brood_child_pid(child);
    if (!is_known(child)) {
        CHECK_INT(brood_child_signal(child, SIGTERM), -ENOTSUP);
        CHECK_INT(brood_child_stop(child, 0, NULL), -ENOTSUP);
        CHECK_INT(brood_child_wait(child, 0, NULL), -ENOTSUP);
        CHECK_INT(brood_child_wait(child, BROOD_FOREVER, NULL), -ENOTSUP);
        brood_child_free(child);
        end_by_number(pid);
        return;
    }
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_signal(child, SIGTERM), 0);
    check_end(child, BROOD_EXITED, 9);
    CHECK_INT(brood_child_signal(child, SIGTERM), -ESRCH);
    brood_child_free(child);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

static void stop_it(const char *verb, int64_t grace_ms, int signal_number)
{
    struct brood_exit end = {.kind = 0};
    struct brood_child *child =
        START(.argv = WORDS(kit_target, verb), .out = A_PIPE, .flags = BROOD_DETACHED);
    READY(child);
    pid_t pid = brood_child_pid(child);
    if (is_known(child)) {
        CHECK_INT(brood_child_stop(child, grace_ms, &end), 0);
        CHECK_INT(end.cause, BROOD_CAUSE_ASKED);
        check_end(child, BROOD_SIGNALLED, signal_number);
        brood_child_free(child);
        CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    } else {
        brood_child_free(child);
        end_by_number(pid);
    }
}

TEST(it_can_be_stopped)
{
    stop_it("sleep", KIT_BOUND_MS, SIGTERM);
    stop_it("sleep", 0, SIGKILL);
    stop_it("ignore-term", 100, SIGKILL);
}

TEST(it_can_be_released)
{
    remember();
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .out = A_PIPE, .in = A_PIPE, .flags = BROOD_DETACHED);
    READY(child);
    pid_t pid = brood_child_pid(child);
    CHECK_INT(brood_child_release(child), pid);
    CHECK(!proc_is_ending(pid));
    end_by_number(pid);
    check_nothing_left("a released one");
}

/* Its terminal is our end; without that it is hung up. */
TEST(with_a_terminal)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        SKIP("there are no pseudoterminals here");
    CHECK_INT(close(master), 0);
    remember();
    char line[32] = "";
    struct brood_child *child = START(.argv = TARGET("sleep"), .in = {.kind = BROOD_PTY},
                                      .out = {.kind = BROOD_PTY}, .flags = BROOD_DETACHED);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) > 0);
    CHECK_STR(line, "ready\r");
    CHECK_INT(brood_child_resize(child, 2, 3), 0);
    pid_t pid = brood_child_pid(child);
    brood_child_free(child);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0); /* SIGHUP */
    check_nothing_left("one with a terminal");
}

/* ------------------------------------------------------------------ who takes orphans in */

static void adopt(void)
{
    struct brood_exit end;
    struct brood_child *child = START(.argv = TARGET("exit", "6"), .flags = BROOD_DETACHED);
    pid_t pid = brood_child_pid(child);
    if (is_known(child)) {
        CHECK_INT(brood_child_wait(child, KIT_BOUND_MS, &end), 0);
        CHECK_EXITED(end, 6);
        CHECK_INT(audit_children(), 0); /* the wait has reaped it */
        brood_child_free(child);
    } else {
        brood_child_free(child);
        CHECK_INT(waitpid(pid, NULL, 0), pid);
    }

    child = START(.argv = TARGET("sleep"), .out = A_PIPE, .flags = BROOD_DETACHED);
    READY(child);
    pid = brood_child_pid(child);
    brood_child_free(child);
    CHECK_INT(kill(pid, SIGKILL), 0); /* it lives, and is ours to reap */
    CHECK_INT(waitpid(pid, NULL, 0), pid);

    child = START(.argv = TARGET("exit", "0"), .flags = BROOD_DETACHED);
    pid = brood_child_pid(child);
    CHECK(kit_in_state(pid, "Z"));
    bool known = is_known(child);
    brood_child_free(child);
    CHECK_INT(audit_children(), known ? 0 : 1);
    if (!known)
        CHECK_INT(waitpid(pid, NULL, 0), pid);
    struct brood_error error;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .flags = BROOD_DETACHED), &child,
                          &error),
              -ENOENT);
    CHECK_INT(audit_children(), 0);
}

TEST(a_caller_that_is_a_subreaper)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        adopt();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static void live_as_first(void)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(getpid() == 1);
        REQUIRE(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        if (mount("proc", "/proc", "proc", 0, NULL) < 0)
            _exit(CANNOT);
        adopt();
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    _exit(WEXITSTATUS(status));
}

/* There everybody's orphans are the caller's. */
TEST(a_caller_that_is_the_first_of_its_namespace)
{
    int status = 0;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
            _exit(CANNOT);
        live_as_first();
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
        SKIP("no namespace of processes can be made here");
    CHECK_INT(status, 0);
}

/* With every status taken, the caller's own included. */
TEST(a_caller_that_ignores_its_children)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
        for (int i = 0; i < 20; i++) {
            struct brood_child *child = START(.argv = TARGET("exit", "6"), .flags = BROOD_DETACHED);
            pid_t program = brood_child_pid(child);
            check_end(child, BROOD_EXITED, 6);
            brood_child_free(child);
            CHECK_INT(lab_wait_gone(program, KIT_BOUND_MS), 0);
            CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .flags = BROOD_DETACHED),
                                  &child, NULL),
                      -ENOENT);
        }
        CHECK_INT(audit_children(), 0);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static volatile sig_atomic_t children_signalled;

static void count_signal(int number)
{
    (void)number;
    children_signalled = children_signalled + 1;
}

/* It is nobody's child here, so nobody here is told of its end. */
TEST(no_signal_for_the_caller)
{
    struct brood_child *child = START(.argv = TARGET("exit", "0")); /* the first of all may */
    (void)END_OF(child);
    brood_child_free(child);
    REQUIRE(signal(SIGCHLD, count_signal) != SIG_ERR);
    for (int i = 0; i < 20; i++) {
        child = START(.argv = TARGET("exit", "0"), .flags = BROOD_DETACHED);
        bool known = is_known(child);
        pid_t pid = brood_child_pid(child);
        brood_child_free(child);
        CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
        if (known)
            CHECK_INT(children_signalled, 0);
    }
    REQUIRE(signal(SIGCHLD, SIG_DFL) == count_signal);
}
