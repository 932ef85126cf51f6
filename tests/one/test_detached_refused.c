/* SPDX-License-Identifier: MIT */
/*
 * Detached starts that fail: the same error as an ordinary start's, word for word, and nothing left
 * here or elsewhere.
 *
 * Room tests. Invariant: what is wanted is what the ordinary start of the same options says. A
 * program that was lost would hold a pipe that then never ends.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procs.h"

static struct audit before;

static void check_nothing_left(const char *what)
{
    char why[1024] = "";
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s: %s", what, why);
}

/* ------------------------------------------------------------------ the same words */

static void check_same(const char *what, struct brood_options options)
{
    struct brood_error ordinary, detached;
    struct brood_child *child = NULL;
    char text[600], wanted[600];
    memset(&ordinary, 0x55, sizeof ordinary);
    memset(&detached, 0xaa, sizeof detached);
    audit_take(&before);
    int want = brood_start(&options, &child, &ordinary);
    if (!CHECK_SAY(want < 0, "%s: it started", what)) {
        brood_child_free(child);
        return;
    }
    options.flags |= BROOD_DETACHED;
    for (int round = 0; round < 5; round++) {
        int result = brood_start(&options, &child, &detached);
        if (!CHECK_SAY(result == want, "%s: %d, not %d", what, result, want))
            return;
        (void)brood_error_text(&detached, text, sizeof text);
        (void)brood_error_text(&ordinary, wanted, sizeof wanted);
        CHECK_STR(text, wanted);
        CHECK_SAY(detached.stage == ordinary.stage && detached.code == ordinary.code &&
                      detached.detail == ordinary.detail && detached.number == ordinary.number &&
                      !strcmp(detached.subject, ordinary.subject) &&
                      !strcmp(detached.program, ordinary.program) && !detached.unkillable_pid,
                  "%s: %s", what, text);
        check_nothing_left(what);
    }
}

static int say_no(void *user)
{
    return *(int *)user;
}

static int end_by_signal(void *user)
{
    (void)raise(*(int *)user);
    return 0;
}

TEST(errors_are_those_of_an_ordinary_start)
{
    char directory[PATH_MAX];
    int no = ENOTNAM, terminate = SIGTERM;
    const struct brood_rlimit nothing = {.resource = 99};
    const uint64_t no_such_cpu[16] = {[15] = UINT64_C(1) << 63};
    (void)lab_path(directory, sizeof directory, "no-such");
#define ROW(what_, ...) check_same(what_, *BROOD_OPTIONS(__VA_ARGS__))
    ROW("program", .argv = WORDS("/no/such"), .in = A_PIPE, .out = A_PIPE, .err = A_PIPE);
    ROW("search", .argv = WORDS("no-such-program-at-all"));
    ROW("directory as program", .argv = WORDS("/tmp"));
    ROW("no program", .argv = WORDS("/dev/null"));
    ROW("directory", .argv = TARGET("exit", "0"), .cwd = directory);
    ROW("file", .argv = TARGET("exit", "0"), .in = {.kind = BROOD_FILE, .path = "/no/such"});
    ROW("limit", .argv = TARGET("exit", "0"), .rlimits = &nothing, .rlimit_count = 1);
    ROW("affinity", .argv = TARGET("exit", "0"), .cpus = no_such_cpu, .cpu_words = 16);
    ROW("control group", .argv = TARGET("exit", "0"), .cgroup = directory);
    ROW("hook", .argv = TARGET("exit", "0"), .before_exec = say_no, .user = &no);
    ROW("killed hook", .argv = TARGET("exit", "0"), .before_exec = end_by_signal,
        .user = &terminate);
    ROW("options", .argv = TARGET("exit", "0"), .search = 9);
#undef ROW
}

/* Those of a plain user: run by one. */
TEST(a_plain_users_errors)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        uid_t user = kit_plain_user();
        REQUIRE(lab_become(user) == 0);
        const struct brood_credentials root = {.uid = 0, .gid = 0};
        check_same("credentials", *BROOD_OPTIONS(.argv = WORDS("/bin/true"), .credentials = &root));
        check_same("not executable", *BROOD_OPTIONS(.argv = WORDS("/etc/passwd")));
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

/* ------------------------------------------------------------------ almost none left */

static void try_scarce(const struct brood_options *options, unsigned most, int code)
{
    unsigned least = most + 1;
    for (unsigned free_fds = 0; free_fds <= most; free_fds++) {
        struct brood_child *child = NULL;
        struct brood_error error = {.stage = 0};
        char text[600] = "";
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        audit_take(&before);
        int result = brood_start(options, &child, &error);
        if (result == -code) {
            least = free_fds < least ? free_fds : least;
        } else {
            (void)brood_error_text(&error, text, sizeof text);
            CHECK_SAY(result == -EMFILE && free_fds < least, "%u free: %d %s", free_fds, result,
                      text);
        }
        pid_t pid = child ? brood_child_pid(child) : 0;
        brood_child_free(child);
        char what[32];
        (void)snprintf(what, sizeof what, "%u free", free_fds);
        check_nothing_left(what);
        CHECK_INT(lab_restore_fds(old), 0);
        if (pid)
            CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    }
    CHECK_SAY(least <= most, "%u are not enough", most);
    NOTE("%u are enough", least);
}

TEST_TIMEOUT(almost_no_descriptor_left, 60)
{
    struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "0"), .flags = BROOD_DETACHED);
    try_scarce(options, 6, 0);
    options->in.kind = options->out.kind = BROOD_PIPE;
    try_scarce(options, 10, 0);
    options->argv = WORDS("/no/such");
    try_scarce(options, 10, ENOENT);
    int no = ENOTNAM;
    options->before_exec = say_no;
    options->user = &no;
    try_scarce(options, 10, ENOTNAM);
}

/* ------------------------------------------------------------------ stalls and deaths */

enum { START_TIMEOUT_MS = 200 };

TEST(a_stalled_start_ends_at_its_bound)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    kit_stall_open(&stall);
    audit_take(&before);
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "4"), .in = A_PIPE, .out = A_PIPE,
                      .start_timeout_ms = START_TIMEOUT_MS, .flags = BROOD_DETACHED);
    kit_attempt_begin(&attempt, options);
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1);
    kit_attempt_end(&attempt);
    CHECK_INT(attempt.result, -ETIMEDOUT);
    CHECK_INT(attempt.error.stage, BROOD_STAGE_TIMEOUT);
    CHECK_INT(attempt.error.number, START_TIMEOUT_MS);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    kit_stall_let_go(&stall);
    check_nothing_left("a stalled start");
    kit_stall_close(&stall);
}

/* Kills the process in the middle while the exec hangs. It is found as the parent of the one that
 * hangs. Nobody may be left: the pipe that the program would hold ends. */
static void kill_in_the_middle(int64_t start_timeout_ms, int victims)
{
    struct kit_stall stall;
    struct kit_attempt attempt;
    struct proc_facts facts;
    int ends[2];
    char byte[2];
    kit_stall_open(&stall);
    audit_take(&before);
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const struct brood_fd_map map = {ends[1], 20};
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS(stall.program, "sleep"), .start_timeout_ms = start_timeout_ms,
                      .fds = &map, .fd_count = 1, .flags = BROOD_DETACHED);
    kit_attempt_begin(&attempt, options);
    pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
    REQUIRE(pid > 1 && proc_read(pid, &facts) == 0);
    REQUIRE(facts.parent > 1 && facts.parent != getpid());
    if (victims & 1)
        CHECK_INT(kill(facts.parent, SIGKILL), 0);
    if (victims & 2)
        CHECK_INT(kill(pid, SIGKILL), 0);
    bool waits = kit_in_state(pid, "Z") || lab_process_state(pid) == 0;
    kit_stall_let_go(&stall);
    kit_attempt_end(&attempt);
    CHECK(attempt.result < 0 || attempt.child != NULL);
    CHECK_INT(close(ends[1]), 0);
    if (attempt.result == 0) { /* it may have begun all the same: then it is ours to end */
        pid_t begun = brood_child_pid(attempt.child);
        CHECK(begun > 1);
        brood_child_free(attempt.child);
        CHECK_INT(kill(begun, SIGKILL), 0);
    } else {
        CHECK_INT(attempt.error.stage, BROOD_STAGE_EXEC);
        CHECK_INT(attempt.error.detail, BROOD_DETAIL_KILLED);
        CHECK_INT(attempt.error.unkillable_pid, 0);
    }
    CHECK_SAY(lab_read_all(ends[0], byte, sizeof byte, KIT_BOUND_MS) == 0,
              "process %d is still there (it was %sat its end)", (int)pid, waits ? "" : "not ");
    if (lab_process_state(pid))
        (void)kill(pid, SIGKILL);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
    CHECK_INT(close(ends[0]), 0);
    check_nothing_left("a death in the middle");
    kit_stall_close(&stall);
}

TEST_TIMEOUT(the_one_in_the_middle_dies, 60)
{
    kill_in_the_middle(0, 1);
}

TEST_TIMEOUT(the_one_in_the_middle_dies_with_a_bound, 60)
{
    kill_in_the_middle(60000, 1);
}

TEST_TIMEOUT(the_program_dies_on_its_way, 60)
{
    kill_in_the_middle(0, 2);
    kill_in_the_middle(60000, 2);
}

TEST_TIMEOUT(both_die, 60)
{
    kill_in_the_middle(0, 3);
    kill_in_the_middle(60000, 3);
}

/* The caller dies while the exec hangs: nobody waits for ever, and what has begun goes on. */
TEST_TIMEOUT(the_caller_dies, 60)
{
    for (int bounded = 0; bounded < 2; bounded++) {
        struct kit_stall stall;
        struct proc_facts facts;
        kit_stall_open(&stall);
        pid_t caller = fork();
        REQUIRE(caller >= 0);
        if (caller == 0) {
            struct brood_child *child;
            (void)brood_start(BROOD_OPTIONS(.argv = WORDS(stall.program, "exit", "0"),
                                            .start_timeout_ms = bounded ? 60000 : 0,
                                            .flags = BROOD_DETACHED),
                              &child, NULL);
            _exit(1);
        }
        pid_t pid = kit_stall_wait(&stall, KIT_BOUND_MS);
        REQUIRE(pid > 1 && proc_read(pid, &facts) == 0);
        CHECK_INT(kill(caller, SIGKILL), 0);
        CHECK_INT(waitpid(caller, NULL, 0), caller);
        kit_stall_let_go(&stall);
        CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
        CHECK_INT(lab_wait_gone(facts.parent, KIT_BOUND_MS), 0);
        kit_stall_close(&stall);
    }
}

/* ------------------------------------------------------------------ at many moments */

struct killer {
    atomic_bool stop;
    int hits;
};

/* Every child of this process that can be seen is killed: only those in the middle are any. */
static void *kill_children(void *argument)
{
    struct killer *killer = argument;
    pid_t pids[8];
    unsigned turn = 0;
    while (!atomic_load(&killer->stop)) {
        ssize_t count = audit_list_children(pids, 8);
        for (volatile unsigned wait = (turn = turn * 7 + 3) % 4096; wait > 0; wait--)
            continue;
        for (ssize_t i = 0; i < count && i < 8; i++)
            killer->hits += kill(pids[i], SIGKILL) == 0;
    }
    return NULL;
}

TEST_TIMEOUT(deaths_at_many_moments, 120)
{
    enum { STARTS = 300 };
    struct killer killer = {.hits = 0};
    pthread_t thread;
    int begun = 0;
    struct brood_child *child = START(.argv = TARGET("exit", "0")); /* the probes are done */
    (void)END_OF(child);
    brood_child_free(child);
    REQUIRE(pthread_create(&thread, NULL, kill_children, &killer) == 0);
    for (int i = 0; i < STARTS; i++) {
        int ends[2];
        char byte[2];
        struct brood_error error;
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        const struct brood_fd_map map = {ends[1], 20};
        int result = brood_start(BROOD_OPTIONS(.argv = TARGET("sleep", "20000"), .fds = &map,
                                               .fd_count = 1, .flags = BROOD_DETACHED,
                                               .start_timeout_ms = i % 2 ? 30000 : 0),
                                 &child, &error);
        CHECK_INT(close(ends[1]), 0);
        if (result == 0) {
            pid_t pid = brood_child_pid(child);
            begun++;
            brood_child_free(child);
            CHECK(pid > 1 && kill(pid, SIGKILL) == 0);
        }
        bool ended = lab_read_all(ends[0], byte, sizeof byte, KIT_BOUND_MS) == 0;
        CHECK_INT(close(ends[0]), 0);
        if (!CHECK_SAY(ended, "start %d (%d) has left a process", i, result))
            break;
    }
    atomic_store(&killer.stop, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(audit_children(), 0);
    NOTE("%d begun of %d, %d hits", begun, STARTS, killer.hits);
}
