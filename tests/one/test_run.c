/* SPDX-License-Identifier: MIT */
/*
 * brood_run(): feeding and collecting without a deadlock, every byte and nothing else.
 *
 * Room tests. Invariant: bytes are compared with what was sent or what the child is known to print.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 8 << 20 };

static char large[LARGE];

static void fill_large(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof large; i++) {
        state = state * 1664525 + 1013904223;
        large[i] = (char)(state >> 24);
    }
}

static void check_clear(struct brood_result *result)
{
    static const struct brood_result zero;
    brood_result_clear(result);
    CHECK_MEM(result, &zero, sizeof zero);
}

TEST_TIMEOUT(eight_mebibytes_through_cat, 60)
{
    struct brood_result result;
    fill_large();
    RUN(&result, .argv = TARGET("cat"),
        .in = {.kind = BROOD_MEMORY, .input = large, .input_length = sizeof large}, .out = A_MEMORY,
        .err = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, LARGE);
    CHECK_MEM(result.out, large, sizeof large);
    CHECK_INT(((char *)result.out)[LARGE], 0);
    CHECK_INT(result.err_length, 0);
    CHECK_STR(result.err, "");
    CHECK_INT(result.flags, 0);
    check_clear(&result);
    check_clear(&result); /* twice is fine, so is nothing */
    brood_result_clear(NULL);
}

/* More than any pipe holds, on both, in turns: who reads one to its end first never comes back. */
TEST_TIMEOUT(both_outputs_flood, 60)
{
    enum { EACH = 1 << 20 };
    struct brood_result result;
    RUN(&result, .argv = TARGET("both", "1048576"), .out = A_MEMORY, .err = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, EACH);
    CHECK_INT(result.err_length, EACH);
    memset(large, 'o', EACH);
    CHECK_MEM(result.out, large, EACH);
    memset(large, 'e', EACH);
    CHECK_MEM(result.err, large, EACH);
    check_clear(&result);
}

static void check_alphabet(const char *data, size_t length, size_t want)
{
    CHECK_INT(length, want);
    size_t wrong = 0;
    while (wrong < length && data[wrong] == (char)('a' + wrong % 26))
        wrong++;
    CHECK_INT(wrong, length);
    CHECK_INT(data[length], 0);
}

/* Around the sizes of a page and of a pipe, on either stream. */
TEST_TIMEOUT(every_size_comes_whole, 60)
{
    static const size_t sizes[] = {0,    1,    2,     4095,  4096,  4097,   8191,
                                   8192, 8193, 65535, 65536, 65537, 131072, 1048576};
    static const char *const streams[] = {"1", "2"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t j = 0; j < 2; j++) {
            char size[16];
            struct brood_result result;
            (void)snprintf(size, sizeof size, "%zu", sizes[i]);
            RUN(&result, .argv = TARGET("flood", size, streams[j]), .out = A_MEMORY,
                .err = A_MEMORY);
            CHECK_EXITED(result.exit, 0);
            check_alphabet(result.out, result.out_length, j == 0 ? sizes[i] : 0);
            check_alphabet(result.err, result.err_length, j == 1 ? sizes[i] : 0);
            CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
            check_clear(&result);
        }
    }
}

TEST(merged_outputs_keep_their_order)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "echo 1; echo 2 >&2; echo 3; echo 4 >&2"),
        .out = A_MEMORY, .err = {.kind = BROOD_MERGE});
    CHECK_STR(result.out, "1\n2\n3\n4\n");
    CHECK(result.err == NULL);
    check_clear(&result);
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "echo 1; echo 2 >&2; echo 3"), .err = A_MEMORY,
        .out = {.kind = BROOD_MERGE});
    CHECK_STR(result.err, "1\n2\n3\n");
    CHECK(result.out == NULL);
    check_clear(&result);
}

TEST(input_that_is_not_read_is_no_error)
{
    struct brood_result result;
    fill_large();
    RUN(&result, .argv = TARGET("read", "10"),
        .in = {.kind = BROOD_MEMORY, .input = large, .input_length = sizeof large},
        .out = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_STR(result.out, "ready\n");
    check_clear(&result);
    RUN(&result, .argv = TARGET("exit", "3"),
        .in = {.kind = BROOD_MEMORY, .input = large, .input_length = sizeof large});
    CHECK_EXITED(result.exit, 3);
    check_clear(&result);
}

TEST(empty_input_ends_at_once)
{
    struct brood_result result;
    RUN(&result, .argv = TARGET("cat"), .in = A_MEMORY, .out = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_STR(result.out, "");
    CHECK_INT(result.out_length, 0);
    check_clear(&result);
}

TEST(zero_bytes_are_bytes)
{
    static const char data[] = "a\0b\0\0c";
    struct brood_result result;
    RUN(&result, .argv = TARGET("cat"),
        .in = {.kind = BROOD_MEMORY, .input = data, .input_length = sizeof data}, .out = A_MEMORY);
    CHECK_INT(result.out_length, sizeof data);
    CHECK_MEM(result.out, data, sizeof data);
    check_clear(&result);
}

TEST(nothing_is_collected_unless_asked)
{
    struct brood_result result;
    memset(&result, 0x55, sizeof result);
    RUN(&result, .argv = TARGET("exit", "9"), .out = A_NULL);
    CHECK_EXITED(result.exit, 9);
    CHECK(result.out == NULL && result.err == NULL);
    CHECK_INT(result.out_length, 0);
    CHECK_INT(result.err_length, 0);
    CHECK_INT(result.flags, 0);
    for (size_t i = 0; i < sizeof result.reserved / sizeof *result.reserved; i++)
        CHECK_INT(result.reserved[i], 0);
    check_clear(&result);
}

TEST(a_program_that_closes_its_output_early_is_waited_for)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "echo gone; exec >&- 2>&-; sleep 0.3; exit 4"),
        .out = A_MEMORY, .err = A_MEMORY);
    CHECK_EXITED(result.exit, 4);
    CHECK_STR(result.out, "gone\n");
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    check_clear(&result);
}

/* ------------------------------------------------------------------ refused and failed */

static void check_refused(const struct brood_options *options, int code, int32_t stage)
{
    struct brood_result result;
    struct brood_error error;
    memset(&result, 0x55, sizeof result);
    struct brood_result before = result;
    CHECK_INT(brood_run(options, &result, &error), -code);
    CHECK_INT(error.code, code);
    CHECK_INT(error.stage, stage);
    CHECK_MEM(&result, &before, sizeof result); /* written on success only */
    CHECK_INT(brood_run(options, &result, NULL), -code);
}

TEST(what_a_run_refuses)
{
    struct brood_result result;
    check_refused(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = A_PIPE), EINVAL,
                  BROOD_STAGE_OPTIONS);
    check_refused(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .out = A_PIPE), EINVAL,
                  BROOD_STAGE_OPTIONS);
    check_refused(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .err = {.kind = BROOD_SOCKET}), EINVAL,
                  BROOD_STAGE_OPTIONS);
    check_refused(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .timeout_ms = -1), EINVAL,
                  BROOD_STAGE_OPTIONS);
    check_refused(BROOD_OPTIONS(.argv = WORDS("/no/such"), .out = A_MEMORY, .err = A_MEMORY),
                  ENOENT, BROOD_STAGE_EXEC);
    check_refused(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .cwd = "/no/such", .out = A_MEMORY),
                  ENOENT, BROOD_STAGE_DIRECTORY);
    CHECK_INT(brood_run(NULL, &result, NULL), -EINVAL);
    CHECK_INT(brood_run(BROOD_OPTIONS(.argv = TARGET("exit", "0")), NULL, NULL), -EINVAL);
}

TEST(without_descriptors_a_run_fails_whole)
{
    static struct audit before;
    char why[1024];
    int worked = 0;
    for (unsigned spare = 0; spare <= 10; spare++) {
        long soft = lab_leave_fds(spare);
        REQUIRE(soft > 0);
        audit_take(&before);
        struct brood_result result = {.flags = 0};
        struct brood_error error;
        int code = brood_run(BROOD_OPTIONS(.argv = TARGET("flood", "70000"), .in = A_MEMORY,
                                           .out = A_MEMORY, .err = A_MEMORY),
                             &result, &error);
        if (code == 0) {
            CHECK_INT(result.out_length, 70000);
            worked++;
        } else {
            CHECK_INT(code, -EMFILE);
        }
        brood_result_clear(&result);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%u spare: %s", spare, why);
        CHECK_INT(lab_restore_fds(soft), 0);
    }
    CHECK_SAY(worked >= 4 && worked < 11, "%d", worked);
}
