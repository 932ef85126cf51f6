/* SPDX-License-Identifier: MIT */
/*
 * Streams of kind BROOD_PTY: one terminal for all of them, its size, its keys, its end.
 *
 * Invariant: the child itself tells what it has, by a pipe that is none of the streams.
 */
#include "seats.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define A_PTY                                                                                      \
    {                                                                                              \
        .kind = BROOD_PTY                                                                          \
    }

enum { COMBINATIONS = 8, IN_BIT = 1, OUT_BIT = 2, ERR_BIT = 4 };

/* Those streams that `which` has a bit for are a terminal, the others are `other`. */
static void give_terminal(struct brood_options *options, unsigned which, uint32_t other)
{
    options->in.kind = which & IN_BIT ? BROOD_PTY : other;
    options->out.kind = which & OUT_BIT ? BROOD_PTY : other;
    options->err.kind = which & ERR_BIT ? BROOD_PTY : other;
}

/* Ours: in for itself, one more for out, or for err where out is none. */
static void check_our_ends(const struct brood_child *child, unsigned which)
{
    int in = brood_child_stream(child, BROOD_IN), out = brood_child_stream(child, BROOD_OUT);
    int err = brood_child_stream(child, BROOD_ERR);
    CHECK_SAY((in > 2) == ((which & IN_BIT) != 0), "%u: in is %d", which, in);
    CHECK_SAY((out > 2) == ((which & OUT_BIT) != 0), "%u: out is %d", which, out);
    CHECK_SAY((err > 2) == ((which & ERR_BIT) && !(which & OUT_BIT)), "%u: err is %d", which, err);
    CHECK(in < 0 || (in != out && in != err));
}

static void try_combination(unsigned which, uint32_t other)
{
    static struct audit before;
    char why[1024] = "";
    struct seat_pipe told;
    audit_take(&before);
    seat_pipe_open(&told);
    struct brood_options *options =
        BROOD_OPTIONS(.argv = SEAT("tell", "3"), .fds = &told.map, .fd_count = 1);
    give_terminal(options, which, other);
    struct brood_child *child = start(options);
    REQUIRE(child);
    CHECK_STR(seat_line(&told),
              say("tty %d %d %d same 1 control 1 leader 1 foreground 1 size 24 80",
                  (which & IN_BIT) != 0, (which & OUT_BIT) != 0, (which & ERR_BIT) != 0));
    if (other == BROOD_NULL)
        check_our_ends(child, which);
    ends_with(child, 3);
    seat_pipe_close(&told);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%u: %s", which, why);
}

TEST(every_combination)
{
    seat_needs_terminals();
    static const uint32_t others[] = {BROOD_NULL, BROOD_INHERIT, BROOD_PIPE, BROOD_SOCKET,
                                      BROOD_CLOSED};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        for (unsigned which = 1; which < COMBINATIONS; which++)
            try_combination(which, others[i]);
}

/* The other output may follow it. */
static void check_merged(const struct brood_options *options, const char *wanted)
{
    struct seat_pipe told;
    seat_pipe_open(&told);
    struct brood_options asked = *options;
    asked.fds = &told.map;
    asked.fd_count = 1;
    struct brood_child *child = start(&asked);
    REQUIRE(child);
    CHECK_HAS(seat_line(&told), wanted);
    ends_with(child, 0);
    seat_pipe_close(&told);
}

TEST(merged_output_is_the_terminal_too)
{
    seat_needs_terminals();
    const struct brood_stream merged = {.kind = BROOD_MERGE};
    const char *outputs = "tty 0 1 1 same 1 control 1", *all = "tty 1 1 1 same 1 control 1";
    check_merged(BROOD_OPTIONS(.argv = SEAT("tell"), .out = A_PTY, .err = merged), outputs);
    check_merged(BROOD_OPTIONS(.argv = SEAT("tell"), .out = merged, .err = A_PTY), outputs);
    check_merged(BROOD_OPTIONS(.argv = SEAT("tell"), .in = A_PTY, .out = A_PTY, .err = merged),
                 all);
    check_merged(BROOD_OPTIONS(.argv = SEAT("tell"), .in = A_PTY, .out = merged, .err = A_PTY),
                 all);
}

/* A program of another user has its terminal all the same. */
TEST(for_somebody_else)
{
    seat_needs_terminals();
    if (geteuid() != 0)
        SKIP("needs root, to become somebody else");
    char text[64] = "";
    const struct brood_credentials somebody = {.uid = 64101, .gid = 64101};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "echo $(id -u) >$(tty); read x"),
                            .in = A_PTY, .credentials = &somebody));
    REQUIRE(child);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_IN), text, sizeof text, BOUND_MS) > 0);
    CHECK_STR(text, "64101\r");
    CHECK_INT(brood_child_write(child, "x\n", 2, BOUND_MS), 2);
    ends_with(child, 0);
}

TEST(nothing_else_is_open_in_the_child)
{
    seat_needs_terminals();
    struct brood_options *options = BROOD_OPTIONS(.in = A_PTY, .out = A_PTY, .err = A_PTY);
    for (int keeps_all = 0; keeps_all < 2; keeps_all++) {
        options->flags = keeps_all ? BROOD_KEEP_ALL_FDS : 0;
        const char *text = tells(options, "fds");
        unsigned lines = 0;
        for (const char *at = text; *at; at += strcspn(at, "\n") + 1, lines++)
            CHECK_SAY(strstr(at, "/dev/pts/") && strchr("012", *at), "%.*s", (int)strcspn(at, "\n"),
                      at);
        CHECK_INT(lines, 3);
    }
}

/* ------------------------------------------------------------------ size */

TEST(a_size_that_is_asked_for)
{
    seat_needs_terminals();
    static const struct {
        uint16_t rows, columns;
        const char *want;
    } sizes[] = {{1, 1, "size 1 1"},
                 {50, 132, "size 50 132"},
                 {0, 200, "size 24 200"},
                 {7, 0, "size 7 80"},
                 {UINT16_MAX, UINT16_MAX, "size 65535 65535"}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct seat_pipe told;
        seat_pipe_open(&told);
        struct brood_stream terminal = {
            .kind = BROOD_PTY, .rows = sizes[i].rows, .columns = sizes[i].columns};
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = SEAT("tell"), .fds = &told.map, .fd_count = 1,
                                .in = terminal, .out = A_PTY));
        REQUIRE(child);
        CHECK_HAS(seat_line(&told), sizes[i].want);
        ends_with(child, 0);
        seat_pipe_close(&told);
    }
}

/* Each new size is a signal, and the program sees it. */
TEST(resizing_is_seen)
{
    seat_needs_terminals();
    for (unsigned which = 1; which < COMBINATIONS; which++) {
        struct seat_pipe told;
        seat_pipe_open(&told);
        struct brood_options *options =
            BROOD_OPTIONS(.argv = SEAT("winch"), .fds = &told.map, .fd_count = 1);
        give_terminal(options, which, BROOD_NULL);
        struct brood_child *child = start(options);
        REQUIRE(child);
        CHECK_HAS(seat_line(&told), "size 24 80");
        CHECK_INT(brood_child_resize(child, 40, 100), 0);
        CHECK_HAS(seat_line(&told), "size 40 100");
        CHECK_INT(brood_child_resize(child, 40, 100), 0); /* no news */
        CHECK_INT(brood_child_resize(child, 41, 100), 0);
        CHECK_HAS(seat_line(&told), "size 41 100");
        CHECK(!brood_child_free(child));
        seat_pipe_close(&told);
    }
}

TEST(resizing_needs_the_terminal)
{
    seat_needs_terminals();
    struct brood_child *child = start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PTY,
                                                    .out = A_PTY, .err = {.kind = BROOD_PIPE}));
    REQUIRE(child);
    CHECK_INT(brood_child_close_stream(child, BROOD_OUT), 0);
    CHECK_INT(brood_child_resize(child, 10, 10), 0); /* in is still there */
    int taken = brood_child_take_stream(child, BROOD_IN);
    CHECK(taken > 2);
    CHECK_INT(brood_child_resize(child, 10, 10), -EBADF);
    CHECK_INT(close(taken), 0);
    CHECK(!brood_child_free(child));

    child = start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = {.kind = BROOD_PIPE},
                                .out = {.kind = BROOD_SOCKET}));
    REQUIRE(child);
    CHECK_INT(brood_child_resize(child, 10, 10), -EBADF);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    ends_with(child, 0);
}

/* Whichever stream says it. */
TEST(the_size_may_be_said_at_any_stream)
{
    seat_needs_terminals();
    struct seat_pipe told;
    seat_pipe_open(&told);
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = SEAT("tell"), .fds = &told.map, .fd_count = 1, .in = A_PTY,
                            .out = {.kind = BROOD_PTY, .rows = 50},
                            .err = {.kind = BROOD_PTY, .columns = 132}));
    REQUIRE(child);
    CHECK_HAS(seat_line(&told), "size 50 132");
    ends_with(child, 0);
    seat_pipe_close(&told);
}

/* ------------------------------------------------------------------ keys */

/* Reads until `part` has come. */
static void read_until(struct brood_child *child, uint32_t stream, const char *part)
{
    char text[4096];
    size_t length = 0;
    text[0] = '\0';
    while (!strstr(text, part)) {
        ssize_t count =
            brood_child_read(child, stream, text + length, sizeof text - length - 1, BOUND_MS);
        if (!CHECK_SAY(count > 0, "'%s' has not come, but '%s' (%zd)", part, text, count))
            return;
        length += (size_t)count;
        text[length] = '\0';
    }
}

/* Everything up to its end. */
static size_t read_to_end(struct brood_child *child, uint32_t stream, char *text, size_t size)
{
    size_t length = 0;
    ssize_t count;
    while (length < size - 1 && (count = brood_child_read(child, stream, text + length,
                                                          size - length - 1, BOUND_MS)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    CHECK_INT(brood_child_read(child, stream, text + length, 1, BOUND_MS), 0);
    return length;
}

TEST(lines_go_in_and_come_out)
{
    seat_needs_terminals();
    char text[256];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PTY, .out = A_PTY, .err = A_PTY));
    REQUIRE(child);
    CHECK_INT(brood_child_write(child, "hello\n", 6, BOUND_MS), 6);
    read_until(child, BROOD_OUT, "hello\r\nhello\r\n"); /* its echo, and the program's own */
    CHECK_INT(brood_child_close_stream(child, BROOD_ERR), -EBADF);
    CHECK_INT(brood_child_write(child, "\x04", 1, BOUND_MS), 1);
    CHECK_INT(read_to_end(child, BROOD_OUT, text, sizeof text), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, text, sizeof text, 0), 0); /* and again */
    ends_with(child, 0);
}

/* Closing our end of in is no end-of-file, and out goes on. */
TEST(closing_in_keeps_out)
{
    seat_needs_terminals();
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("catch-term", "0"), .in = A_PTY, .out = A_PTY));
    REQUIRE(child);
    read_until(child, BROOD_OUT, "ready\r\n");
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(brood_child_wait(child, 50, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_signal(child, SIGTERM), 0);
    char text[16];
    CHECK_INT(read_to_end(child, BROOD_OUT, text, sizeof text), 0);
    ends_with(child, 0);
}

/* Where in alone is a terminal, its echo is to be had by in. */
TEST(what_comes_by_in)
{
    seat_needs_terminals();
    char text[64];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("read", "3"), .in = A_PTY, .out = {.kind = BROOD_PIPE}));
    REQUIRE(child);
    CHECK_INT(brood_child_write(child, "ab\n", 3, BOUND_MS), 3);
    read_until(child, BROOD_IN, "ab\r\n");
    read_until(child, BROOD_OUT, "ready\n");
    CHECK_INT(read_to_end(child, BROOD_IN, text, sizeof text), 0);
    ends_with(child, 0);
}

static void end_by_key(const char *key, int signal_number)
{
    struct seat_pipe told;
    struct brood_exit end = {.kind = 0};
    seat_pipe_open(&told);
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = SEAT("stay"), .fds = &told.map, .fd_count = 1, .in = A_PTY));
    REQUIRE(child);
    CHECK_HAS(seat_line(&told), "foreground 1");
    CHECK_INT(brood_child_write(child, key, 1, BOUND_MS), 1);
    CHECK_INT(brood_child_wait(child, BOUND_MS, &end), 0);
    CHECK_SAY(end.kind == BROOD_SIGNALLED && end.code == signal_number, "kind %u code %d", end.kind,
              end.code);
    CHECK_INT(end.cause, BROOD_CAUSE_OWN);
    CHECK(!brood_child_free(child));
    seat_pipe_close(&told);
}

TEST(keys_are_signals)
{
    seat_needs_terminals();
    end_by_key("\x03", SIGINT);
    end_by_key("\x1c", SIGQUIT);
}

/* ------------------------------------------------------------------ ends */

/* The last bytes of a program that ends at once are read after its end. */
TEST_TIMEOUT(nothing_of_the_end_is_lost, 60)
{
    enum { BYTES = 65536, ROUNDS = 30 };
    static char text[BYTES + 64];
    seat_needs_terminals();
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t stream = round % 2 ? BROOD_ERR : BROOD_OUT;
        struct brood_options *options =
            BROOD_OPTIONS(.argv = TARGET("flood", say("%d", BYTES), say("%u", stream)));
        give_terminal(options, 1U << stream, BROOD_NULL);
        struct brood_child *child = start(options);
        REQUIRE(child);
        size_t length = read_to_end(child, stream, text, sizeof text);
        if (!CHECK_INT(length, BYTES))
            NOTE("round %d", round);
        size_t wrong = 0;
        while (wrong < length && text[wrong] == (char)('a' + wrong % (26 * 256) % 26))
            wrong++;
        CHECK_INT(wrong, length);
        ends_with(child, 0);
    }
    /* A short text, looked for only when the program is long gone. */
    for (int round = 0; round < ROUNDS; round++) {
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = TARGET("print", "last words"), .out = A_PTY));
        REQUIRE(child);
        CHECK_INT(brood_child_wait(child, BOUND_MS, NULL), 0);
        CHECK_INT(read_to_end(child, BROOD_OUT, text, sizeof text), 10);
        CHECK_STR(text, "last words");
        ends_with(child, 0);
    }
}

/* A descriptor that was taken is the system's own: EIO at the end. */
TEST(a_taken_stream)
{
    seat_needs_terminals();
    char text[64] = "";
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("print", "words"), .in = A_PTY, .out = A_PTY));
    REQUIRE(child);
    int out = brood_child_take_stream(child, BROOD_OUT);
    CHECK_INT(brood_child_stream(child, BROOD_OUT), -EBADF);
    CHECK_INT(fcntl(out, F_GETFD), FD_CLOEXEC);
    ends_with(child, 0); /* closes in, not what was taken */
    CHECK_INT(read(out, text, sizeof text), 5);
    CHECK_INT(read(out, text, sizeof text), -1);
    CHECK_INT(errno, EIO);
    CHECK_INT(close(out), 0);
}

/* Whoever lets the process go hangs its terminal up. */
TEST(a_released_child_is_hung_up)
{
    seat_needs_terminals();
    for (unsigned which = 1; which < COMBINATIONS; which++) {
        struct seat_pipe told;
        int status = 0;
        seat_pipe_open(&told);
        struct brood_options *options =
            BROOD_OPTIONS(.argv = SEAT("stay"), .fds = &told.map, .fd_count = 1);
        give_terminal(options, which, BROOD_NULL);
        struct brood_child *child = start(options);
        REQUIRE(child);
        CHECK_HAS(seat_line(&told), "control 1");
        pid_t pid = brood_child_release(child);
        CHECK_INT(lab_wait_gone(pid, BOUND_MS), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_SAY(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP, "status %x", status);
        seat_pipe_close(&told);
    }
}

TEST(the_end_of_our_ends_is_the_end_of_its_input)
{
    seat_needs_terminals();
    struct seat_pipe told;
    seat_pipe_open(&told);
    struct brood_child *child = start(BROOD_OPTIONS(.argv = SEAT("hung-up"), .fds = &told.map,
                                                    .fd_count = 1, .in = A_PTY, .out = A_PTY));
    REQUIRE(child);
    CHECK_HAS(seat_line(&told), "control 1");
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(brood_child_close_stream(child, BROOD_OUT), 0);
    CHECK_STR(seat_line(&told), "hung up");
    ends_with(child, 0);
    seat_pipe_close(&told);
}
