/* SPDX-License-Identifier: MIT */
/*
 * Statuses that somebody else takes: the kernel where SIGCHLD is ignored, or a part of the program
 * that waits for everything. Each child has its true end all the same (Linux 6.15), or a lost one;
 * no call hangs, and we take nobody else's.
 *
 * Room tests. Invariant: the thief really is one, seen by the statuses that it got.
 */
#include "facts.h"
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = TEST_UNDER_ASAN || TEST_UNDER_TSAN ? 100 : 500, AT_ONCE = 25 };

/* ------------------------------------------------------------------ taken by the kernel */

/* Every way to an end, once. */
static void all_ways(void)
{
    struct brood_exit end;
    struct brood_child *child = START(.argv = TARGET("exit", "7"));
    CHECK_STOLEN(END_OF(child), 7);
    CHECK_INT(brood_child_wait(child, 0, &end), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);

    child = START(.argv = TARGET("catch-term", "8"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_STOLEN(end, 8);
    CHECK_INT(end.cause, BROOD_CAUSE_ASKED);
    brood_child_free(child);

    child = START(.argv = TARGET("sleep"));
    brood_child_free(child);

    child = START(.argv = TARGET("exit", "0"));
    CHECK_INT(lab_wait_gone(brood_child_pid(child), KIT_BOUND_MS), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);

    struct brood_result result;
    RUN(&result, .argv = TARGET("flood", "100000"), .out = A_MEMORY);
    CHECK_STOLEN(result.exit, 0);
    CHECK_INT(result.out_length, 100000);
    brood_result_clear(&result);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
    CHECK_INT(audit_children(), 0);
}

TEST(where_sigchld_is_ignored)
{
    (void)signal(SIGCHLD, SIG_IGN);
    all_ways();
    (void)signal(SIGCHLD, SIG_DFL);
}

TEST(where_children_leave_no_zombie)
{
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    (void)sigaction(SIGCHLD, &action, NULL);
    all_ways();
    action.sa_flags = 0;
    (void)sigaction(SIGCHLD, &action, NULL);
}

/* The child itself begins with SIGCHLD at its default, so that its own waits work. */
TEST(a_childs_own_children_are_not_lost)
{
    (void)signal(SIGCHLD, SIG_IGN);
    struct brood_child *child = START(.argv = WORDS("/bin/sh", "-c", "(exit 3); exit $?"));
    CHECK_STOLEN(END_OF(child), 3);
    brood_child_free(child);
    (void)signal(SIGCHLD, SIG_DFL);
}

/* ------------------------------------------------------------------ taken by a thread */

static atomic_bool thief_ends;
static atomic_int stolen;

static void *steal(void *unused)
{
    const struct timespec pause = {.tv_nsec = 20000};
    while (!atomic_load(&thief_ends)) {
        if (waitpid(-1, NULL, WNOHANG) > 0)
            atomic_fetch_add(&stolen, 1);
        else
            (void)nanosleep(&pause, NULL);
    }
    return unused;
}

static pthread_t begin_thief(void)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, steal, NULL) == 0);
    return thread;
}

static void end_thief(pthread_t thread)
{
    atomic_store(&thief_ends, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_SAY(atomic_load(&stolen) > 0, "the thief got nothing");
    NOTE("%d statuses stolen", atomic_load(&stolen));
}

TEST_TIMEOUT(every_child_has_its_end_beside_a_thief, 60)
{
    pthread_t thief = begin_thief();
    for (int done = 0; done < MANY; done += AT_ONCE) {
        struct brood_child *children[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            char code[8];
            (void)snprintf(code, sizeof code, "%d", (done + i) % 256);
            children[i] =
                START(.argv = TARGET("exit", code), .start_timeout_ms = i % 2 ? KIT_BOUND_MS : 0);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            CHECK_STOLEN(END_OF(children[i]), (done + i) % 256);
            brood_child_free(children[i]);
        }
    }
    end_thief(thief);
}

TEST_TIMEOUT(all_ways_beside_a_thief, 60)
{
    pthread_t thief = begin_thief();
    for (int i = 0; i < 20; i++)
        all_ways();
    end_thief(thief);
}

/* A failed start is nobody's business: exit signal 0 until exec, which waitpid(-1) does not see.
 * The first start of a program is not counted: it tries what the kernel can do. */
TEST_TIMEOUT(failing_starts_give_a_thief_nothing, 60)
{
    if (!facts_have_pidfds())
        SKIP("there are no pidfds here"); /* and a plain fork is everybody's to wait for */
    struct brood_child *child = NULL;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
    pthread_t thief = begin_thief();
    for (int i = 0; i < MANY; i++) {
        struct brood_error error;
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"),
                                            .start_timeout_ms = i % 2 ? KIT_BOUND_MS : 0),
                              &child, &error),
                  -ENOENT);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
    }
    CHECK_INT(atomic_load(&stolen), 0);
    child = START(.argv = TARGET("exit", "0"));
    CHECK_INT(lab_wait_gone(brood_child_pid(child), KIT_BOUND_MS), 0);
    int64_t deadline = lab_now_ms() + KIT_BOUND_MS;
    while (!atomic_load(&stolen) && lab_now_ms() < deadline)
        (void)usleep(1000);
    brood_child_free(child);
    end_thief(thief);
}

/* ------------------------------------------------------------------ we take nobody else's */

TEST_TIMEOUT(a_forked_childs_status_is_still_there_after_many_starts, 60)
{
    pid_t other = fork();
    if (other == 0)
        _exit(77);
    REQUIRE(other > 0);
    CHECK_INT(lab_wait_gone(other, KIT_BOUND_MS), 0);
    for (int i = 0; i < 2 * MANY; i++) {
        struct brood_child *child = NULL;
        (void)brood_start(BROOD_OPTIONS(.argv = WORDS(i % 4 ? kit_target : "/no", "exit")), &child,
                          NULL);
        if (child && i % 2)
            CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
    }
    CHECK_CHILD(other, 77);
}
