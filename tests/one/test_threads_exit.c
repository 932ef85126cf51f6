/* SPDX-License-Identifier: MIT */
/*
 * main returns with 100 children alive and a start in flight: the program ends at once, with its
 * own exit code, and says nothing.
 *
 * Room tests. Invariant: the start is in flight, since its exec is held open; all children are
 * ended by the test.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHILDREN = 100, AT_ONCE_MS = 5000 };

/* The program runs as a plain fork and exec, so that nothing of ours helps it. */
static pid_t run_program(int tells, int output, int input, const char *held)
{
    char path[PATH_MAX];
    (void)lab_built_program(path, sizeof path, "one/leaves_children");
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        tells = fcntl(tells, F_DUPFD, 10);
        output = fcntl(output, F_DUPFD, 10);
        if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 || dup2(tells, 3) < 0)
            _exit(99);
        (void)syscall(SYS_close_range, 4, ~0U, 0);
        /* A leak checker would stop every thread at the end, and one of them cannot be stopped. */
        char leaks[] = "ASAN_OPTIONS=detect_leaks=0";
        char *const env[] = {leaks, NULL};
        (void)execle(path, path, "100", kit_target, held, (char *)NULL, env);
        _exit(98);
    }
    return pid;
}

static void end_orphans(const pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_INT(kill(pids[i], SIGKILL), 0);
        CHECK_INT(lab_wait_gone(pids[i], KIT_BOUND_MS), 0);
    }
}

TEST_TIMEOUT(main_returns_with_a_hundred_children_and_a_start_in_flight, 60)
{
    struct kit_stall stall;
    int tells[2], output[2], input[2];
    pid_t pids[CHILDREN];
    char line[32];
    kit_stall_open(&stall);
    REQUIRE(pipe2(tells, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0 &&
            pipe2(input, O_CLOEXEC) == 0);
    pid_t program = run_program(tells[1], output[1], input[0], stall.program);
    (void)close(tells[1]);
    (void)close(output[1]);
    (void)close(input[0]);
    int count = 0;
    while (lab_read_line(tells[0], line, sizeof line, KIT_BOUND_MS) > 0 && line[0] != '-' &&
           count < CHILDREN)
        pids[count++] = (pid_t)atoi(line);
    CHECK_INT(count, CHILDREN);
    pid_t held = kit_stall_wait(&stall, KIT_BOUND_MS);
    CHECK(held > 1);

    int64_t before = lab_now_ms();
    (void)close(input[1]);
    CHECK_CHILD(program, 0);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took < AT_ONCE_MS, "%d ms", (int)took);

    /* The start that was in flight may go on as an orphan: nothing was asked to end it. */
    CHECK_INT(kill(held, SIGKILL), 0);
    CHECK_INT(lab_wait_gone(held, KIT_BOUND_MS), 0);
    end_orphans(pids, count);
    CHECK_INT(lab_read_all(output[0], line, sizeof line, KIT_BOUND_MS), 0); /* not a word */
    (void)close(output[0]);
    (void)close(tells[0]);
    kit_stall_close(&stall);
}
