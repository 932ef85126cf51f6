/* SPDX-License-Identifier: MIT */
/*
 * Every kind of stream on every stream: what the child reads comes from where it was said, and
 * what it writes goes there, whether the other streams are of the same kind or not.
 *
 * Invariant: contents are compared, not only numbers; an opened file is told by its path.
 */
#include "facts.h"
#include "kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ------------------------------------------------------------------ all kinds together */

/* All kinds of out and err, with one of in. */
static void all_kinds_with(uint32_t in_kind)
{
    int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    int log = open(lab_file("inherited"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int out = fcntl(1, F_DUPFD_CLOEXEC, 10), err = fcntl(2, F_DUPFD_CLOEXEC, 10);
    const char *const inherited[] = {"/dev/null", lab_file("inherited"), lab_file("inherited")};
    struct brood_options *options = BROOD_OPTIONS(.argv = NULL);
    REQUIRE(zero > 2 && log > 2 && out > 2 && err > 2);
    REQUIRE(dup2(log, 1) == 1 && dup2(log, 2) == 2);
    REQUIRE(lab_write_file(lab_file("file0"), "", 0, 0600) == 0);
    REQUIRE(kind_give(options, BROOD_IN, in_kind, zero));
    for (uint32_t out_kind = 0; out_kind < KINDS; out_kind++) {
        for (uint32_t err_kind = 0; err_kind < KINDS; err_kind++) {
            if (!kind_give(options, BROOD_OUT, out_kind, zero) ||
                !kind_give(options, BROOD_ERR, err_kind, zero) ||
                (out_kind == BROOD_MERGE && err_kind == BROOD_MERGE))
                continue;
            kind_check(options, tells(options, "fds"), inherited, "/dev/zero");
        }
    }
    CHECK_INT(dup2(out, 1) + dup2(err, 2), 3);
    CHECK_INT(close(zero) + close(log) + close(out) + close(err), 0);
}

TEST(in_inherited_with_all_kinds)
{
    all_kinds_with(BROOD_INHERIT);
}

TEST(in_null_with_all_kinds)
{
    all_kinds_with(BROOD_NULL);
}

TEST(in_pipe_with_all_kinds)
{
    all_kinds_with(BROOD_PIPE);
}

TEST(in_socket_with_all_kinds)
{
    all_kinds_with(BROOD_SOCKET);
}

TEST(in_file_with_all_kinds)
{
    all_kinds_with(BROOD_FILE);
}

TEST(in_fd_with_all_kinds)
{
    all_kinds_with(BROOD_FD);
}

TEST(in_closed_with_all_kinds)
{
    all_kinds_with(BROOD_CLOSED);
}

TEST(in_memory_with_all_kinds)
{
    all_kinds_with(BROOD_MEMORY);
}

/* ------------------------------------------------------------------ contents */

/* What the child read from a stream of its own, it prints: here it comes back through `out`. */
static void check_echo(struct brood_options *options, const char *want)
{
    char got[256];
    options->argv = TARGET("cat");
    options->out.kind = BROOD_PIPE;
    struct brood_child *child = start(options);
    if (!child)
        return;
    if (options->in.kind == BROOD_PIPE || options->in.kind == BROOD_SOCKET) {
        CHECK_INT(brood_child_write(child, want, strlen(want), BOUND_MS), strlen(want));
        CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    }
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS) >= 0);
    CHECK_STR(got, want);
    ends_with(child, 0);
}

TEST(input_from_every_kind)
{
    const char *path = lab_file("input");
    REQUIRE(lab_write_file(path, "from a file", 11, 0600) == 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC), saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
    REQUIRE(fd > 2 && saved > 2 && lseek(fd, 5, SEEK_SET) == 5);
    check_echo(BROOD_OPTIONS(.in = {.kind = BROOD_NULL}), "");
    check_echo(BROOD_OPTIONS(.in = {.kind = BROOD_PIPE}), "from a pipe");
    check_echo(BROOD_OPTIONS(.in = {.kind = BROOD_SOCKET}), "from a socket");
    check_echo(BROOD_OPTIONS(.in = {.kind = BROOD_FILE, .path = path}), "from a file");
    check_echo(BROOD_OPTIONS(.in = {.kind = BROOD_FD, .fd = fd}), "a file");
    REQUIRE(dup2(fd, 0) == 0);
    CHECK_INT(lseek(fd, 7, SEEK_SET), 7);
    check_echo(BROOD_OPTIONS(.in = {.kind = BROOD_INHERIT}), "file");
    CHECK_INT(lseek(fd, 0, SEEK_CUR), 11); /* one description */
    CHECK_INT(dup2(saved, 0), 0);
    CHECK_INT(close(fd) + close(saved), 0);
}

/* "out" on 1 and "err" on 2; what our end of each stream reads, or the file got. */
static void check_outputs(const struct brood_options *options, const char *out, const char *err)
{
    const char *const wants[] = {NULL, out, err};
    struct brood_child *child = start(options);
    if (!child)
        return;
    for (uint32_t index = BROOD_OUT; index <= BROOD_ERR; index++) {
        char got[64];
        int fd = brood_child_stream(child, index);
        if (!wants[index]) {
            CHECK_INT(fd, -EBADF);
            continue;
        }
        CHECK(lab_read_all(fd, got, sizeof got, BOUND_MS) >= 0);
        CHECK_STR(got, wants[index]);
    }
    ends_with(child, 0);
}

static const char *content(const char *path)
{
    char got[256] = "";
    CHECK_SAY(lab_read_file(path, got, sizeof got) >= 0, "%s is not there", path);
    return say("%s", got);
}

#define PRINT TARGET("print", "out", "err")

TEST(outputs_and_merges)
{
    const char *path = lab_file("output");
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE}, a_socket = {.kind = BROOD_SOCKET};
    const struct brood_stream a_null = {.kind = BROOD_NULL}, merged = {.kind = BROOD_MERGE};
    const struct brood_stream a_file = {.kind = BROOD_FILE, .path = path};
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_pipe, .err = a_pipe), "out", "err");
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_socket, .err = a_pipe), "out", "err");
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_pipe, .err = a_socket), "out", "err");
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_pipe, .err = a_null), "out", NULL);
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_pipe, .err = merged), "outerr", NULL);
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = merged, .err = a_pipe), NULL, "outerr");
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = merged, .err = a_socket), NULL, "outerr");
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_file, .err = merged), NULL, NULL);
    CHECK_STR(content(path), "outerr");
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = merged, .err = a_file), NULL, NULL);
    CHECK_STR(content(path), "outerr");
    /* Two opens of one file are two positions: that is what merging is for. */
    check_outputs(BROOD_OPTIONS(.argv = PRINT, .out = a_file, .err = a_file), NULL, NULL);
    CHECK_STR(content(path), "err");
}

/* Merging with an inherited stream, and with a closed one. */
TEST(merges_with_the_callers_own)
{
    int log = open(lab_file("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int out = fcntl(1, F_DUPFD_CLOEXEC, 10);
    REQUIRE(log > 2 && out > 2 && dup2(log, 1) == 1);
    runs(BROOD_OPTIONS(.argv = PRINT, .err = {.kind = BROOD_MERGE}), 0);
    CHECK_INT(dup2(out, 1), 1);
    CHECK_STR(content(lab_file("log")), "outerr");
    struct brood_options *closed =
        BROOD_OPTIONS(.out = {.kind = BROOD_CLOSED}, .err = {.kind = BROOD_MERGE});
    const char *told = tells(closed, "fds");
    CHECK_STR(line_of(told, "1"), "");
    CHECK_STR(line_of(told, "2"), "");
    CHECK_INT(close(log) + close(out), 0);
}

/* The order of what a child writes in turns to both must survive: one description. */
TEST(a_merge_keeps_the_order)
{
    static char got[40001];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("both", "20000"), .out = {.kind = BROOD_PIPE},
                            .err = {.kind = BROOD_MERGE}));
    REQUIRE(child);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS), 40000);
    for (size_t i = 0; i < 40000; i++)
        REQUIRE(got[i] == (i / 1000 % 2 ? 'e' : 'o'));
    ends_with(child, 0);
}

/* ------------------------------------------------------------------ sockets */

TEST(a_socket_goes_both_ways)
{
    char got[64];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "read line; echo \"$line back\" >&0"),
                            .in = {.kind = BROOD_SOCKET}));
    REQUIRE(child);
    CHECK_INT(brood_child_write(child, "there\n", 6, BOUND_MS), 6);
    ssize_t length = brood_child_read(child, BROOD_IN, got, sizeof got - 1, BOUND_MS);
    REQUIRE(length > 0);
    got[length] = '\0';
    CHECK_STR(got, "there back\n");
    CHECK_INT(brood_child_read(child, BROOD_IN, got, sizeof got, BOUND_MS), 0);
    ends_with(child, 0);
}

TEST(a_socket_of_an_output_can_be_written_to)
{
    char got[64];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "read line <&1; echo \"$line back\""),
                            .out = {.kind = BROOD_SOCKET}));
    REQUIRE(child);
    int fd = brood_child_stream(child, BROOD_OUT);
    CHECK_INT(send(fd, "there\n", 6, MSG_NOSIGNAL), 6);
    CHECK_INT(lab_read_line(fd, got, sizeof got, BOUND_MS), 10);
    CHECK_STR(got, "there back");
    ends_with(child, 0);
}

/* ------------------------------------------------------------------ blocking */

TEST(nonblocking_is_our_end_alone)
{
    static const uint32_t kinds[] = {BROOD_PIPE, BROOD_SOCKET};
    char told[256];
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t nonblock = 0; nonblock <= BROOD_STREAM_NONBLOCK;
             nonblock += BROOD_STREAM_NONBLOCK) {
            const struct brood_stream stream = {.kind = kinds[i], .flags = nonblock};
            struct brood_child *child =
                start(BROOD_OPTIONS(.argv = TARGET("nonblock"), .in = stream, .out = stream,
                                    .err = stream));
            REQUIRE(child);
            for (uint32_t index = BROOD_IN; index <= BROOD_ERR; index++)
                CHECK_INT(fcntl(brood_child_stream(child, index), F_GETFL) & O_NONBLOCK,
                          nonblock ? O_NONBLOCK : 0);
            CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), told, sizeof told, BOUND_MS) >
                  0);
            CHECK_STR(told, "0 blocking\n1 blocking\n2 blocking\n");
            ends_with(child, 0);
        }
    }
}

/* O_NONBLOCK lives in the description, which is the caller's: it stays as the caller has it. */
TEST(the_callers_own_descriptors_keep_their_flags)
{
    int ends[2], kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
    REQUIRE(kept > 2 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    REQUIRE(dup2(ends[0], 0) == 0);
    struct brood_options *options = BROOD_OPTIONS(.err = {.kind = BROOD_FD, .fd = ends[1]});
    CHECK_HAS(tells(options, "nonblock"), "0 nonblocking\n");
    CHECK_HAS(tells(options, "nonblock"), "2 nonblocking\n");
    CHECK_INT(fcntl(ends[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_INT(fcntl(ends[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_INT(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
    CHECK_INT(dup2(kept, 0), 0);
    CHECK_INT(close(ends[0]) + close(ends[1]) + close(kept), 0);
}

/* Our ends are close-on-exec, and never among the standard numbers. */
TEST(our_ends)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = a_pipe, .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    for (uint32_t index = BROOD_IN; index <= BROOD_ERR; index++) {
        int fd = brood_child_stream(child, index);
        CHECK(fd > 2);
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
    CHECK(facts_are_right_for(brood_child_pidfd(child)));
    CHECK(facts_only_fork() || fcntl(brood_child_pidfd(child), F_GETFD) == FD_CLOEXEC);
    CHECK_INT(brood_child_stream(child, 3), -EBADF);
    CHECK_INT(brood_child_close_stream(child, 3), -EBADF);
    int taken = brood_child_take_stream(child, BROOD_OUT);
    CHECK(taken > 2);
    CHECK_INT(brood_child_stream(child, BROOD_OUT), -EBADF);
    CHECK_INT(brood_child_take_stream(child, BROOD_OUT), -EBADF);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), -EBADF);
    ends_with(child, 0);
    CHECK_INT(close(taken), 0);
}
