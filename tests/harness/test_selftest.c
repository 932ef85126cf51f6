/* SPDX-License-Identifier: MIT */
/*
 * The harness's own test: runs each planted defect (seeded*.c) alone and demands that it fails with
 * the right words, each clean test and demands that it passes, and that nothing is left of either.
 *
 * Invariant: one row below for every test of the seeded program (checked by its --list).
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A leak of memory is a defect where a sanitizer looks for it, and unseen elsewhere. */
#if TEST_UNDER_ASAN
#define LEAK_SEEN(ROW) ROW(memory_leaked, "memory was leaked")
#define LEAK_UNSEEN(ROW)
#else
#define LEAK_SEEN(ROW)
#define LEAK_UNSEEN(ROW) ROW(memory_leaked, "ok 1 - memory_leaked\n")
#endif

/* Each defect, and words that its failure must have. */
#define DEFECTS(ROW)                                                                               \
    ROW(child_left, "audit: child left: pid ")                                                     \
    ROW(child_stopped, "state T")                                                                  \
    ROW(setsid_orphan, "left behind, alive: pid ")                                                 \
    ROW(double_forked_orphan, "left behind, alive: pid ")                                          \
    ROW(hidden_orphan, "left behind, alive: pid ")                                                 \
    ROW(zombie, "audit: zombie left: pid ")                                                        \
    ROW(clone_child_left, "audit: child left: pid ")                                               \
    ROW(thread_left, "audit: threads changed: ")                                                   \
    ROW(fd_opened, "opened: /dev/null")                                                            \
    ROW(fd_closed, "audit: descriptor 0 closed: /dev/null")                                        \
    ROW(fd_retargeted, "audit: descriptor 0 re-targeted: /dev/null -> /dev/zero")                  \
    ROW(fd_nonblocking, "-> read-write nonblocking")                                               \
    ROW(fd_cloexec, "close-on-exec changed: 0 -> 1")                                               \
    ROW(mask_changed, "audit: signal mask changed: SIGUSR1 is blocked")                            \
    ROW(disposition_ignored, "audit: disposition of SIGPIPE changed: default -> ignored")          \
    ROW(disposition_handler, "audit: disposition of SIGUSR2 changed: default -> a handler")        \
    ROW(timer_left, "audit: real timer changed: 0 -> 1")                                           \
    ROW(directory_changed, "audit: working directory changed: ")                                   \
    ROW(umask_changed, "audit: umask changed: 022 -> 0")                                           \
    ROW(limit_changed, "audit: limit RLIMIT_NOFILE changed: ")                                     \
    ROW(environment_set, "audit: environment changed: SEEDED_VARIABLE")                            \
    ROW(environment_removed, "audit: environment changed: ")                                       \
    ROW(subreaper_set, "audit: child subreaper changed: 0 -> 1")                                   \
    ROW(hang, "not done within 1 s: pid ")                                                         \
    ROW(hang_with_child, "left behind, alive: pid ")                                               \
    ROW(assert_fails, "assertion failed in ")                                                      \
    ROW(assert_fails_in_child, "assertion failed in ")                                             \
    ROW(abort_in_child, "abort() was called")                                                      \
    ROW(crash, "ended by signal 11 ")                                                              \
    ROW(crash_in_child, "ended by signal 11 ")                                                     \
    ROW(early_exit, "the test ended early: its process exited with 0")                             \
    ROW(early_exit_by_exec, "the test ended early: its process exited with 0")                     \
    ROW(child_returns, "a forked child returned from the test's body")                             \
    ROW(check_fails, "1 + 1 == 3")                                                                 \
    ROW(check_fails_in_child, "1 + 1 is 2, not 3")                                                 \
    ROW(check_fails_without_streams, "is \"one\", not \"other\"")                                  \
    ROW(check_fails_in_thread, "[in thread ")                                                      \
    ROW(require_fails, "required: 1 + 1 == 3")                                                     \
    ROW(check_memory_fails, "byte 2 of 4 is 0x63, not 0x78")                                       \
    ROW(checks_nothing, "the test checked nothing")                                                \
    ROW(skip_with_leak, "opened: /dev/null") LEAK_SEEN(ROW)

/* Each clean test, and words that its success must have. */
#define CLEAN(ROW)                                                                                 \
    ROW(clean_checks, "# note: a figure: 42\n")                                                    \
    ROW(clean_child, "ok 1 - clean_child\n")                                                       \
    ROW(clean_orphan, "ok 1 - clean_orphan\n")                                                     \
    ROW(clean_restored, "ok 1 - clean_restored\n")                                                 \
    ROW(clean_threads, "ok 1 - clean_threads\n")                                                   \
    ROW(clean_directory, "ok 1 - clean_directory\n")                                               \
    ROW(clean_skip, "1..0 # SKIP nothing to see\n") LEAK_UNSEEN(ROW)

enum { RUN_MS = 15000, KILLED_BY = 1000 };

static char output[65536]; /* what the last run of the seeded program printed */

static pid_t start_seeded(char *const *argv, const char *output_path)
{
    char program[4096];
    (void)lab_built_program(program, sizeof program, "harness/seeded");
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = open(output_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2)
        (void)execv(program, argv);
    _exit(127);
}

/* Waits for the program; returns its exit code, or KILLED_BY + signal. */
static int finish_seeded(pid_t pid, const char *output_path)
{
    int status = 0;
    if (lab_wait_gone(pid, RUN_MS) < 0)
        (void)kill(pid, SIGKILL);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(lab_read_file(output_path, output, sizeof output) >= 0);
    return WIFSIGNALED(status) ? KILLED_BY + WTERMSIG(status) : WEXITSTATUS(status);
}

/* As a subreaper, so that whatever escapes the seeded program's own runner arrives here. */
static int run_seeded(char *const *argv)
{
    char path[4096];
    (void)lab_path(path, sizeof path, "output");
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    int code = finish_seeded(start_seeded(argv, path), path);
    CHECK_INT(audit_children(), 0);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
    return code;
}

#define RUN_SEEDED(...) run_seeded((char *[]){(char[]){"seeded"}, __VA_ARGS__, NULL})

static int run_one_seeded(const char *name)
{
    char only[] = "--only", copy[64];
    (void)snprintf(copy, sizeof copy, "%s", name);
    return RUN_SEEDED(only, copy);
}

static void expect_caught(const char *name, const char *words)
{
    char line[128];
    CHECK_INT(run_one_seeded(name), 1);
    (void)snprintf(line, sizeof line, "\nnot ok 1 - %s\n", name);
    CHECK_HAS(output, line);
    CHECK_HAS(output, words);
    (void)snprintf(line, sizeof line, "\n# repeat: seeded --only %s\n", name);
    CHECK_HAS(output, line);
    CHECK_HAS(output, "\n1..1\n");
}

static void expect_clean(const char *name, const char *words)
{
    CHECK_INT(run_one_seeded(name), 0);
    CHECK_HAS(output, words);
    CHECK(!strstr(output, "not ok"));
}

#define TEST_CAUGHT(name, words)                                                                   \
    TEST(catches_##name)                                                                           \
    {                                                                                              \
        expect_caught(#name, words);                                                               \
    }
#define TEST_PASSES(name, words)                                                                   \
    TEST(passes_##name)                                                                            \
    {                                                                                              \
        expect_clean(#name, words);                                                                \
    }
DEFECTS(TEST_CAUGHT)
CLEAN(TEST_PASSES)

TEST(every_seeded_test_has_a_row)
{
    static const char rows[] = "\n"
#define NAME_LINE(name, words) #name "\n"
        DEFECTS(NAME_LINE) CLEAN(NAME_LINE);
    char list[] = "--list", name[128], *rest = NULL;
    CHECK_INT(RUN_SEEDED(list), 0);
    size_t length = strlen(output);
    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        (void)snprintf(name, sizeof name, "\n%s\n", line);
        CHECK_HAS(rows, name);
    }
    CHECK_INT(length, sizeof rows - 2);
}

static int count_in_output(const char *words)
{
    int count = 0;
    for (const char *at = output; (at = strstr(at, words)); at++)
        count++;
    return count;
}

/* One failure stops no other test, and the plan counts them all. */
TEST(failures_stop_nothing)
{
    char only[] = "--only", pattern[] = "c*";
    CHECK_INT(RUN_SEEDED(only, pattern), 1);
    int failed = count_in_output("\nnot ok "), passed = count_in_output("\nok ");
    char plan[64];
    (void)snprintf(plan, sizeof plan, "\n1..%d\n# failed %d of %d\n", failed + passed, failed,
                   failed + passed);
    CHECK_HAS(output, plan);
    CHECK_HAS(output, " - clean_skip # SKIP nothing to see\n");
    CHECK_INT(failed, 12);
    CHECK_INT(passed, 7);
}

TEST(unknown_name_is_an_error)
{
    char only[] = "--only", name[] = "no_such_test", wrong[] = "--wrong";
    CHECK_INT(RUN_SEEDED(only, name), 2);
    CHECK_HAS(output, "no test has that name");
    CHECK_INT(RUN_SEEDED(wrong), 2);
    CHECK_HAS(output, "usage: ");
}

TEST(in_place_has_the_same_verdict)
{
    char only[] = "--only", in_place[] = "--no-fork";
    char clean[] = "clean_child", failing[] = "check_fails", leaking[] = "fd_opened";
    CHECK_INT(RUN_SEEDED(in_place, only, clean), 0);
    CHECK_INT(RUN_SEEDED(in_place, only, failing), 1);
    CHECK_HAS(output, "1 + 1 == 3");
    CHECK_INT(RUN_SEEDED(in_place, only, leaking), 1);
    CHECK_HAS(output, "opened: /dev/null");
}

/* A test without a limit of its own takes the one of the command line. */
TEST(time_limit_of_the_command_line)
{
    char only[] = "--only", name[] = "hang", limit[] = "--timeout", seconds[] = "2";
    int64_t begun = lab_now_ms();
    CHECK_INT(RUN_SEEDED(limit, seconds, only, name), 1);
    CHECK_HAS(output, "not done within 2 s");
    CHECK(lab_now_ms() - begun >= 2000);
}

/* Starts a hanging test and returns its runner when the test's own child is there: an event that
 * shows in /proc alone. */
static pid_t start_hanging(const char *output_path, pid_t *ret_test)
{
    char only[] = "--only", name[] = "hang_with_child", limit[] = "--timeout", seconds[] = "60";
    char program[] = "seeded", path[64], text[64];
    char *const argv[] = {program, only, name, limit, seconds, NULL};
    int64_t deadline = lab_now_ms() + RUN_MS;
    pid_t runner = start_seeded(argv, output_path), test = 0;
    ssize_t got = 0;
    while (got <= 0 && lab_now_ms() < deadline) {
        pid_t of = test > 0 ? test : runner;
        (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)of, (int)of);
        got = lab_read_file(path, text, sizeof text);
        if (got > 0 && test == 0) {
            test = (pid_t)atoi(text);
            got = 0;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    CHECK(got > 0);
    *ret_test = test;
    return runner;
}

TEST(interrupted_runner_leaves_nothing)
{
    char path[4096];
    pid_t test;
    (void)lab_path(path, sizeof path, "output");
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t runner = start_hanging(path, &test);
    CHECK(test > 0);
    CHECK_INT(kill(runner, SIGTERM), 0);
    CHECK_INT(finish_seeded(runner, path), 128 + SIGTERM);
    CHECK_HAS(output, "Bail out! Interrupted by signal 15\n");
    CHECK_INT(audit_children(), 0);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void expect_killed(pid_t pid)
{
    int status = 0;
    CHECK_INT(lab_wait_gone(pid, RUN_MS), 0);
    CHECK_INT(waitpid(pid, &status, WNOHANG), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Even a runner that is killed takes the test with it; the test's own child is nobody's then. */
TEST(killed_runner_takes_its_test_along)
{
    char path[4096];
    pid_t test, left[8];
    (void)lab_path(path, sizeof path, "output");
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t runner = start_hanging(path, &test);
    CHECK_INT(kill(runner, SIGKILL), 0);
    CHECK_INT(finish_seeded(runner, path), KILLED_BY + SIGKILL);
    /* the test arrives here first; its child once the test has ended */
    expect_killed(test);
    REQUIRE(audit_list_children(left, 8) == 1);
    CHECK_INT(kill(left[0], SIGKILL), 0);
    expect_killed(left[0]);
    CHECK_INT(audit_children(), 0);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}
