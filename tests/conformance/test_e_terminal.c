/* SPDX-License-Identifier: MIT */
/*
 * Signals by way of a terminal: handed over from the background without a stop, and a Ctrl-C that
 * meets whose terminal it is.
 *
 * Room tests. Invariant: every terminal here is a pseudoterminal of the test's own.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static _Noreturn void wait_to_be_ended(void)
{
    for (;;)
        (void)pause();
}

/* A session with a terminal whose foreground is another group than ours. Returns its leader. */
static pid_t be_in_background(int terminal)
{
    pid_t other = fork();
    REQUIRE(other >= 0);
    if (other == 0)
        wait_to_be_ended();
    REQUIRE(setpgid(other, other) == 0 && tcsetpgrp(terminal, other) == 0);
    CHECK_INT(tcgetpgrp(terminal), other);
    return other;
}

/* Who touches the terminal's group from the background gets SIGTTOU, at its default: a stop. */
static void hand_over_from_background(void)
{
    REQUIRE(setsid() > 0);
    int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
    int terminal = open(ptsname(ours), O_RDWR | O_CLOEXEC);
    REQUIRE(terminal >= 0);
    pid_t other = be_in_background(terminal);
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .out = A_PIPE, .flags = BROOD_NEW_GROUP | BROOD_FOREGROUND);
    (void)READY(child);
    CHECK_INT(tcgetpgrp(terminal), brood_child_pid(child));
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, NULL), 0);
    CHECK_INT(tcgetpgrp(terminal), other);
    brood_child_free(child);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"),
                                        .flags = BROOD_NEW_GROUP | BROOD_FOREGROUND),
                          &child, NULL),
              -ENOENT);
    CHECK_INT(tcgetpgrp(terminal), other);
    CHECK_INT(kill(other, SIGKILL), 0);
    CHECK_INT(waitpid(other, NULL, 0), other);
}

TEST(e11_stopped_for_touching_the_terminal)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        hand_over_from_background();
        _exit(0);
    }
    CHECK_CHILD(pid, 0); /* not stopped on the way: it would not end */
}

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* On its own terminal the child alone; who asked for no terminal is not met. */
TEST(e12_ctrl_c_reaches_both)
{
    struct sigaction action = {.sa_handler = note_interrupt};
    REQUIRE(sigaction(SIGINT, &action, NULL) == 0);
    struct brood_child *beside = START(.argv = TARGET("sleep"), .out = A_PIPE);
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .in = {.kind = BROOD_PTY}, .out = {.kind = BROOD_PTY});
    (void)READY(beside);
    (void)READY(child);
    CHECK_INT(brood_child_write(child, "\003", 1, KIT_BOUND_MS), 1);
    CHECK_KILLED(END_OF(child), SIGINT);
    CHECK_INT(brood_child_wait(beside, 0, NULL), -ETIMEDOUT);
    CHECK_INT(interrupted, 0);
    brood_child_free(child);
    brood_child_free(beside);
    action.sa_handler = SIG_DFL;
    REQUIRE(sigaction(SIGINT, &action, NULL) == 0);
}
