/* SPDX-License-Identifier: MIT */
/*
 * Writing to a pseudoterminal, ends that do not block, starts that fail with one, and a caller that
 * has no place for another session's terminal.
 *
 * Invariant: a write keeps its bound whatever the program does with its terminal.
 */
#include "seats.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define A_PTY                                                                                      \
    {                                                                                              \
        .kind = BROOD_PTY                                                                          \
    }

enum { MUCH = 1 << 20, WRITE_MS = 300, GENEROUS_MS = 10000 };

static struct brood_child *start_raw(struct seat_pipe *told, uint32_t flags)
{
    seat_pipe_open(told);
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = SEAT("raw"), .fds = &told->map, .fd_count = 1,
                            .in = {.kind = BROOD_PTY, .flags = flags}, .out = A_PTY));
    REQUIRE(child);
    CHECK_HAS(seat_line(told), "tty 1 1 0");
    return child;
}

/* Nobody reads: what goes, goes, and then the time is over. */
static void write_to_nobody(uint32_t flags)
{
    static char much[MUCH];
    struct seat_pipe told;
    struct brood_child *child = start_raw(&told, flags);
    memset(much, 'x', sizeof much);
    int64_t before = lab_now_ms();
    ssize_t count = brood_child_write(child, much, sizeof much, WRITE_MS);
    CHECK_SAY(count > 0 && count < MUCH, "%zd written", count);
    CHECK_SAY(lab_now_ms() - before < GENEROUS_MS, "%lld ms", (long long)(lab_now_ms() - before));
    before = lab_now_ms();
    CHECK_INT(brood_child_write(child, much, sizeof much, 0), -ETIMEDOUT);
    CHECK(lab_now_ms() - before < GENEROUS_MS);
    NOTE("%zd bytes fit", count);
    CHECK(!brood_child_free(child));
    seat_pipe_close(&told);
}

TEST(a_write_that_nobody_reads_is_bounded)
{
    seat_needs_terminals();
    for (int round = 0; round < 5; round++) /* how much fits is not always the same */
        write_to_nobody(0);
}

TEST(a_write_that_nobody_reads_is_bounded_without_blocking)
{
    seat_needs_terminals();
    write_to_nobody(BROOD_STREAM_NONBLOCK);
}

static void *feed(void *argument)
{
    static char line[64];
    struct brood_child *child = argument;
    memset(line, 'y', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 1000; i++)
        if (brood_child_write(child, line, sizeof line, GENEROUS_MS) != sizeof line)
            return argument;
    return brood_child_write(child, "\x04", 1, GENEROUS_MS) == 1 ? NULL : argument;
}

/* Both directions at once: each line comes as the program's own, and as its echo, of which the
 * kernel drops what it has no room for. */
TEST(much_goes_in_and_out)
{
    enum { OWN = 1000 * 65, MOST = 2 * OWN };
    static char text[8192];
    seat_needs_terminals();
    pthread_t thread;
    void *failed = NULL;
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PTY, .out = A_PTY));
    REQUIRE(child);
    REQUIRE(pthread_create(&thread, NULL, feed, child) == 0);
    size_t total = 0;
    ssize_t count;
    while ((count = brood_child_read(child, BROOD_OUT, text, sizeof text, GENEROUS_MS)) > 0)
        total += (size_t)count;
    CHECK_INT(count, 0);
    CHECK_INT(pthread_join(thread, &failed), 0);
    CHECK(!failed);
    CHECK_SAY(total >= OWN && total <= MOST, "%zu bytes", total);
    ends_with(child, 0);
}

TEST(nobody_has_the_terminal_any_more)
{
    seat_needs_terminals();
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = A_PTY, .out = A_PTY));
    REQUIRE(child);
    CHECK_INT(brood_child_wait(child, BOUND_MS, NULL), 0);
    CHECK_INT(brood_child_write(child, "x", 1, WRITE_MS), -EPIPE);
    ends_with(child, 0);
}

/* A pipe is written as well after a terminal was. */
TEST(a_pipe_beside_a_terminal)
{
    seat_needs_terminals();
    struct seat_pipe told;
    struct brood_child *child = start_raw(&told, 0);
    struct brood_child *other =
        start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = {.kind = BROOD_PIPE},
                            .out = {.kind = BROOD_NULL}));
    REQUIRE(other);
    CHECK_INT(brood_child_write(child, "x", 1, BOUND_MS), 1);
    CHECK_INT(brood_child_wait(other, BOUND_MS, NULL), 0);
    CHECK_INT(brood_child_write(other, "x", 1, BOUND_MS), -EPIPE);
    ends_with(other, 0);
    CHECK(!brood_child_free(child));
    seat_pipe_close(&told);
}

/* ------------------------------------------------------------------ O_NONBLOCK */

TEST(our_ends_do_not_block_when_asked)
{
    seat_needs_terminals();
    char byte;
    struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("sleep"), .in = A_PTY, .err = A_PTY,
                      .out = {.kind = BROOD_PTY, .flags = BROOD_STREAM_NONBLOCK});
    struct brood_child *child = start(options);
    REQUIRE(child);
    CHECK(brood_child_read(child, BROOD_OUT, (char[64]){0}, 64, BOUND_MS) > 0); /* ready */
    CHECK_INT(fcntl(brood_child_stream(child, BROOD_OUT), F_GETFL) & (O_NONBLOCK | O_ACCMODE),
              O_NONBLOCK | O_RDWR);
    CHECK_INT(read(brood_child_stream(child, BROOD_OUT), &byte, 1), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, 50), -ETIMEDOUT);
    CHECK(!brood_child_free(child));
    const char *text = tells(options, "nonblock");
    CHECK_STR(text, "0 blocking\n1 blocking\n2 blocking\n");
}

/* ------------------------------------------------------------------ failures */

TEST(starts_that_fail_leave_no_terminal)
{
    seat_needs_terminals();
    struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS("/no/such/program"), .in = A_PTY, .out = A_PTY, .err = A_PTY);
    for (int round = 0; round < 50; round++)
        is_refused("a missing program", options,
                   REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT,
                           .sentence = "cannot start /no/such/program: /no/such/program: No such "
                                       "file or directory"));
    options->cwd = "/no/such/directory";
    is_refused("a missing directory", options,
               REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT));
}

/* A session leader that has no terminal does not get its child's by the way. */
TEST(the_caller_gets_no_terminal_by_the_way)
{
    seat_needs_terminals();
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(setsid() == getpid());
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PTY, .out = A_PTY));
        REQUIRE(child);
        CHECK_INT(open("/dev/tty", O_RDWR | O_NOCTTY), -1);
        CHECK_INT(errno, ENXIO);
        CHECK_INT(brood_child_write(child, "\x04", 1, BOUND_MS), 1);
        ends_with(child, 0);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static void start_another(int terminal)
{
    struct seat_pipe told;
    seat_pipe_open(&told);
    struct brood_child *child = start(BROOD_OPTIONS(.argv = SEAT("tell"), .fds = &told.map,
                                                    .fd_count = 1, .in = A_PTY, .out = A_PTY));
    REQUIRE(child);
    CHECK_STR(seat_line(&told), "tty 1 1 0 same 1 control 1 leader 1 foreground 1 size 24 80");
    CHECK_INT(tcgetpgrp(terminal), getpgrp());
    ends_with(child, 0);
    seat_pipe_close(&told);
}

TEST(the_callers_own_terminal_is_another)
{
    in_a_terminal(start_another);
}
