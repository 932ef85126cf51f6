/* SPDX-License-Identifier: MIT */
/*
 * A thread that is cancelled at any moment of a start, a run or a wait: the call is done or was not
 * begun, and nothing is left between.
 *
 * Room tests. Invariant: what the cancelled thread owned is known by its cleanup handler.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { MOMENTS = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 40 : 150, SPREAD_NS = 4000000 };

/* A cancelled thread does not return from its frames, and the sanitizer would not notice. */
#define MAY_BE_CANCELLED __attribute__((no_sanitize_address))

struct owner {
    struct brood_child *child;
    atomic_bool began;
};

static void give_up(void *argument)
{
    struct owner *owner = argument;
    owner->child = brood_child_free(owner->child);
}

/* Starts, waits and fails in turns until it is cancelled; the points for that are between the
 * calls. */
MAY_BE_CANCELLED static void *start_until_cancelled(void *argument)
{
    struct owner *owner = argument;
    pthread_cleanup_push(give_up, owner);
    atomic_store(&owner->began, true);
    for (;;) {
        struct brood_child *unused;
        if (brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = A_PIPE, .out = A_PIPE,
                                      .start_timeout_ms = KIT_BOUND_MS),
                        &owner->child, NULL) == 0) {
            pthread_testcancel();
            (void)brood_child_write(owner->child, "x", 1, 1);
            (void)brood_child_wait(owner->child, KIT_BOUND_MS, NULL);
            owner->child = brood_child_free(owner->child);
        }
        pthread_testcancel();
        (void)brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .out = A_PIPE), &unused, NULL);
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void clear(void *result)
{
    brood_result_clear(result);
}

MAY_BE_CANCELLED static void *run_until_cancelled(void *argument)
{
    struct owner *owner = argument;
    struct brood_result result = {.flags = 0};
    pthread_cleanup_push(clear, &result);
    atomic_store(&owner->began, true);
    for (;;) {
        (void)brood_run(
            BROOD_OPTIONS(.argv = TARGET("flood", "100000"), .out = A_MEMORY, .err = A_MEMORY),
            &result, NULL);
        pthread_testcancel();
        brood_result_clear(&result);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancel_at_many_moments(void *(*run)(void *))
{
    static struct audit before;
    char why[1024];
    unsigned state = 12345;
    audit_take(&before);
    for (int i = 0; i < MOMENTS; i++) {
        struct owner owner = {.child = NULL};
        pthread_t thread;
        void *end = NULL;
        REQUIRE(pthread_create(&thread, NULL, run, &owner) == 0);
        while (!atomic_load(&owner.began))
            (void)sched_yield();
        state = state * 1103515245 + 12345;
        const struct timespec moment = {.tv_nsec = (long)(state >> 8) % SPREAD_NS};
        (void)nanosleep(&moment, NULL);
        CHECK_INT(pthread_cancel(thread), 0);
        CHECK_INT(pthread_join(thread, &end), 0);
        CHECK(end == PTHREAD_CANCELED);
        if (!CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "moment %d: %s", i, why))
            return;
    }
}

TEST_TIMEOUT(cancelled_while_starting, 60)
{
    cancel_at_many_moments(start_until_cancelled);
}

TEST_TIMEOUT(cancelled_while_running, 60)
{
    cancel_at_many_moments(run_until_cancelled);
}

/* A call that is in the middle of its wait goes to its end first. */
MAY_BE_CANCELLED static void *wait_long(void *argument)
{
    struct owner *owner = argument;
    struct brood_exit end = {.kind = 0};
    atomic_store(&owner->began, true);
    int result = brood_child_wait(owner->child, KIT_BOUND_MS, &end);
    CHECK_INT(result, 0);
    CHECK_KILLED(end, SIGTERM);
    pthread_testcancel();
    FAIL("not cancelled");
    return NULL;
}

TEST(cancelled_while_waiting)
{
    struct owner owner = {.child = START(.argv = TARGET("sleep"))};
    pthread_t thread;
    void *end = NULL;
    REQUIRE(pthread_create(&thread, NULL, wait_long, &owner) == 0);
    while (!atomic_load(&owner.began))
        (void)sched_yield();
    CHECK_INT(pthread_cancel(thread), 0);
    CHECK_INT(brood_child_signal(owner.child, SIGTERM), 0);
    CHECK_INT(pthread_join(thread, &end), 0);
    CHECK(end == PTHREAD_CANCELED);
    brood_child_free(owner.child);
}
