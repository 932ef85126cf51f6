/* SPDX-License-Identifier: MIT */
/*
 * Children whose threads end in an odd order: the process ends with its last thread, and an exec by
 * any thread keeps its number.
 *
 * Room tests. Invariant: the odd state is seen before the library is asked about it.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static int64_t processor_ms(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* The first thread is a zombie, the process lives: no end yet, and no spinning while it is waited
 * for. */
TEST(it_lives_on_without_its_first_thread)
{
    struct brood_child *child = START(.argv = ODD("leader-gone", "6"), .in = A_PIPE, .out = A_PIPE);
    (void)READY(child);
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    int64_t used = processor_ms();
    CHECK_INT(brood_child_wait(child, 500, NULL), -ETIMEDOUT);
    used = processor_ms() - used;
    CHECK_SAY(used < 250, "waiting used %d ms of the processor", (int)used);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 6);
    brood_child_free(child);
}

TEST(it_can_be_ended_without_its_first_thread)
{
    struct brood_exit end;
    struct brood_child *child = START(.argv = ODD("leader-gone", "6"), .in = A_PIPE, .out = A_PIPE);
    (void)READY(child);
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_KILLED(end, SIGTERM);
    brood_child_free(child);

    child = START(.argv = ODD("leader-gone", "6"), .in = A_PIPE, .out = A_PIPE);
    (void)READY(child);
    brood_child_free(child);
    CHECK_INT(audit_children(), 0);
}

TEST(an_exec_by_another_thread_keeps_the_child)
{
    struct brood_child *child =
        START(.argv = ODD("thread-exec", kit_target, "catch-term", "9"), .out = A_PIPE);
    pid_t pid = brood_child_pid(child);
    (void)READY(child);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_pid(child), pid);
    CHECK_INT(brood_child_signal(child, SIGTERM), 0);
    CHECK_EXITED(END_OF(child), 9);
    brood_child_free(child);
}
