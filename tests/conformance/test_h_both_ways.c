/* SPDX-License-Identifier: MIT */
/*
 * H: input and output at once, an output without end, an input that must end, and two streams that
 * are one.
 *
 * Room tests. Invariant: nothing here waits for more than its bound; a deadlock is a failed check.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MUCH = 8 << 20, SOME = 1 << 20 };

static char *much_bytes(void)
{
    static char bytes[MUCH];
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)(i * 7 + i / 65521);
    return bytes;
}

/* ------------------------------------------------------------------ H01 */

TEST(h01_both_sides_wait_in_memory)
{
    const char *bytes = much_bytes();
    struct brood_result result;
    RUN(&result, .argv = TARGET("cat"), .out = A_MEMORY,
        .in = {.kind = BROOD_MEMORY, .input = bytes, .input_length = MUCH});
    CHECK_EXITED(result.exit, 0);
    if (CHECK_INT(result.out_length, MUCH))
        CHECK_MEM(result.out, bytes, MUCH);
    brood_result_clear(&result);
}

/* It fills its output before it looks at its input. */
TEST(h01_both_sides_wait_when_the_child_writes_first)
{
    char script[PATH_MAX + 64];
    struct brood_result result;
    (void)snprintf(script, sizeof script, "'%s' flood %d; exec cat", kit_target, SOME);
    RUN(&result, .argv = WORDS("/bin/sh", "-c", script), .out = A_MEMORY,
        .in = {.kind = BROOD_MEMORY, .input = much_bytes(), .input_length = SOME});
    CHECK_EXITED(result.exit, 0);
    if (CHECK_INT(result.out_length, 2 * SOME))
        CHECK_MEM((char *)result.out + SOME, much_bytes(), SOME);
    brood_result_clear(&result);
}

/* One thread, by hand: each call takes what goes at once and comes back. */
static void by_one_thread(uint32_t kind, uint32_t flags)
{
    static char got[SOME];
    const char *bytes = much_bytes();
    struct brood_child *child = START(.argv = TARGET("cat"), .in = {.kind = kind, .flags = flags},
                                      .out = {.kind = kind, .flags = flags});
    size_t put = 0, taken = 0;
    int64_t deadline = lab_now_ms() + KIT_BOUND_MS;
    while (taken < SOME && lab_now_ms() < deadline) {
        ssize_t count = put < SOME ? brood_child_write(child, bytes + put, SOME - put, 0) : 0;
        REQUIRE(count >= 0 || count == -ETIMEDOUT);
        put += count > 0 ? (size_t)count : 0;
        if (put == SOME && count > 0)
            CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
        count = brood_child_read(child, BROOD_OUT, got + taken, SOME - taken, 1);
        REQUIRE(count > 0 || count == -ETIMEDOUT);
        taken += count > 0 ? (size_t)count : 0;
    }
    CHECK_INT(put, SOME);
    if (CHECK_INT(taken, SOME))
        CHECK_MEM(got, bytes, SOME);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

TEST(h01_both_sides_wait_by_hand)
{
    by_one_thread(BROOD_PIPE, 0);
    by_one_thread(BROOD_PIPE, BROOD_STREAM_NONBLOCK);
    by_one_thread(BROOD_SOCKET, 0);
    by_one_thread(BROOD_SOCKET, BROOD_STREAM_NONBLOCK);
}

/* ------------------------------------------------------------------ H03 */

enum { CATS = 8, THREADS = 4 };

struct litter {
    pthread_t thread;
    struct brood_child *cats[CATS];
};

static void *start_cats(void *argument)
{
    struct litter *litter = argument;
    for (size_t i = 0; i < CATS; i++)
        litter->cats[i] = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    return NULL;
}

/* Each ends when its own input does, whoever was started before, after or beside it. */
TEST(h03_input_never_ends)
{
    struct litter litters[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&litters[i].thread, NULL, start_cats, &litters[i]) == 0);
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_join(litters[i].thread, NULL) == 0);
    for (size_t at = 0; at < CATS; at++) {
        for (size_t i = 0; i < THREADS; i++) {
            struct brood_child *cat = litters[i].cats[i & 1 ? at : CATS - 1 - at];
            CHECK_INT(brood_child_wait(cat, 0, NULL), -ETIMEDOUT);
            CHECK_INT(brood_child_close_stream(cat, BROOD_IN), 0);
            CHECK_EXITED(END_OF(cat), 0);
        }
    }
    for (size_t i = 0; i < THREADS; i++)
        for (size_t at = 0; at < CATS; at++)
            brood_child_free(litters[i].cats[at]);
}

/* ------------------------------------------------------------------ H04 */

/* The largest that this process has been, in KiB. */
static long peak_kib(void)
{
    char text[8192], *line;
    if (lab_read_file("/proc/self/status", text, sizeof text) <= 0 ||
        !(line = strstr(text, "VmHWM:")))
        return -1;
    return strtol(line + 6, NULL, 10);
}

static void take_little_of_much(uint32_t flags, const char *bytes)
{
    enum { LIMIT = 1 << 20, MORE_KIB = 32 << 10 };
    struct brood_result result;
    long before = peak_kib();
    RUN(&result, .argv = TARGET("flood", bytes),
        .out = {.kind = BROOD_MEMORY, .output_limit = LIMIT, .flags = flags}, .err = A_MEMORY);
    CHECK_INT(result.out_length, LIMIT);
    CHECK_INT(result.flags, BROOD_OUT_TRUNCATED);
    if (flags)
        CHECK_EXITED(result.exit, 0);
    else
        CHECK(result.exit.kind == BROOD_SIGNALLED || result.exit.code == 1);
    brood_result_clear(&result);
    long grown = peak_kib() - before;
    CHECK_SAY(before > 0 && grown < MORE_KIB, "grew by %ld KiB", grown);
}

/* A hundred megabytes: enough to be seen, and no harm where nothing limits them. */
TEST(h04_unbounded_capture)
{
    take_little_of_much(0, "100000000");
    take_little_of_much(BROOD_OUTPUT_DISCARD, "100000000");
}

/* ------------------------------------------------------------------ H05 */

enum { LINES = 200 };

/* Lines to the one and the other, in turns; a file opened twice would be written over. */
static const char turns[] =
    "i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i + 1)); done";

static void check_turns(const char *text)
{
    static char want[LINES * 20];
    size_t length = 0;
    for (int i = 0; i < LINES; i++)
        length += (size_t)snprintf(want + length, sizeof want - length, "out %d\nerr %d\n", i, i);
    CHECK_STR(text, want);
}

TEST(h05_merged_streams_lose_their_order)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", turns), .out = A_MEMORY,
        .err = {.kind = BROOD_MERGE});
    check_turns(result.out);
    brood_result_clear(&result);
    RUN(&result, .argv = WORDS("/bin/sh", "-c", turns), .err = A_MEMORY,
        .out = {.kind = BROOD_MERGE});
    check_turns(result.err);
    brood_result_clear(&result);
}

TEST(h05_merged_streams_write_over_each_other)
{
    char path[PATH_MAX], text[LINES * 20];
    const struct brood_stream merge = {.kind = BROOD_MERGE};
    const struct brood_stream file = {.kind = BROOD_FILE,
                                      .path = lab_path(path, sizeof path, "both")};
    for (int way = 0; way < 2; way++) {
        struct brood_child *child = START(.argv = WORDS("/bin/sh", "-c", turns),
                                          .out = way ? merge : file, .err = way ? file : merge);
        CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
        CHECK(lab_read_file(path, text, sizeof text) > 0);
        check_turns(text);
    }
}
