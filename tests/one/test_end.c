/* SPDX-License-Identifier: MIT */
/*
 * Ending one child: signal, stop, free, release, and what the record says of the cause.
 *
 * Room tests. Invariant: a child is known to be in the state it is ended from: ready, stopped, a
 * zombie.
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 200, SOON_MS = 5000 };

static struct brood_child *ready_child(const char *verb, const char *argument)
{
    struct brood_child *child = START(.argv = TARGET(verb, argument), .out = A_PIPE);
    (void)READY(child);
    return child;
}

static bool is_running(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* ------------------------------------------------------------------ signal */

TEST(a_signal_reaches_the_child)
{
    struct brood_child *child = ready_child("catch-term", "4");
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_signal(child, SIGTERM), 0);
    struct brood_exit end = END_OF(child);
    CHECK_EXITED(end, 4);
    CHECK_INT(end.cause, BROOD_CAUSE_OWN);
    brood_child_free(child);
}

/* From the end on nobody is hit, waited for or not: a zombie would take the signal without a
 * word. */
TEST(after_the_end_a_signal_says_so)
{
    struct brood_child *child = START(.argv = TARGET("exit", "0"));
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    CHECK_INT(brood_child_signal(child, SIGTERM), -ESRCH);
    CHECK_INT(brood_child_signal(child, 0), -ESRCH);
    CHECK_EXITED(END_OF(child), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    brood_child_free(child);
}

TEST(a_number_that_is_no_signal_is_refused)
{
    static const int numbers[] = {-1, 65, 1000, -9};
    struct brood_child *child = START(.argv = TARGET("sleep"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_INT(brood_child_signal(child, numbers[i]), -EINVAL);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    brood_child_free(child);
}

/* ------------------------------------------------------------------ stop */

TEST(stop_asks_first)
{
    struct brood_exit end;
    struct brood_child *child = ready_child("catch-term", "7");
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_EXITED(end, 7);
    CHECK_INT(end.cause, BROOD_CAUSE_ASKED);
    brood_child_free(child);
}

TEST(stop_kills_what_does_not_listen)
{
    struct brood_exit end;
    struct brood_child *child = ready_child("ignore-term", "60000");
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_stop(child, GRACE_MS, &end), 0);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(took >= GRACE_MS - 1 && took < SOON_MS, "%d ms", (int)took);
    CHECK_KILLED(end, SIGKILL);
    CHECK_INT(end.cause, BROOD_CAUSE_ASKED);
    brood_child_free(child);
}

/* SIGTERM alone would wait until somebody continues it. */
TEST(stop_wakes_a_stopped_child)
{
    struct brood_exit end;
    struct brood_child *child = ready_child("catch-term", "5");
    CHECK_INT(brood_child_signal(child, SIGSTOP), 0);
    CHECK(kit_in_state(brood_child_pid(child), "T"));
    CHECK_INT(brood_child_wait(child, 0, &end), -ETIMEDOUT); /* a stop is not an end */
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK(lab_now_ms() - before < SOON_MS);
    CHECK_EXITED(end, 5);
    brood_child_free(child);
}

TEST(stop_without_grace_kills_at_once)
{
    struct brood_exit end;
    struct brood_child *child = ready_child("catch-term", "5");
    CHECK_INT(brood_child_stop(child, 0, &end), 0);
    CHECK_KILLED(end, SIGKILL);
    CHECK_INT(end.cause, BROOD_CAUSE_ASKED);
    brood_child_free(child);
}

/* It takes its time, and is never killed for it. */
TEST(stop_for_ever_never_kills)
{
    struct brood_exit end;
    struct brood_child *child = ready_child("ignore-term", "600");
    CHECK_INT(brood_child_stop(child, BROOD_FOREVER, &end), 0);
    CHECK_EXITED(end, 0);
    brood_child_free(child);
}

TEST(stop_after_the_end_changes_nothing)
{
    struct brood_exit end;
    struct brood_child *child = START(.argv = TARGET("exit", "2"));
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    CHECK_INT(brood_child_stop(child, 1000, &end), 0);
    CHECK_EXITED(end, 2);
    CHECK_INT(end.cause, BROOD_CAUSE_OWN);
    CHECK_INT(brood_child_stop(child, 0, NULL), 0);
    CHECK_INT(brood_child_wait(child, 0, &end), 0);
    CHECK_INT(end.cause, BROOD_CAUSE_OWN);
    brood_child_free(child);
}

/* ------------------------------------------------------------------ free */

TEST(free_ends_what_runs)
{
    struct brood_child *child = ready_child("ignore-term", "60000");
    pid_t pid = brood_child_pid(child);
    CHECK(brood_child_free(child) == NULL);
    CHECK_INT(kill(pid, 0), -1);
    CHECK_INT(audit_children(), 0);
    CHECK(brood_child_free(NULL) == NULL);
}

TEST(free_ends_a_stopped_child)
{
    struct brood_child *child = ready_child("sleep", "60000");
    CHECK_INT(brood_child_signal(child, SIGSTOP), 0);
    CHECK(kit_in_state(brood_child_pid(child), "T"));
    brood_child_free(child);
    CHECK_INT(audit_children(), 0);
}

TEST(free_reaps_what_has_ended)
{
    struct brood_child *child = START(.argv = TARGET("exit", "0"), .in = A_PIPE, .err = A_PIPE);
    CHECK(kit_in_state(brood_child_pid(child), "Z"));
    brood_child_free(child);
    CHECK_INT(audit_children(), 0);
}

TEST(many_dropped_handles_leave_nothing)
{
    enum { MANY = 200 };
    static struct audit before;
    struct brood_child *children[MANY];
    char why[1024];
    audit_take(&before);
    for (int i = 0; i < MANY; i++)
        children[i] = START(.argv = TARGET("sleep", "60000"), .out = A_PIPE);
    for (int i = 0; i < MANY; i++)
        brood_child_free(children[i]);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
}

/* A copy of the program has a copy of the handle: freeing it must not end the original's child. */
TEST(free_in_a_forked_copy_spares_the_child)
{
    struct brood_child *child = ready_child("catch-term", "6");
    pid_t copy = fork();
    REQUIRE(copy >= 0);
    if (copy == 0) {
        CHECK(brood_child_free(child) == NULL);
        _exit(0);
    }
    CHECK_CHILD(copy, 0);
    CHECK(is_running(brood_child_pid(child)));
    CHECK_INT(brood_child_signal(child, SIGTERM), 0);
    CHECK_EXITED(END_OF(child), 6);
    brood_child_free(child);
}

/* ------------------------------------------------------------------ release */

TEST(release_lets_it_run_and_is_ours_to_reap)
{
    int status = 0;
    struct brood_child *child =
        START(.argv = TARGET("catch-term", "11"), .in = A_PIPE, .out = A_PIPE);
    (void)READY(child);
    pid_t pid = brood_child_pid(child);
    CHECK_INT(brood_child_release(child), pid);
    CHECK(is_running(pid));
    CHECK_INT(kill(pid, SIGTERM), 0);
    CHECK_INT(waitpid(pid, &status, 0), pid); /* without __WALL: a child like any other */
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 11);
}

TEST(release_of_a_zombie_leaves_the_status)
{
    struct brood_child *child = START(.argv = TARGET("exit", "12"));
    pid_t pid = brood_child_pid(child);
    CHECK(kit_in_state(pid, "Z"));
    CHECK_INT(brood_child_release(child), pid);
    CHECK_CHILD(pid, 12);
}

TEST(release_after_the_reap_says_so)
{
    struct brood_child *child = START(.argv = TARGET("exit", "0"), .out = A_PIPE);
    (void)END_OF(child);
    CHECK_INT(brood_child_release(child), -ESRCH);
}
