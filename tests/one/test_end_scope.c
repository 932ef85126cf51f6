/* SPDX-License-Identifier: MIT */
/*
 * Scope group: ending the child reaches its whole process group, and scope child reaches nobody
 * else.
 *
 * Room tests. Invariant: the grandchild's number comes from the child itself; its end is waited
 * for.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* A child with one child of its own, whose number it says. */
static struct brood_child *family(uint32_t scope, uint64_t flags, const char *verb, pid_t *ret)
{
    struct brood_child *child =
        START(.argv = TARGET(verb, "60000"), .out = A_PIPE, .scope = scope, .flags = flags);
    *ret = READY(child);
    REQUIRE(*ret > 1);
    return child;
}

static bool lives(pid_t pid)
{
    return kill(pid, 0) == 0 && lab_process_state(pid) != 'Z';
}

static void check_gone(pid_t pid)
{
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

static const uint64_t ways[] = {BROOD_NEW_GROUP, BROOD_NEW_SESSION};

TEST(stop_reaches_the_group)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pid_t grandchild;
        struct brood_exit end;
        struct brood_child *child = family(BROOD_SCOPE_GROUP, ways[i], "family", &grandchild);
        CHECK_INT(brood_child_scope_tier(child), BROOD_SCOPE_GROUP);
        CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
        CHECK_KILLED(end, SIGTERM);
        check_gone(grandchild);
        brood_child_free(child);
    }
}

TEST(signal_reaches_the_group)
{
    pid_t grandchild;
    struct brood_child *child = family(BROOD_SCOPE_GROUP, BROOD_NEW_GROUP, "family", &grandchild);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_signal(child, SIGSTOP), 0);
    CHECK(kit_in_state(brood_child_pid(child), "T"));
    CHECK(kit_in_state(grandchild, "T"));
    CHECK_INT(brood_child_signal(child, SIGCONT), 0);
    CHECK(kit_in_state(grandchild, "SR"));
    CHECK_INT(brood_child_signal(child, SIGINT), 0);
    CHECK_KILLED(END_OF(child), SIGINT);
    check_gone(grandchild);
    brood_child_free(child);
}

TEST(free_reaches_the_group)
{
    pid_t grandchild;
    struct brood_child *child = family(BROOD_SCOPE_GROUP, BROOD_NEW_GROUP, "family", &grandchild);
    brood_child_free(child);
    check_gone(grandchild);
}

/* The leader has ended by itself: what is left of its group goes when it is reaped. */
TEST(wait_ends_what_is_left_of_the_group)
{
    pid_t grandchild;
    struct brood_child *child =
        family(BROOD_SCOPE_GROUP, BROOD_NEW_GROUP, "grandchild", &grandchild);
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    CHECK(lives(grandchild));
    CHECK_INT(brood_child_signal(child, SIGTERM), -ESRCH);
    CHECK(lives(grandchild));
    CHECK_EXITED(END_OF(child), 0);
    check_gone(grandchild);
    brood_child_free(child);
}

TEST(free_ends_what_is_left_of_the_group)
{
    pid_t grandchild;
    struct brood_child *child =
        family(BROOD_SCOPE_GROUP, BROOD_NEW_GROUP, "grandchild", &grandchild);
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    brood_child_free(child);
    check_gone(grandchild);
}

TEST(a_pipeline_ends_as_one)
{
    struct brood_exit end;
    char line[32];
    struct brood_child *child =
        START(.argv = WORDS("/bin/sh", "-c", "sleep 60 | (echo up; exec sleep 61) | cat"),
              .out = A_PIPE, .scope = BROOD_SCOPE_GROUP, .flags = BROOD_NEW_SESSION);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) > 0);
    CHECK_INT(brood_child_stop(child, 0, &end), 0);
    CHECK_KILLED(end, SIGKILL);
    /* End-of-file: the last of them has gone. */
    CHECK_INT(brood_child_read(child, BROOD_OUT, line, sizeof line, KIT_BOUND_MS), 0);
    brood_child_free(child);
}

TEST(a_run_ends_its_group)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = TARGET("grandchild", "60000"), .out = A_MEMORY, .drain_ms = 8000,
        .scope = BROOD_SCOPE_GROUP, .flags = BROOD_NEW_GROUP);
    CHECK(lab_now_ms() - before < 5000); /* the stream ended, not the drain */
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    CHECK_HAS(result.out, "ready ");
    brood_result_clear(&result);
}

TEST(scope_child_spares_the_rest)
{
    pid_t grandchild;
    struct brood_exit end;
    struct brood_child *child = family(BROOD_SCOPE_CHILD, BROOD_NEW_GROUP, "family", &grandchild);
    CHECK_INT(brood_child_scope_tier(child), BROOD_SCOPE_CHILD);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_KILLED(end, SIGTERM);
    CHECK(lives(grandchild));
    brood_child_free(child);
    CHECK(lives(grandchild));
    CHECK_INT(kill(grandchild, SIGKILL), 0);
    check_gone(grandchild);
}

/* After the reap the group's number may be anybody's: its remaining members are not hit any more.
 * Here they are made to leave one behind: a member that left for its own session and group. */
TEST(who_left_the_group_is_spared)
{
    struct brood_child *child = START(.argv = TARGET("daemonise", "60000"), .out = A_PIPE,
                                      .scope = BROOD_SCOPE_GROUP, .flags = BROOD_NEW_GROUP);
    pid_t daemon = READY(child);
    REQUIRE(daemon > 1);
    (void)END_OF(child);
    CHECK(lives(daemon));
    brood_child_free(child);
    CHECK(lives(daemon));
    CHECK_INT(kill(daemon, SIGKILL), 0);
    check_gone(daemon);
}

/* The group is there before the program begins. */
TEST_TIMEOUT(a_group_signal_right_after_the_start, 40)
{
    for (int i = 0; i < 200; i++) {
        struct brood_child *child =
            START(.argv = TARGET("sleep"), .scope = BROOD_SCOPE_GROUP, .flags = BROOD_NEW_GROUP);
        CHECK_INT(brood_child_signal(child, SIGTERM), 0);
        CHECK_KILLED(END_OF(child), SIGTERM);
        brood_child_free(child);
    }
}
