/* SPDX-License-Identifier: MIT */
/*
 * A child that became another user: we may not signal it, and every call says so in bounded time;
 * what is freed all the same is reaped by a later start.
 *
 * Room tests. Invariant: the child ends by itself at end-of-file, so none is left behind.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static char program[PATH_MAX];

/* A child of a plain user that has become root, for good. */
static struct brood_child *start_root(void)
{
    char line[16] = "";
    struct brood_child *child =
        START(.argv = WORDS(program, "become-owner"), .in = A_PIPE, .out = A_PIPE);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) > 0);
    if (!strcmp(line, "nosuid")) {
        NOTE("the directory of tests is mounted nosuid: nothing tried");
        _exit(0);
    }
    return child;
}

static void try_signal_and_stop(void)
{
    struct brood_exit end;
    struct brood_child *child = start_root();
    CHECK_INT(brood_child_signal(child, SIGTERM), -EPERM);
    CHECK_INT(brood_child_signal(child, 0), -EPERM);
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_stop(child, 100, &end), -EPERM);
    CHECK_INT(brood_child_stop(child, 0, &end), -EPERM);
    CHECK_INT(brood_child_stop(child, BROOD_FOREVER, &end), -EPERM);
    CHECK(lab_now_ms() - before < 5000);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    end = END_OF(child);
    CHECK_EXITED(end, 3);
    CHECK_INT(end.cause, BROOD_CAUSE_OWN);
    brood_child_free(child);
    CHECK_INT(audit_children(), 0);
}

/* free() closes our ends, which ends this child, but may not kill it. */
static void try_free(void)
{
    struct brood_child *child = start_root();
    pid_t pid = brood_child_pid(child);
    int64_t before = lab_now_ms();
    CHECK(brood_child_free(child) == NULL);
    CHECK(lab_now_ms() - before < 15000);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    (void)brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL);
    CHECK_INT(audit_children(), 0);
}

TEST_TIMEOUT(a_child_that_became_root, 40)
{
    if (geteuid() != 0)
        SKIP("making a setuid program needs root");
    kit_copy_program(program, sizeof program, kit_odd, 04755);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        uid_t user = kit_plain_user();
        REQUIRE(lab_become(user) == 0);
        try_signal_and_stop();
        try_free();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}
