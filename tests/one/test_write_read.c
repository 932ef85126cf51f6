/* SPDX-License-Identifier: MIT */
/*
 * Our ends of a child's streams: reading with a bound, taking and closing them, one owner each.
 *
 * Room tests. Invariant: descriptors are counted by the audit of every test.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SHORT_MS = 150, SOON_MS = 5000 };

TEST(a_read_keeps_its_bound)
{
    char data[8];
    struct brood_child *child = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, 0), -ETIMEDOUT);
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, SHORT_MS), -ETIMEDOUT);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took >= SHORT_MS - 1 && took < SOON_MS, "%d ms", (int)took);
    CHECK_INT(brood_child_write(child, "hello", 5, SOON_MS), 5);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, 3, BROOD_FOREVER), 3);
    CHECK_MEM(data, "hel", 3);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, 0), 2);
    CHECK_MEM(data, "lo", 2);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, SOON_MS), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, SOON_MS), 0);
    brood_child_free(child);
}

TEST(output_is_there_after_the_end)
{
    char data[64];
    struct brood_child *child =
        START(.argv = TARGET("print", "to stdout", "to stderr"), .out = A_PIPE, .err = A_PIPE);
    CHECK_EXITED(END_OF(child), 0);
    CHECK_INT(brood_child_read(child, BROOD_ERR, data, sizeof data, SOON_MS), 9);
    CHECK_MEM(data, "to stderr", 9);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, SOON_MS), 9);
    CHECK_MEM(data, "to stdout", 9);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, SOON_MS), 0);
    brood_child_free(child);
}

TEST(a_socket_goes_both_ways)
{
    char data[8] = "";
    struct brood_child *child =
        START(.argv = WORDS("/bin/sh", "-c", "read word; echo $word back >&0; exec cat"),
              .in = {.kind = BROOD_SOCKET}, .out = A_NULL);
    CHECK_INT(brood_child_read(child, BROOD_IN, data, sizeof data, 0), -ETIMEDOUT);
    CHECK_INT(brood_child_write(child, "x\n", 2, SOON_MS), 2);
    CHECK_INT(brood_child_read(child, BROOD_IN, data, sizeof data, SOON_MS), 7);
    CHECK_MEM(data, "x back\n", 7);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

/* It would never become ready: told at once, not at the bound. */
TEST(the_end_that_is_written_cannot_be_read)
{
    char data[8];
    struct brood_child *child = START(.argv = TARGET("sleep"), .in = A_PIPE);
    CHECK_INT(brood_child_read(child, BROOD_IN, data, sizeof data, 0), -EBADF);
    CHECK_INT(brood_child_read(child, BROOD_IN, data, sizeof data, BROOD_FOREVER), -EBADF);
    brood_child_free(child);
}

TEST(a_stream_that_is_not_there)
{
    char data[8];
    struct brood_child *child = START(.argv = TARGET("exit", "0"), .out = A_PIPE);
    static const uint32_t absent[] = {BROOD_IN, BROOD_ERR, 3, UINT32_MAX};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        CHECK_INT(brood_child_stream(child, absent[i]), -EBADF);
        CHECK_INT(brood_child_take_stream(child, absent[i]), -EBADF);
        CHECK_INT(brood_child_close_stream(child, absent[i]), -EBADF);
        CHECK_INT(brood_child_read(child, absent[i], data, sizeof data, 0), -EBADF);
    }
    CHECK_INT(brood_child_write(child, "x", 1, 0), -EBADF);
    brood_child_free(child);
}

TEST(a_stream_is_closed_once)
{
    char data[8];
    struct brood_child *child = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    int fd = brood_child_stream(child, BROOD_IN);
    CHECK(fd > 2);
    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_INT(fcntl(fd, F_GETFD), -1);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), -EBADF);
    CHECK_INT(brood_child_write(child, "x", 1, 0), -EBADF);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, SOON_MS), 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

TEST(a_taken_stream_is_ours)
{
    char data[16] = "";
    struct brood_child *child = START(.argv = TARGET("print", "kept"), .out = A_PIPE);
    int fd = brood_child_take_stream(child, BROOD_OUT);
    REQUIRE(fd > 2);
    CHECK_INT(brood_child_take_stream(child, BROOD_OUT), -EBADF);
    CHECK_INT(brood_child_stream(child, BROOD_OUT), -EBADF);
    CHECK_INT(brood_child_close_stream(child, BROOD_OUT), -EBADF);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, 0), -EBADF);
    brood_child_free(child); /* may be before it printed: then there is nothing, but an end */
    CHECK(lab_read_all(fd, data, sizeof data, KIT_BOUND_MS) >= 0);
    CHECK(!*data || !strcmp(data, "kept"));
    CHECK_INT(close(fd), 0);
}

TEST(nothing_is_written_without_waiting)
{
    struct brood_child *child = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    CHECK_INT(brood_child_write(child, "", 0, 0), 0);
    CHECK_INT(brood_child_write(child, "a", 1, 0), 1);
    char byte = '\0';
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, SOON_MS), 1);
    CHECK_INT(byte, 'a');
    brood_child_free(child);
}
