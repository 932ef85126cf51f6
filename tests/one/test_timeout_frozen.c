/* SPDX-License-Identifier: MIT */
/*
 * A process that even SIGKILL does not end, because it sits in a frozen control group (version 1):
 * every call keeps its bound all the same, names the process, and a later start reaps it.
 *
 * Room tests. Invariant: the group is thawed whatever becomes of the test, by a guard of its own.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The library gives a kill ten seconds. */
enum { KILL_BOUND_MS = 10000, START_TIMEOUT_MS = 200, LATEST_MS = 3 * KILL_BOUND_MS };

#define FREEZER "/sys/fs/cgroup/freezer"

static char group[128];
static pid_t guard;

static bool write_to(const char *name, const char *text)
{
    char path[192];
    (void)snprintf(path, sizeof path, "%s/%s", group, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return good;
}

/* A frozen process outlives every SIGKILL, that of the test's time limit too. */
static void be_guard(pid_t parent)
{
    sigset_t awaited;
    int number;
    (void)sigemptyset(&awaited);
    (void)sigaddset(&awaited, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &awaited, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    if (getppid() == parent)
        (void)sigwait(&awaited, &number);
    (void)write_to("freezer.state", "THAWED");
    _exit(0);
}

static void open_freezer(void)
{
    pid_t self = getpid();
    if (geteuid() != 0)
        SKIP("freezing needs root");
    (void)snprintf(group, sizeof group, FREEZER "/brood-test-%d", (int)getpid());
    if (mkdir(group, 0755) < 0)
        SKIP("there is no freezer of control groups version 1");
    guard = fork();
    REQUIRE(guard >= 0);
    if (guard == 0)
        be_guard(self);
}

/* Waits until the group is frozen: the kernel says so when every process in it is. */
static bool freeze(pid_t pid)
{
    char number[16], path[192], state[16] = "";
    (void)snprintf(number, sizeof number, "%d", (int)pid);
    (void)snprintf(path, sizeof path, "%s/freezer.state", group);
    bool good = write_to("cgroup.procs", number) && write_to("freezer.state", "FROZEN");
    int64_t deadline = lab_now_ms() + KIT_BOUND_MS;
    while (good && strncmp(state, "FROZEN", 6) != 0 && lab_now_ms() < deadline) {
        (void)usleep(1000);
        (void)lab_read_file(path, state, sizeof state);
    }
    return good && !strncmp(state, "FROZEN", 6);
}

/* After this the process meets the SIGKILL that it could not meet before. */
static void thaw(pid_t pid)
{
    CHECK(write_to("freezer.state", "THAWED"));
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

static void close_freezer(void)
{
    int64_t deadline = lab_now_ms() + KIT_BOUND_MS;
    while (rmdir(group) < 0 && errno == EBUSY && lab_now_ms() < deadline)
        (void)usleep(1000); /* until the kernel has let the last process go */
    CHECK(access(group, F_OK) < 0);
    CHECK_INT(kill(guard, SIGUSR1), 0);
    CHECK_CHILD(guard, 0);
}

static int other_children(void)
{
    return audit_children() - 1; /* the guard */
}

static void check_bound(int64_t took_ms)
{
    CHECK_SAY(took_ms >= KILL_BOUND_MS - 500 && took_ms < LATEST_MS, "took %d ms", (int)took_ms);
    NOTE("took %d ms", (int)took_ms);
}

/* What was set aside is a zombie of ours until a later start has looked. */
static void a_later_start_reaps(void)
{
    CHECK_INT(other_children(), 1);
    struct brood_child *child = START(.argv = TARGET("exit", "0"));
    (void)END_OF(child);
    brood_child_free(child);
    CHECK_INT(other_children(), 0);
}

TEST_TIMEOUT(a_start_that_cannot_be_ended_is_set_aside, 90)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    open_freezer();
    kit_stall_open(&stall);
    kit_attempt_begin(&attempt,
                      BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "0"), .in = A_PIPE,
                                    .out = A_PIPE, .start_timeout_ms = START_TIMEOUT_MS));
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    CHECK(freeze(pid));
    kit_attempt_end(&attempt);
    check_bound(attempt.took_ms);
    CHECK_INT(attempt.result, -ETIMEDOUT);
    CHECK_INT(attempt.error.stage, BROOD_STAGE_TIMEOUT);
    CHECK_INT(attempt.error.unkillable_pid, pid);
    CHECK(attempt.child == NULL);

    /* What it may still use is not used by another start meanwhile, and it is not waited for. */
    int64_t before = lab_now_ms();
    struct brood_child *other = START(.argv = TARGET("exit", "8"));
    CHECK_EXITED(END_OF(other), 8);
    brood_child_free(other);
    CHECK(lab_now_ms() - before < KILL_BOUND_MS / 2);
    CHECK_INT(other_children(), 1);

    thaw(pid);
    kit_stall_close(&stall);
    a_later_start_reaps();
    close_freezer();
}

TEST_TIMEOUT(a_stop_that_cannot_end_it_keeps_its_bound, 90)
{
    open_freezer();
    struct brood_child *child = START(.argv = TARGET("sleep"));
    pid_t pid = brood_child_pid(child);
    CHECK(freeze(pid));
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_stop(child, 0, NULL), -ETIMEDOUT);
    check_bound(lab_now_ms() - before);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    thaw(pid);
    struct brood_exit end = END_OF(child);
    CHECK_KILLED(end, SIGKILL);
    CHECK_INT(end.cause, BROOD_CAUSE_ASKED);
    brood_child_free(child);
    CHECK_INT(other_children(), 0);
    close_freezer();
}

TEST_TIMEOUT(a_free_that_cannot_end_it_sets_it_aside, 90)
{
    open_freezer();
    struct brood_child *child = START(.argv = TARGET("sleep"), .in = A_PIPE, .out = A_PIPE);
    pid_t pid = brood_child_pid(child);
    CHECK(freeze(pid));
    int64_t before = lab_now_ms();
    CHECK(brood_child_free(child) == NULL);
    check_bound(lab_now_ms() - before);
    thaw(pid);
    a_later_start_reaps();
    close_freezer();
}

struct frozen_run {
    pthread_t thread;
    struct brood_error error;
    int ready[2]; /* the child's stdout */
    int result;
    int64_t took_ms;
};

static void *run_frozen(void *argument)
{
    struct frozen_run *run = argument;
    struct brood_result unused;
    int64_t before = lab_now_ms();
    run->result = brood_run(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "echo $$; exec sleep 60"),
                                          .out = {.kind = BROOD_FD, .fd = run->ready[1]},
                                          .err = A_MEMORY, .timeout_ms = 1000),
                            &unused, &run->error);
    run->took_ms = lab_now_ms() - before;
    return NULL;
}

/* The bound is given once: the end of the run does not wait for it again. */
TEST_TIMEOUT(a_run_that_cannot_end_it_keeps_its_bound, 90)
{
    struct frozen_run run = {.result = 0};
    char line[16] = "";
    open_freezer();
    CHECK_INT(pipe2(run.ready, O_CLOEXEC), 0);
    CHECK_INT(pthread_create(&run.thread, NULL, run_frozen, &run), 0);
    CHECK(lab_read_line(run.ready[0], line, sizeof line, KIT_BOUND_MS) > 0);
    pid_t pid = (pid_t)atoi(line);
    CHECK(pid > 1 && freeze(pid));
    CHECK_INT(pthread_join(run.thread, NULL), 0);
    CHECK_INT(run.result, -ETIMEDOUT);
    CHECK_INT(run.error.stage, BROOD_STAGE_TIMEOUT);
    CHECK_INT(run.error.unkillable_pid, pid);
    CHECK_SAY(run.took_ms < KILL_BOUND_MS * 3 / 2, "took %d ms", (int)run.took_ms);
    thaw(pid);
    a_later_start_reaps();
    close_freezer();
    (void)close(run.ready[0]);
    (void)close(run.ready[1]);
}
