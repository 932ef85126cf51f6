/* SPDX-License-Identifier: MIT */
/*
 * SIGCHLD and who takes a status: ignored, caught, blocked, replaced, taken by a loop over
 * waitpid(-1); and what we must leave to others.
 *
 * Room tests. Invariant: who takes statuses is seen to have got some, and each child ends with a
 * code of its own, so that an end which is made up or mixed up shows.
 */
#include "taken.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOW = TEST_UNDER_ASAN || TEST_UNDER_TSAN, CODES = 200 };

static struct brood_child *start_with_code(int code)
{
    char word[8];
    (void)snprintf(word, sizeof word, "%d", code);
    return START(.argv = ODD("leader-gone", word), .in = A_PIPE, .out = A_NULL);
}

static void let_end(struct brood_child *child)
{
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
}

/* ------------------------------------------------------------------ E05 */

static void fails(struct brood_options *options, int stage)
{
    struct brood_child *child = NULL;
    struct brood_error error = {.stage = 0};
    CHECK(brood_start(options, &child, &error) < 0);
    CHECK_INT(error.stage, stage);
    CHECK_INT(error.unkillable_pid, 0);
    CHECK_INT(audit_children(), 0);
}

static void fails_in_every_way(void)
{
    fails(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE), BROOD_STAGE_EXEC);
    fails(BROOD_OPTIONS(.argv = WORDS("/no/such"), .start_timeout_ms = KIT_BOUND_MS),
          BROOD_STAGE_EXEC);
    fails(BROOD_OPTIONS(.argv = TARGET("exit"), .cwd = "/no/such"), BROOD_STAGE_DIRECTORY);
    fails(BROOD_OPTIONS(.argv = TARGET("exit"), .in = {.kind = BROOD_FILE, .path = "/no/such"}),
          BROOD_STAGE_OPEN);
    char fifo[PATH_MAX];
    (void)lab_path(fifo, sizeof fifo, "nobody-writes");
    REQUIRE(mkfifo(fifo, 0600) == 0 || errno == EEXIST);
    fails(BROOD_OPTIONS(.argv = TARGET("exit"), .in = {.kind = BROOD_FILE, .path = fifo},
                        .start_timeout_ms = 50),
          BROOD_STAGE_TIMEOUT);
}

/* A program that its own starter gave an ignored SIGCHLD, and that has started nothing yet. */
static void begin_with(int flags, void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigaction now;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid > 0) {
        CHECK_CHILD(pid, 0);
        return;
    }
    REQUIRE(sigaction(SIGCHLD, &action, NULL) == 0);
    fails_in_every_way();
    bool kept = taken_are_kept();
    struct brood_child *child = start_with_code(41);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    let_end(child);
    CHECK_TAKEN(END_OF(child), 41, kept);
    brood_child_free(child);
    struct brood_exit end;
    child = START(.argv = TARGET("catch-term", "42"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_TAKEN(end, 42, kept);
    brood_child_free(child);
    struct brood_result result;
    /* The child itself must be able to wait for its own. */
    RUN(&result, .argv = ODD("signals"), .out = A_MEMORY);
    CHECK_STR(result.out, "blocked 0 ignored 0 caught 0\n");
    CHECK_TAKEN(result.exit, 0, kept);
    brood_result_clear(&result);
    CHECK(sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == handler);
    CHECK_INT(now.sa_flags & SA_NOCLDWAIT, flags);
    CHECK_INT(audit_children(), 0);
    _exit(0);
}

TEST(e05_ignored_sigchld)
{
    (void)lab_directory(); /* made here, not in the copies */
    begin_with(0, SIG_IGN);
    begin_with(SA_NOCLDWAIT, SIG_DFL);
}

/* ------------------------------------------------------------------ E06 */

static atomic_int taken;

/* The handler of a great many programs. */
static void take_all(int number)
{
    int saved = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        atomic_fetch_add(&taken, 1);
    errno = saved;
}

static void set_handler(void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    REQUIRE(sigaction(SIGCHLD, &action, NULL) == 0);
}

TEST_TIMEOUT(e06_foreign_wait_steals, 60)
{
    enum { TIMES = SLOW ? 50 : CODES };
    bool kept = taken_are_kept();
    set_handler(take_all);
    for (int i = 0; i < TIMES; i++) {
        char word[8];
        (void)snprintf(word, sizeof word, "%d", 1 + i);
        struct brood_child *child = START(.argv = TARGET("exit", word));
        CHECK_TAKEN(END_OF(child), 1 + i, kept);
        CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
        brood_child_free(child);
        struct brood_result result;
        RUN(&result, .argv = TARGET("exit", word), .out = A_MEMORY);
        CHECK_TAKEN(result.exit, 1 + i, kept);
        brood_result_clear(&result);
    }
    set_handler(SIG_DFL);
    CHECK_SAY(atomic_load(&taken) > 0, "the handler got nothing");
    NOTE("%d of %d statuses taken by the handler", atomic_load(&taken), 2 * TIMES);
}

/* ------------------------------------------------------------------ E07 */

static pid_t forked(int code)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (code == 0)
            (void)raise(SIGSTOP);
        _exit(code);
    }
    REQUIRE(pid > 0);
    return pid;
}

static void busy_with_children(int times)
{
    for (int i = 0; i < times; i++) {
        struct brood_child *child = NULL;
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
        child = START(.argv = TARGET("exit", "3"));
        CHECK_EXITED(END_OF(child), 3);
        brood_child_free(child);
        brood_child_free(START(.argv = TARGET("sleep"))); /* ended by us */
        child =
            START(.argv = TARGET("sleep"), .flags = BROOD_NEW_GROUP, .scope = BROOD_SCOPE_GROUP);
        CHECK_INT(brood_child_stop(child, 0, NULL), 0);
        brood_child_free(child);
        struct brood_result result;
        RUN(&result, .argv = TARGET("exit", "4"), .out = A_MEMORY);
        CHECK_EXITED(result.exit, 4);
        brood_result_clear(&result);
    }
}

/* One that has ended, one that has stopped: both events are the program's own to take. */
TEST(e07_we_steal_from_others)
{
    pid_t ended = forked(77), stopped = forked(0);
    CHECK_INT(lab_wait_gone(ended, KIT_BOUND_MS), 0);
    CHECK(kit_in_state(stopped, "T"));
    busy_with_children(SLOW ? 10 : 50);
    siginfo_t info = {.si_pid = 0};
    CHECK_INT(waitid(P_PID, (id_t)stopped, &info, WSTOPPED | WNOHANG), 0);
    CHECK_INT(info.si_pid, stopped);
    CHECK_INT(info.si_status, SIGSTOP);
    CHECK_INT(kill(stopped, SIGCONT), 0);
    CHECK_CHILD(stopped, 0);
    CHECK_CHILD(ended, 77);
}

/* ------------------------------------------------------------------ E08 */

/* They end together: one SIGCHLD stands for many of them. */
TEST_TIMEOUT(e08_sigchld_coalesces, 60)
{
    enum { AT_ONCE = SLOW ? 40 : 100 };
    struct brood_child *children[AT_ONCE];
    int gate[2];
    REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
    for (int i = 0; i < AT_ONCE; i++) {
        char word[8];
        (void)snprintf(word, sizeof word, "%d", 1 + i);
        children[i] = START(.argv = ODD("leader-gone", word),
                            .in = {.kind = BROOD_FD, .fd = gate[0]}, .out = A_NULL);
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = AT_ONCE - 1; i >= 0; i--)
        CHECK_INT(lab_wait_gone(brood_child_pid(children[i]), KIT_BOUND_MS), 0);
    for (int i = 0; i < AT_ONCE; i++) {
        struct brood_exit end = {.kind = 0};
        CHECK_INT(brood_child_wait(children[i], KIT_BOUND_MS, &end), 0);
        CHECK_EXITED(end, 1 + i);
        brood_child_free(children[i]);
    }
}

/* ------------------------------------------------------------------ E09 */

static atomic_int first_handler_ran;

static void first_handler(int number)
{
    (void)number;
    atomic_fetch_add(&first_handler_ran, 1);
}

static void waits_work(void)
{
    struct brood_exit end;
    struct brood_child *child = start_with_code(5);
    set_handler(SIG_DFL); /* replaced while it runs */
    set_handler(first_handler);
    let_end(child);
    CHECK_INT(brood_child_wait(child, BROOD_FOREVER, &end), 0);
    CHECK_EXITED(end, 5);
    brood_child_free(child);
    child = START(.argv = TARGET("catch-term", "6"), .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_EXITED(end, 6);
    brood_child_free(child);
    struct brood_result result;
    RUN(&result, .argv = TARGET("exit", "7"), .out = A_MEMORY);
    CHECK_EXITED(result.exit, 7);
    brood_result_clear(&result);
}

TEST(e09_sigchld_is_the_programs)
{
    static struct audit before;
    char why[1024];
    sigset_t one, old;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGCHLD);
    set_handler(first_handler);
    (void)pthread_sigmask(SIG_BLOCK, &one, &old); /* the only thread: blocked everywhere */
    audit_take(&before);
    waits_work();
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    CHECK_INT(atomic_load(&first_handler_ran), 0); /* nobody opened the mask for a moment */
    set_handler(SIG_IGN);                          /* throws away what waits */
    set_handler(SIG_DFL);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}
