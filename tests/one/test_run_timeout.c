/* SPDX-License-Identifier: MIT */
/*
 * timeout_ms, grace_ms and the cause; an end at the very moment of the deadline.
 *
 * Room tests. Invariant: a child that the deadline may end sleeps far beyond it, so which of the
 * two it was is certain, except where both are right and the record must say which.
 */
#include "kit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 150, SOON_MS = 5000 };

static struct brood_result run_late(const char *verb, const char *argument, int64_t grace_ms,
                                    int64_t least_ms)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = TARGET(verb, argument), .out = A_MEMORY, .timeout_ms = TIMEOUT_MS,
        .grace_ms = grace_ms);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took >= least_ms - 1 && took < least_ms + SOON_MS, "%d ms", (int)took);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    CHECK_STR(result.out, "ready\n");
    return result;
}

TEST(a_timeout_kills)
{
    struct brood_result result = run_late("catch-term", "3", 0, TIMEOUT_MS);
    CHECK_KILLED(result.exit, SIGKILL);
    brood_result_clear(&result);
}

TEST(with_grace_a_timeout_asks_first)
{
    struct brood_result result = run_late("catch-term", "3", KIT_BOUND_MS, TIMEOUT_MS);
    CHECK_EXITED(result.exit, 3);
    brood_result_clear(&result);
    result = run_late("sleep", "60000", KIT_BOUND_MS, TIMEOUT_MS);
    CHECK_KILLED(result.exit, SIGTERM);
    brood_result_clear(&result);
}

TEST(after_the_grace_it_kills)
{
    struct brood_result result = run_late("ignore-term", "60000", 200, TIMEOUT_MS + 200);
    CHECK_KILLED(result.exit, SIGKILL);
    brood_result_clear(&result);
}

/* A stopped child would never see SIGTERM. */
TEST(a_timeout_wakes_a_stopped_child)
{
    struct brood_result result;
    RUN(&result,
        .argv = WORDS("/bin/sh", "-c", "trap 'exit 6' TERM; kill -STOP $$; sleep 60 & wait"),
        .timeout_ms = TIMEOUT_MS, .grace_ms = KIT_BOUND_MS, .scope = BROOD_SCOPE_GROUP,
        .flags = BROOD_NEW_GROUP);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    CHECK_EXITED(result.exit, 6);
    brood_result_clear(&result);
}

TEST(in_time_a_timeout_says_nothing)
{
    struct brood_result result;
    RUN(&result, .argv = TARGET("print", "quick"), .out = A_MEMORY, .timeout_ms = 60000,
        .grace_ms = 60000);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OWN);
    CHECK_STR(result.out, "quick");
    brood_result_clear(&result);
}

/* A child that writes all the time keeps its deadline. */
TEST(a_writing_child_keeps_its_deadline)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = WORDS("yes"),
        .out = {.kind = BROOD_MEMORY, .output_limit = 1000, .flags = BROOD_OUTPUT_DISCARD},
        .timeout_ms = TIMEOUT_MS);
    CHECK(lab_now_ms() - before < TIMEOUT_MS + SOON_MS);
    CHECK_KILLED(result.exit, SIGKILL);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    CHECK_INT(result.flags, BROOD_OUT_TRUNCATED);
    brood_result_clear(&result);
}

/* A grandchild that holds the stream does not stretch the timeout. */
TEST(a_held_stream_does_not_stretch_a_timeout)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = TARGET("family", "3000"), .out = A_MEMORY, .timeout_ms = TIMEOUT_MS);
    CHECK(lab_now_ms() - before < 2900);
    CHECK_KILLED(result.exit, SIGKILL);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, BROOD_EXIT_STREAMS_HELD);
    pid_t holder = 0;
    CHECK_INT(sscanf(result.out ? result.out : "", "ready %d", &holder), 1);
    CHECK(holder > 1 && lab_wait_gone(holder, KIT_BOUND_MS) == 0);
    brood_result_clear(&result);
}

/* The end and the deadline at the same moment: one record, of what really happened. */
TEST_TIMEOUT(an_end_at_the_deadline_is_told_once_and_truly, 90)
{
    enum { RUNS = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 60 : 300, LIFE_MS = 5 };
    int own = 0, killed = 0, both = 0;
    for (int i = 0; i < RUNS; i++) {
        struct brood_result result;
        RUN(&result, .argv = TARGET("sleep", "5"), .out = A_MEMORY,
            .timeout_ms = LIFE_MS - 1 + i % 4, .grace_ms = i % 2);
        bool by_us = result.exit.kind == BROOD_SIGNALLED &&
                     (result.exit.code == SIGKILL || result.exit.code == SIGTERM);
        bool by_itself = result.exit.kind == BROOD_EXITED && result.exit.code == 0;
        CHECK(by_us || by_itself);
        if (by_us)
            CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
        CHECK(result.exit.cause == BROOD_CAUSE_OWN || result.exit.cause == BROOD_CAUSE_TIMEOUT);
        own += by_itself && result.exit.cause == BROOD_CAUSE_OWN;
        both += by_itself && result.exit.cause == BROOD_CAUSE_TIMEOUT;
        killed += by_us;
        CHECK_INT(audit_children(), 0);
        brood_result_clear(&result);
    }
    NOTE("%d ended of themselves, %d were ended, %d ended while they were being ended", own, killed,
         both);
    CHECK(own > 0 || killed > 0);
}
