/* SPDX-License-Identifier: MIT */
/*
 * Input from memory: the child reads exactly the bytes, from the first to end-of-file, and can
 * change nothing of them.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LARGE = 8 * 1024 * 1024 + 3 };

static unsigned char byte_at(size_t index)
{
    return (unsigned char)(index * 131 + (index >> 9));
}

/* Reads all of the child's output and compares. */
static void read_back(int fd, size_t length)
{
    static unsigned char got[65536];
    size_t at = 0;
    for (;;) {
        ssize_t count = read(fd, got, sizeof got);
        REQUIRE(count >= 0);
        if (count == 0)
            break;
        for (size_t i = 0; i < (size_t)count; i++)
            if (got[i] != byte_at(at + i)) {
                FAIL("byte %zu is %d, not %d", at + i, got[i], byte_at(at + i));
                return;
            }
        at += (size_t)count;
    }
    CHECK_INT(at, length);
}

TEST(every_size_arrives_whole)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 65537, 1000000, LARGE};
    unsigned char *bytes = malloc(LARGE);
    REQUIRE(bytes);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = byte_at(i);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct brood_child *child = start(
            BROOD_OPTIONS(.argv = TARGET("cat"), .out = {.kind = BROOD_PIPE},
                          .in = {.kind = BROOD_MEMORY, .input = bytes, .input_length = sizes[i]}));
        REQUIRE(child);
        CHECK_INT(brood_child_stream(child, BROOD_IN), -EBADF);
        read_back(brood_child_stream(child, BROOD_OUT), sizes[i]);
        ends_with(child, 0);
    }
    free(bytes);
}

/* The bytes are copied: the caller overwrites them before the child has read one. */
TEST(the_bytes_are_the_callers_again)
{
    char bytes[] = "before", got[64];
    int gate[2];
    REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
    const struct brood_fd_map map = {.from = gate[0], .to = 3};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "read go <&3; cat"), .fds = &map,
                            .fd_count = 1, .out = {.kind = BROOD_PIPE},
                            .in = {.kind = BROOD_MEMORY, .input = bytes, .input_length = 6}));
    REQUIRE(child);
    memset(bytes, '!', sizeof bytes - 1);
    CHECK_INT(write(gate[1], "go\n", 3), 3);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS), 6);
    CHECK_STR(got, "before");
    ends_with(child, 0);
    CHECK_INT(close(gate[0]) + close(gate[1]), 0);
}

static void through_shell(const char *script, const char *want)
{
    char got[256];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", script), .out = {.kind = BROOD_PIPE},
                            .err = {.kind = BROOD_NULL},
                            .in = {.kind = BROOD_MEMORY, .input = "sealed", .input_length = 6}));
    REQUIRE(child);
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS) >= 0);
    CHECK_STR(got, want);
    ends_with(child, 0);
}

/* Opened again for writing by way of /proc it is refused, whatever the user. */
TEST(it_is_sealed)
{
    through_shell("(echo more >>/proc/self/fd/0) || echo refused; cat", "refused\nsealed");
    through_shell("(echo x >&0) || echo refused; cat", "refused\nsealed");
    through_shell("(: >/proc/self/fd/0) || echo refused; cat", "refused\nsealed");
}

TEST(it_is_at_its_beginning_and_can_be_sought)
{
    through_shell("grep pos: /proc/self/fdinfo/0", "pos:\t0\n");
    /* Read anew from the beginning, through an open file of its own. */
    through_shell("cat; cat /proc/self/fd/0", "sealedsealed");
}

/* The size that a limit on files refuses is an error of the memory stage, and nothing is left. */
TEST(too_large_for_the_limit_of_file_size)
{
    struct rlimit old, small;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = old;
    small.rlim_cur = 4096;
    unsigned char *bytes = calloc(1, 10000);
    pid_t pid = bytes ? fork() : -1;
    REQUIRE(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        is_refused(
            "10000 bytes",
            BROOD_OPTIONS(.argv = WORDS("/bin/true"),
                          .in = {.kind = BROOD_MEMORY, .input = bytes, .input_length = 10000}),
            REFUSAL(.stage = BROOD_STAGE_MEMORY, .code = EFBIG, NUMBER(0)));
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    free(bytes);
}

/* Through brood_run() too. */
TEST(input_and_output_of_memory)
{
    struct brood_result result;
    struct brood_error error;
    CHECK_INT(
        brood_run(BROOD_OPTIONS(.argv = TARGET("cat"),
                                .in = {.kind = BROOD_MEMORY, .input = "a\0b", .input_length = 3},
                                .out = {.kind = BROOD_MEMORY}),
                  &result, &error),
        0);
    CHECK_INT(result.out_length, 3);
    CHECK_MEM(result.out, "a\0b", 4);
    brood_result_clear(&result);
}
