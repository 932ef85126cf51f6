/* SPDX-License-Identifier: MIT */
/*
 * All or nothing, when one step of a start fails: no process goes on, none is left as a zombie, no
 * descriptor stays, the caller is as it was, and what is told is what happened.
 *
 * Room tests. Invariant: every failure is made from outside, and the start after it must work.
 */
#include "calls.h"
#include "faulty.h"
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CALLS = 200, SOON_MS = 5000 };

/* ------------------------------------------------------------------ a name to look for */

/* A name by which the program is known in the whole system. */
static const char *sleeper_named(char *path, size_t size, char *name, size_t name_size)
{
    (void)snprintf(name, name_size, "a%d", (int)getpid());
    REQUIRE(symlink(kit_target, lab_path(path, size, name)) == 0);
    return path;
}

static int count_named(const char *name)
{
    char path[300], text[32];
    int count = 0;
    DIR *all = opendir("/proc");
    REQUIRE(all != NULL);
    for (const struct dirent *entry; (entry = readdir(all)) != NULL;) {
        (void)snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        if (atoi(entry->d_name) > 0 && lab_read_file(path, text, sizeof text) > 0) {
            text[strcspn(text, "\n")] = '\0';
            count += !strcmp(text, name);
        }
    }
    (void)closedir(all);
    return count;
}

/* Every call of one role fails once, N = 1.. until there is none left. */
static unsigned fail_each_call(struct faulty *faulty, int role, const char *name)
{
    const struct faulty_told *told = faulty->told;
    unsigned failed = 0;
    for (unsigned nth = 1; nth < MOST_CALLS; nth++) {
        const struct inject_order order = {
            .action = INJECT_ERRNO, .role = role, .number = INJECT_ANY, .which = nth};
        if (!faulty_run(faulty, &order))
            return failed;
        const struct inject_call *hit = inject_hit(faulty->inject);
        if (!hit)
            return failed;
        failed += told->result < 0;
        CHECK_SAY(told->differences == 0, "%s %u: %s", calls_name(hit->number), hit->kth,
                  told->why);
        CHECK_SAY(count_named(name) == 0, "%s %u: the program runs", calls_name(hit->number),
                  hit->kth);
    }
    FAIL("more than %d calls", (int)MOST_CALLS);
    return failed;
}

TEST_TIMEOUT(a01_post_fork_failure, 60)
{
    char path[PATH_MAX], name[16];
    struct faulty faulty;
    faulty_open(
        &faulty,
        BROOD_OPTIONS(.argv = WORDS(sleeper_named(path, sizeof path, name, sizeof name), "sleep"),
                      .in = A_PIPE, .out = A_PIPE, .err = A_PIPE, .start_timeout_ms = KIT_BOUND_MS),
        false, calls_codes);
    faulty_run_clean(&faulty); /* the probes are done, once */
    unsigned caller = fail_each_call(&faulty, INJECT_CALLER, name);
    unsigned child = fail_each_call(&faulty, INJECT_CHILD, name);
    CHECK_SAY(caller >= 4 && child >= 4, "%u and %u starts failed", caller, child);
    NOTE("%u starts failed by a call of the caller, %u by one of the child", caller, child);
    faulty_run_clean(&faulty);
    faulty_close(&faulty);
}

/* ------------------------------------------------------------------ a thousand exec failures */

struct bad_exec {
    const char *path;
    int code;
};

static struct bad_exec bad_execs[4];

static void make_bad_execs(void)
{
    static char text[PATH_MAX], loop[PATH_MAX], plain[PATH_MAX];
    (void)lab_write_file(lab_path(text, sizeof text, "text"), "no program\n", 11, 0755);
    (void)lab_write_file(lab_path(plain, sizeof plain, "plain"), "#!/bin/sh\n", 10, 0644);
    REQUIRE(symlink("loop", lab_path(loop, sizeof loop, "loop")) == 0);
    bad_execs[0] = (struct bad_exec){"/no/such", ENOENT};
    bad_execs[1] = (struct bad_exec){text, ENOEXEC};
    bad_execs[2] = (struct bad_exec){plain, EACCES};
    bad_execs[3] = (struct bad_exec){loop, ELOOP};
}

static int start_badly(const struct bad_exec *bad)
{
    struct brood_child *child = NULL;
    return brood_start(BROOD_OPTIONS(.argv = WORDS(bad->path)), &child, NULL);
}

/* Not by the audit, which runs seldom: after each one, by what the kernel says. */
static void *fail_many(void *unused)
{
    for (int i = 0; i < 250; i++) {
        const struct bad_exec *bad = &bad_execs[i % 4];
        CHECK_INT(start_badly(bad), -bad->code);
    }
    return unused;
}

TEST_TIMEOUT(a03_exec_failure_zombie, 60)
{
    pthread_t threads[4];
    sigset_t pending;
    make_bad_execs();
    for (int i = 0; i < 4; i++) { /* also the first start of all, which probes */
        CHECK_INT(start_badly(&bad_execs[i]), -bad_execs[i].code);
        CHECK_INT(waitpid(-1, NULL, WNOHANG | __WALL), -1);
        CHECK_INT(errno, ECHILD);
    }
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, fail_many, NULL) == 0);
    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    CHECK_INT(errno, ECHILD);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD) == 0);
}

/* With exactly as many free descriptors as one such start needs, a single one that is not given
 * back makes the next start fail in another way. */
TEST(a04_exec_failure_pidfd_leak)
{
    make_bad_execs();
    CHECK_INT(start_badly(&bad_execs[0]), -ENOENT);
    int before = lab_count_fds();
    unsigned room = 0;
    for (; room < 16; room++) {
        long soft = lab_leave_fds(room);
        REQUIRE(soft >= 0);
        int result = start_badly(&bad_execs[0]);
        for (int i = 0; result == -ENOENT && i < 300; i++)
            result = start_badly(&bad_execs[i % 4]) == -bad_execs[i % 4].code ? -ENOENT : -EMFILE;
        CHECK_INT(lab_restore_fds(soft), 0);
        if (result == -ENOENT)
            break;
    }
    NOTE("%u descriptors are enough for three hundred failures", room);
    CHECK(room > 0 && room <= 3);
    CHECK_INT(lab_count_fds(), before);
}

/* ------------------------------------------------------------------ no process can be made */

static void no_process_by(struct faulty *faulty, int number, int code, unsigned *met)
{
    const struct faulty_told *told = faulty->told;
    const struct inject_order order = {.action = INJECT_ERRNO,
                                       .role = INJECT_CALLER,
                                       .number = number,
                                       .which = 1,
                                       .code = code,
                                       .sticky = true};
    if (!faulty_run(faulty, &order) || !inject_hit(faulty->inject))
        return;
    ++*met;
    CHECK_INT(told->result, -code);
    CHECK_INT(told->error.stage, BROOD_STAGE_CREATE);
    CHECK_INT(told->error.code, code);
    CHECK_SAY(told->differences == 0, "%s: %s", calls_name(number), told->why);
    faulty_run_clean(faulty);
}

/* The audit sees the mask, the dispositions and the thread's switches too. */
TEST(a06_failed_fork_changes_the_caller)
{
    struct faulty faulty;
    unsigned met = 0;
    faulty_open(&faulty, BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = A_PIPE, .out = A_PIPE),
                true, calls_codes);
    faulty_run_clean(&faulty);
    for (size_t i = 0; i < faulty_maker_count; i++) {
        no_process_by(&faulty, faulty_makers[i], EAGAIN, &met);
        no_process_by(&faulty, faulty_makers[i], ENOMEM, &met);
    }
    CHECK_SAY(met >= 2, "%u calls met", met);
    faulty_close(&faulty);
}

/* ------------------------------------------------------------------ what is told */

/* Looks at a process that is there cannot fail so, and are not asked to. */
static int codes_but_waits(const struct inject_call *call, unsigned choice)
{
    switch (call->number) {
    case SYS_waitid:
    case SYS_wait4:
    case SYS_ppoll:
    case SYS_futex:
        return -1;
    default:
        return calls_codes(call, choice);
    }
}

/* Memory is the one thing whose failure has one name, whatever the kernel said. */
static void check_told(const struct faulty *faulty, uint32_t *stages)
{
    const struct faulty_told *told = faulty->told;
    const struct inject_call *hit = inject_hit(faulty->inject);
    int code = told->error.stage == BROOD_STAGE_MEMORY ? ENOMEM : EXDEV;
    CHECK_SAY(told->differences == 0, "%s: %s", calls_name(hit->number), told->why);
    if (told->result == 0) {
        CHECK_SAY(told->end.code == FAULTY_CODE, "%s: code %d", calls_name(hit->number),
                  (int)told->end.code);
        return;
    }
    CHECK_SAY(told->result == -code && told->error.code == code, "%s %u: %d, error %d",
              calls_name(hit->number), hit->kth, told->result, (int)told->error.code);
    *stages |= 1U << told->error.stage;
}

static void every_call_says_exdev(struct faulty *faulty, int role, uint32_t *stages)
{
    for (unsigned nth = 1; nth < MOST_CALLS; nth++) {
        const struct inject_order order = {.action = INJECT_ERRNO,
                                           .role = role,
                                           .number = INJECT_ANY,
                                           .which = nth,
                                           .code = EXDEV};
        if (!faulty_run(faulty, &order) || !inject_hit(faulty->inject))
            return;
        check_told(faulty, stages);
    }
}

TEST(a07_errno_clobbered_by_cleanup)
{
    static const int expected[] = {BROOD_STAGE_PIPE,      BROOD_STAGE_CREATE,
                                   BROOD_STAGE_DIRECTORY, BROOD_STAGE_DESCRIPTORS,
                                   BROOD_STAGE_OPEN,      BROOD_STAGE_EXEC};
    struct faulty faulty;
    uint32_t stages = 0;
    faulty_open(&faulty,
                BROOD_OPTIONS(.argv = TARGET("exit", "3"), .cwd = "/", .in = A_PIPE, .out = A_PIPE,
                              .err = A_NULL),
                true, codes_but_waits);
    faulty_run_clean(&faulty);
    every_call_says_exdev(&faulty, INJECT_CALLER, &stages);
    every_call_says_exdev(&faulty, INJECT_CHILD, &stages);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        CHECK_SAY(stages & 1U << expected[i], "stage %s", brood_stage_name(expected[i]));
    faulty_run_clean(&faulty);
    faulty_close(&faulty);
}

/* ------------------------------------------------------------------ doubt */

/* The ways to learn how far a process came, each failing as none of them should: the start that
 * cannot know says so soon, and whoever had begun to sleep is no more. */
TEST(a08_wait_without_kill_on_a_doubtful_child)
{
    static const int numbers[] = {SYS_read, SYS_waitid, SYS_wait4};
    struct faulty faulty;
    unsigned met = 0;
    char path[PATH_MAX], name[16];
    (void)sleeper_named(path, sizeof path, name, sizeof name);
    faulty_open(&faulty, BROOD_OPTIONS(.argv = WORDS(path, "sleep"), .out = A_PIPE), false,
                calls_codes);
    faulty_run_clean(&faulty);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (unsigned which = 1; which <= 3; which++) {
            const struct inject_order order = {.action = INJECT_ERRNO,
                                               .role = INJECT_CALLER,
                                               .number = numbers[i],
                                               .which = which,
                                               .code = EIO};
            if (!faulty_run(&faulty, &order) || !inject_hit(faulty.inject))
                break;
            met++;
            CHECK_SAY(faulty.told->took_ms < SOON_MS, "%s: %d ms", calls_name(numbers[i]),
                      (int)faulty.told->took_ms);
            CHECK_SAY(faulty.told->differences == 0, "%s: %s", calls_name(numbers[i]),
                      faulty.told->why);
            CHECK_INT(count_named(name), 0);
        }
    }
    CHECK_SAY(met > 0, "no such call");
    NOTE("%u calls met", met);
    faulty_close(&faulty);
}
