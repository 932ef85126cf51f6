/* SPDX-License-Identifier: MIT */
/*
 * BROOD_FOREGROUND for callers of every kind: who ignores or blocks SIGTTOU, who is in the
 * background, who has no terminal, who has SIGTTOU at its default with handlers around.
 *
 * Invariant: the caller is never stopped by a signal of the terminal, and its dispositions, mask
 * and pending signals are as before.
 */
#include "seats.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void hold_once(int terminal)
{
    struct seat_pipe told;
    pid_t before = tcgetpgrp(terminal);
    seat_pipe_open(&told);
    struct brood_child *child = start(BROOD_OPTIONS(.argv = SEAT("hold", "4"), .fds = &told.map,
                                                    .fd_count = 1, .in = {.kind = BROOD_PIPE},
                                                    .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP));
    REQUIRE(child);
    CHECK_HAS(seat_line(&told), "control 1 leader 0 foreground 1");
    CHECK_INT(tcgetpgrp(terminal), brood_child_pid(child));
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_HAS(seat_line(&told), "foreground 1");
    ends_with(child, 4);
    CHECK_INT(tcgetpgrp(terminal), before);
    seat_pipe_close(&told);
    is_refused(
        "a missing program",
        BROOD_OPTIONS(.argv = WORDS("/no/such"), .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP),
        REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT));
    CHECK_INT(tcgetpgrp(terminal), before);
}

static void with_signal_ignored(int terminal)
{
    REQUIRE(signal(SIGTTOU, SIG_IGN) != SIG_ERR);
    hold_once(terminal);
    REQUIRE(signal(SIGTTOU, SIG_DFL) == SIG_IGN);
}

TEST(who_ignores_the_signal)
{
    in_a_terminal(with_signal_ignored);
}

static void with_signal_blocked(int terminal)
{
    sigset_t set, pending;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTTOU);
    REQUIRE(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    hold_once(terminal);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGTTOU));
    REQUIRE(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
}

TEST(who_blocks_the_signal)
{
    in_a_terminal(with_signal_blocked);
}

static volatile sig_atomic_t caught;

static void count_signal(int number)
{
    (void)number;
    caught = caught + 1;
}

static void with_signal_caught(int terminal)
{
    caught = 0;
    REQUIRE(signal(SIGTTOU, count_signal) != SIG_ERR);
    hold_once(terminal);
    CHECK_INT(caught, 0);
    REQUIRE(signal(SIGTTOU, SIG_DFL) == count_signal);
}

TEST(who_catches_the_signal)
{
    in_a_terminal(with_signal_caught);
}

/* A process in the background of the session: it takes the terminal for its child, gives it back
 * to whom it belonged, and is never stopped. Ours is the status that would tell. */
static void from_the_background(int terminal)
{
    int status = 0;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(setpgid(0, 0) == 0 && tcgetpgrp(terminal) != getpgrp());
        hold_once(terminal);
        _exit(0);
    }
    REQUIRE(waitpid(pid, &status, WUNTRACED) == pid);
    CHECK_SAY(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
    if (WIFSTOPPED(status)) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
}

TEST(who_is_in_the_background)
{
    in_a_terminal(from_the_background);
}

/* Nobody is in the foreground: a group that has ended. It is what it was before. */
static void after_the_foreground_ended(int terminal)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGTTOU, SIG_IGN);
        _exit(setpgid(0, 0) == 0 && tcsetpgrp(terminal, getpgrp()) == 0 ? 0 : 1);
    }
    CHECK_CHILD(pid, 0);
    struct seat_pipe told;
    seat_pipe_open(&told);
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = SEAT("tell"), .fds = &told.map, .fd_count = 1,
                            .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP));
    if (child)
        CHECK_HAS(seat_line(&told), "foreground 1");
    ends_with(child, 0);
    seat_pipe_close(&told);
    (void)signal(SIGTTOU, SIG_IGN);
    CHECK_INT(tcsetpgrp(terminal, getpgrp()), 0);
    (void)signal(SIGTTOU, SIG_DFL);
}

TEST(who_finds_no_group_in_the_foreground)
{
    in_a_terminal(after_the_foreground_ended);
}

/* ------------------------------------------------------------------ no terminal */

TEST(who_has_no_terminal)
{
    /* The runner gives each test a session of its own. */
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY);
    REQUIRE(terminal < 0);
    for (int round = 0; round < 20; round++)
        is_refused("no terminal",
                   BROOD_OPTIONS(.argv = WORDS("/bin/true"), .in = {.kind = BROOD_PIPE},
                                 .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP),
                   REFUSAL(.stage = BROOD_STAGE_TERMINAL, .code = ENXIO,
                           .subject = "of the caller (/dev/tty)",
                           .sentence = "cannot start /bin/true: terminal of the caller (/dev/tty): "
                                       "No such device or address"));
    run_is_refused("no terminal",
                   BROOD_OPTIONS(.argv = WORDS("/bin/true"), .out = {.kind = BROOD_MEMORY},
                                 .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP),
                   REFUSAL(.stage = BROOD_STAGE_TERMINAL, .code = ENXIO));
}

/* The terminal is hung up while the child has it: its end is an end all the same. */
TEST(whose_terminal_goes_away)
{
    seat_needs_terminals();
    char byte;
    int ends[2];
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master >= 0 && unlockpt(master) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(setsid() == getpid() && signal(SIGHUP, SIG_IGN) != SIG_ERR);
        int terminal = open(ptsname(master), O_RDWR | O_CLOEXEC);
        REQUIRE(terminal >= 0 && close(master) == 0 && tcgetpgrp(terminal) == getpgrp());
        struct seat_pipe told;
        seat_pipe_open(&told);
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = SEAT("stay"), .fds = &told.map, .fd_count = 1,
                                .flags = BROOD_FOREGROUND | BROOD_NEW_GROUP));
        REQUIRE(child);
        CHECK_HAS(seat_line(&told), "foreground 1");
        REQUIRE(close(ends[0]) == 0 && write(ends[1], "x", 1) == 1);
        CHECK_INT(read(ends[1], &byte, 1), 0); /* it is gone now */
        CHECK_INT(brood_child_stop(child, BOUND_MS, NULL), 0);
        CHECK(!brood_child_free(child));
        _exit(0);
    }
    CHECK_INT(close(ends[1]), 0);
    CHECK_INT(read(ends[0], &byte, 1), 1);
    CHECK_INT(close(master), 0);
    CHECK_INT(close(ends[0]), 0);
    CHECK_CHILD(pid, 0);
}
