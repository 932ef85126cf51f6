/* SPDX-License-Identifier: MIT */
/*
 * H: the end of a terminal, which the kernel tells as an error, and what was written just before.
 *
 * Room tests. Invariant: nothing written has a newline or a control character, so the terminal
 * changes no byte of it.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define A_PTY                                                                                      \
    {                                                                                              \
        .kind = BROOD_PTY                                                                          \
    }

static void needs_terminals(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0)
        SKIP("there are no pseudoterminals here");
    (void)close(master);
}

/* To the end, which is told as the end, now and whenever it is asked for again. Returns how many
 * bytes came, all of them as `target flood` writes them. */
static size_t read_to_the_end(struct brood_child *child, uint32_t stream)
{
    char data[700];
    size_t length = 0;
    ssize_t count;
    while ((count = brood_child_read(child, stream, data, sizeof data, KIT_BOUND_MS)) > 0)
        for (ssize_t i = 0; i < count; i++, length++)
            if (data[i] != (char)('a' + length % 26)) {
                FAIL("byte %zu is %d", length, data[i]);
                return length;
            }
    for (int again = 0; again < 3; again++) {
        CHECK_INT(count, 0);
        count = brood_child_read(child, stream, data, sizeof data, KIT_BOUND_MS);
    }
    return length;
}

/* Far more than a terminal holds, so that the child ends with its last part unread. */
TEST(h06_end_of_a_terminal_while_the_child_writes)
{
    needs_terminals();
    static const struct {
        const char *bytes, *fd;
        uint32_t stream;
    } rows[] = {{"0", "1", BROOD_OUT},
                {"1", "1", BROOD_OUT},
                {"300001", "1", BROOD_OUT},
                {"70001", "2", BROOD_ERR}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct brood_options *options =
            BROOD_OPTIONS(.argv = TARGET("flood", rows[i].bytes, rows[i].fd));
        (rows[i].stream == BROOD_OUT ? &options->out : &options->err)->kind = BROOD_PTY;
        struct brood_child *child = kit_start(options, __FILE__, __LINE__);
        CHECK_INT(read_to_the_end(child, rows[i].stream), atoi(rows[i].bytes));
        CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
    }
}

/* The child is long reaped when the first byte is read, whichever streams are the terminal too. */
TEST(h06_end_of_a_terminal_after_the_child)
{
    needs_terminals();
    for (int i = 0; i < 20; i++) {
        struct brood_child *child = START(.argv = TARGET("flood", "2000"), .out = A_PTY,
                                          .in = {.kind = i & 1 ? BROOD_PTY : BROOD_NULL},
                                          .err = {.kind = i & 2 ? BROOD_PTY : BROOD_NULL});
        CHECK_EXITED(END_OF(child), 0);
        CHECK_INT(read_to_the_end(child, BROOD_OUT), 2000);
        brood_child_free(child);
    }
}

/* It is ended in the middle: what had been written is there, and then the end. */
TEST(h06_end_of_a_terminal_by_a_signal)
{
    needs_terminals();
    char script[PATH_MAX + 64];
    (void)snprintf(script, sizeof script, "'%s' flood 1000; kill -KILL $$", kit_target);
    struct brood_child *child = START(.argv = WORDS("/bin/sh", "-c", script), .out = A_PTY);
    CHECK_INT(read_to_the_end(child, BROOD_OUT), 1000);
    CHECK_KILLED(END_OF(child), SIGKILL);
    brood_child_free(child);
}

/* Somebody else has it still: no end yet, and no error; the end comes when that one goes. The
 * hang-up at the end of the session's leader is ignored, as by a program that means to stay. */
static const char stays[] =
    "trap '' HUP; (read go <\"$1\"; printf abcdefgh) & echo $! >\"$2\"; exit 7";

TEST(h06_end_of_a_terminal_that_is_held)
{
    needs_terminals();
    char fifo[PATH_MAX], path[PATH_MAX], text[32] = "", byte;
    REQUIRE(mkfifo(lab_path(fifo, sizeof fifo, "fifo"), 0600) == 0);
    struct brood_child *child =
        START(.argv = WORDS("/bin/sh", "-c", stays, "sh", fifo, lab_path(path, sizeof path, "pid")),
              .in = A_NULL, .out = A_PIPE, .err = A_PTY);
    CHECK_EXITED(END_OF(child), 7);
    CHECK_INT(brood_child_read(child, BROOD_ERR, &byte, 1, 50), -ETIMEDOUT);
    CHECK(lab_read_file(path, text, sizeof text) > 0);
    REQUIRE(atoi(text) > 1);
    int go = open(fifo, O_WRONLY | O_CLOEXEC);
    CHECK(go > 2 && write(go, "go\n", 3) == 3 && close(go) == 0);
    CHECK_INT(lab_wait_gone(atoi(text), KIT_BOUND_MS), 0);
    CHECK_INT(read_to_the_end(child, BROOD_OUT), 8);
    CHECK_INT(read_to_the_end(child, BROOD_ERR), 0);
    brood_child_free(child);
}
