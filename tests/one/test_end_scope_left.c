/* SPDX-License-Identifier: MIT */
/*
 * Scope group, and a leader that has left its group: no signal to the group reaches it any more,
 * and it is ended all the same, with what stayed in the group.
 *
 * Room tests. Invariant: the child is seen to be in another group before it is ended.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* Far below the ten seconds that a kill which does not arrive is waited for. */
enum { SOON_MS = 5000, TIMEOUT_MS = 200 };

/* `member`: NULL when the group is to be empty, else the number of one that stays in it. */
static struct brood_child *child_that_left(pid_t *member)
{
    struct brood_child *child =
        START(.argv = ODD("leave-group", member ? "behind" : "alone"), .out = A_PIPE, .in = A_NULL,
              .scope = BROOD_SCOPE_GROUP, .flags = BROOD_NEW_GROUP);
    pid_t number = READY(child);
    CHECK_INT(getpgid(brood_child_pid(child)), getpgid(0));
    if (member) {
        REQUIRE(number > 1);
        CHECK_INT(getpgid(number), brood_child_pid(child));
        *member = number;
    }
    return child;
}

static void check_gone(pid_t pid)
{
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

static void check_soon(int64_t before)
{
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took < SOON_MS, "took %d ms", (int)took);
}

TEST(a_signal_reaches_it)
{
    struct brood_child *child = child_that_left(NULL);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_signal(child, SIGINT), 0);
    CHECK_KILLED(END_OF(child), SIGINT);
    brood_child_free(child);
}

TEST(a_signal_reaches_it_and_who_stayed)
{
    pid_t member;
    struct brood_child *child = child_that_left(&member);
    CHECK_INT(brood_child_signal(child, SIGINT), 0);
    CHECK_KILLED(END_OF(child), SIGINT);
    check_gone(member);
    brood_child_free(child);
}

TEST_TIMEOUT(stop_ends_it, 60)
{
    static const int64_t graces_ms[] = {0, KIT_BOUND_MS};
    for (size_t i = 0; i < sizeof graces_ms / sizeof *graces_ms; i++) {
        pid_t member;
        struct brood_exit end;
        int64_t before = lab_now_ms();
        struct brood_child *child = child_that_left(i ? &member : NULL);
        CHECK_INT(brood_child_stop(child, graces_ms[i], &end), 0);
        CHECK_KILLED(end, graces_ms[i] ? SIGTERM : SIGKILL);
        check_soon(before);
        if (i)
            check_gone(member);
        brood_child_free(child);
    }
}

TEST_TIMEOUT(stop_without_grace_ends_it_and_who_stayed, 60)
{
    pid_t member;
    struct brood_exit end;
    int64_t before = lab_now_ms();
    struct brood_child *child = child_that_left(&member);
    CHECK_INT(brood_child_stop(child, 0, &end), 0);
    CHECK_KILLED(end, SIGKILL);
    check_soon(before);
    check_gone(member);
    brood_child_free(child);
}

TEST_TIMEOUT(free_ends_it, 60)
{
    pid_t member;
    int64_t before = lab_now_ms();
    brood_child_free(child_that_left(NULL));
    brood_child_free(child_that_left(&member));
    check_soon(before);
    check_gone(member);
    CHECK_INT(audit_children(), 0);
}

TEST_TIMEOUT(the_timeout_of_a_run_ends_it, 60)
{
    struct brood_result result;
    int64_t before = lab_now_ms();
    RUN(&result, .argv = ODD("leave-group", "behind"), .in = A_NULL, .out = A_MEMORY,
        .timeout_ms = TIMEOUT_MS, .grace_ms = KIT_BOUND_MS, .drain_ms = KIT_BOUND_MS,
        .scope = BROOD_SCOPE_GROUP, .flags = BROOD_NEW_GROUP);
    CHECK_KILLED(result.exit, SIGTERM);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    CHECK_HAS(result.out, "ready ");
    check_soon(before);
    brood_result_clear(&result);
}
