/* SPDX-License-Identifier: MIT */
/*
 * output_limit: what is kept is never more, the child is ended or read on as asked, and the limit
 * itself is not beyond the limit.
 *
 * Room tests. Invariant: children that write for ever are ended by the limit alone: no test here
 * has a timeout_ms.
 */
#include "kit.h"

#include <signal.h>
#include <string.h>

enum { LIMIT = 1 << 20 };

static struct brood_stream limited(uint64_t limit, uint32_t flags)
{
    return (struct brood_stream){.kind = BROOD_MEMORY, .output_limit = limit, .flags = flags};
}

TEST(yes_is_ended_by_the_limit)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("yes"), .out = limited(LIMIT, 0));
    CHECK_INT(result.out_length, LIMIT);
    CHECK_INT(result.flags, BROOD_OUT_TRUNCATED);
    CHECK_INT(result.exit.kind, BROOD_SIGNALLED);
    CHECK(result.exit.code == SIGKILL || result.exit.code == SIGPIPE);
    CHECK_INT(((char *)result.out)[LIMIT], 0);
    CHECK_INT(((char *)result.out)[LIMIT - 1], '\n');
    brood_result_clear(&result);
}

/* It does not look at what its writes say, and never writes again: the limit alone ends it. */
TEST(a_child_that_ignores_sigpipe_is_ended_by_the_limit)
{
    struct brood_result result;
    RUN(&result,
        .argv = WORDS("/bin/sh", "-c", "trap '' PIPE; echo 12345; echo 67890; exec sleep 60"),
        .out = limited(8, 0), .ignore_signals = UINT64_C(1) << (SIGPIPE - 1));
    CHECK_STR(result.out, "12345\n67");
    CHECK_INT(result.flags, BROOD_OUT_TRUNCATED);
    CHECK_KILLED(result.exit, SIGKILL);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OUTPUT_LIMIT);
    brood_result_clear(&result);
}

TEST(with_grace_it_is_asked_first)
{
    struct brood_result result;
    RUN(&result,
        .argv = WORDS("/bin/sh", "-c",
                      "trap 'exit 5' TERM; trap '' PIPE; echo 12345; while :; do sleep 0.05; done"),
        .err = A_NULL, .out = limited(2, 0), .grace_ms = KIT_BOUND_MS);
    CHECK_STR(result.out, "12");
    CHECK_EXITED(result.exit, 5);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OUTPUT_LIMIT);
    brood_result_clear(&result);
}

/* The child lives to its end and never notices. */
TEST(past_the_limit_it_is_read_on_when_asked)
{
    struct brood_result result;
    RUN(&result, .argv = TARGET("flood", "3000000"), .out = limited(1000, BROOD_OUTPUT_DISCARD),
        .err = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OWN);
    CHECK_INT(result.out_length, 1000);
    CHECK_INT(strlen(result.out), 1000);
    CHECK_INT(result.flags, BROOD_OUT_TRUNCATED);
    brood_result_clear(&result);
}

TEST(one_stream_over_its_limit_leaves_the_other_whole)
{
    struct brood_result result;
    RUN(&result, .argv = TARGET("both", "200000"), .out = A_MEMORY,
        .err = limited(10, BROOD_OUTPUT_DISCARD));
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, 200000);
    CHECK_INT(result.err_length, 10);
    CHECK_STR(result.err, "eeeeeeeeee");
    CHECK_INT(result.flags, BROOD_ERR_TRUNCATED);
    brood_result_clear(&result);
}

static void exactly(const char *bytes, uint64_t limit, uint32_t flags)
{
    struct brood_result result;
    RUN(&result, .argv = TARGET("flood", bytes), .out = limited(limit, flags));
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, limit);
    CHECK_INT(result.flags, 0);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OWN);
    brood_result_clear(&result);
}

TEST(exactly_the_limit_is_not_cut)
{
    exactly("1", 1, 0);
    exactly("4096", 4096, 0);
    exactly("65536", 65536, 0);
    exactly("65536", 65536, BROOD_OUTPUT_DISCARD);
    exactly("100000", 100000, 0);
}

/* At every limit near the whole: cut when and only when there was more. */
TEST(limits_around_the_whole)
{
    enum { WHOLE = 8192 };
    for (uint64_t limit = WHOLE - 2; limit <= WHOLE + 2; limit++) {
        struct brood_result result;
        RUN(&result, .argv = TARGET("flood", "8192"), .out = limited(limit, BROOD_OUTPUT_DISCARD));
        CHECK_INT(result.out_length, limit < WHOLE ? limit : WHOLE);
        CHECK_INT(result.flags, limit < WHOLE ? BROOD_OUT_TRUNCATED : 0);
        brood_result_clear(&result);
    }
}
