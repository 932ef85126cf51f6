/* SPDX-License-Identifier: MIT */
/*
 * A run ends when its child has ended and the drain is over, whoever else still holds its streams;
 * what was written before is there.
 *
 * Room tests. Invariant: the one who holds them says its number first, and is ended by the test.
 */
#include "kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOON_MS = 5000 };

/* "… PID\n" at the end of the text. */
static void end_holder(const char *text)
{
    const char *space = text ? strrchr(text, ' ') : NULL;
    pid_t pid = space ? (pid_t)atoi(space) : 0;
    if (!CHECK(pid > 1))
        return;
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

static void hold(int64_t drain_ms)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = TARGET("grandchild", "60000"), .out = A_MEMORY, .err = A_MEMORY,
        .drain_ms = drain_ms);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took >= drain_ms && took < drain_ms + SOON_MS, "%d ms", (int)took);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, BROOD_EXIT_STREAMS_HELD);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OWN);
    CHECK_HAS(result.out, "ready ");
    end_holder(result.out);
    brood_result_clear(&result);
}

TEST(a_held_stream_does_not_hold_a_run)
{
    hold(0);
}

TEST(a_held_stream_takes_the_drain_and_no_more)
{
    hold(200);
}

/* One stream only, and the other has ended: still held. */
TEST(one_held_stream_is_told)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "sleep 60 >&- & echo $! ; echo e x $! >&2"),
        .out = A_MEMORY, .err = A_MEMORY, .drain_ms = 100);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, BROOD_EXIT_STREAMS_HELD);
    CHECK(result.out_length > 1);
    end_holder(result.err);
    brood_result_clear(&result);
}

/* Stopped by its own child until that has written all and ended: the whole of it is in the pipe,
 * the end is there, and the drain is none. */
static void run_stopped(void)
{
    struct brood_result result;
    char script[PATH_MAX + 100];
    (void)snprintf(script, sizeof script,
                   "kill -STOP $PPID; sleep 60 & '%s' flood 30000 >&2; echo pid $!", kit_target);
    RUN(&result, .argv = WORDS("/bin/sh", "-c", script), .out = A_MEMORY, .err = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.err_length, 30000);
    CHECK_HAS(result.out, "pid ");
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, BROOD_EXIT_STREAMS_HELD);
    end_holder(result.out);
    brood_result_clear(&result);
}

/* The one child of that process, whose first thread made it. */
static pid_t child_of(pid_t pid)
{
    char text[32] = "";
    (void)lab_read_file(lab_proc("%d/task/%d/children", (int)pid, (int)pid), text, sizeof text);
    return (pid_t)atoi(text);
}

TEST(output_before_the_end_is_whole_though_held)
{
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            run_stopped();
            _exit(0);
        }
        CHECK(kit_in_state(pid, "T"));
        CHECK(kit_in_state(child_of(pid), "Z"));
        CHECK_INT(kill(pid, SIGCONT), 0);
        CHECK_CHILD(pid, 0);
    }
}

/* A stream that always has something to read stretches no bound either. */
static void flood_on(int64_t drain_ms)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = ODD("endless"),
        .out = {.kind = BROOD_MEMORY, .output_limit = 65536, .flags = BROOD_OUTPUT_DISCARD},
        .err = A_MEMORY, .drain_ms = drain_ms);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took < drain_ms + SOON_MS, "%d ms", (int)took);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, BROOD_EXIT_STREAMS_HELD);
    /* Nobody reads any more, so it ends. */
    pid_t pid = result.err ? (pid_t)atoi((char *)result.err + 4) : 0;
    CHECK(pid > 1 && lab_wait_gone(pid, KIT_BOUND_MS) == 0);
    brood_result_clear(&result);
}

TEST(an_endless_writer_does_not_hold_a_run)
{
    flood_on(0);
}

TEST(an_endless_writer_takes_the_drain_and_no_more)
{
    flood_on(200);
}

/* What comes during the drain is taken, and the drain is over when the streams are. */
TEST(a_late_writer_has_the_drain)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = ODD("late-line", "200", "late but here\n"), .out = A_MEMORY,
        .drain_ms = 20000);
    CHECK(lab_now_ms() - before < 10000);
    CHECK_EXITED(result.exit, 0);
    CHECK_STR(result.out, "late but here\n");
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    brood_result_clear(&result);
}

/* The reader's side: a process that holds the child's input does not matter. */
TEST(a_held_input_does_not_hold_a_run)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "exec 3<&0; sleep 60 <&3 >&- 2>&- & echo to $!"),
        .in = A_MEMORY, .out = A_MEMORY, .err = A_MEMORY, .drain_ms = 10000);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    end_holder(result.out);
    brood_result_clear(&result);
}
