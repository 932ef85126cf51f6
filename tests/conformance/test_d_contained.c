/* SPDX-License-Identifier: MIT */
/*
 * Containers and identities: another user for the child alone, the life of a first process, control
 * groups.
 *
 * Room tests. Invariant: who we are is looked at in every thread, and from the kernel.
 */
#include "groups.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, STARTERS = 4, STARTS = 10, ORPHANS = 5, NO_NAMESPACE = 77 };

/* ------------------------------------------------------------------ another user */

static atomic_bool enough;

static void *live_on(void *unused)
{
    while (!atomic_load(&enough))
        (void)usleep(1000);
    return unused;
}

/* The ids of every thread; a thread that comes or goes meanwhile is passed over. */
static void check_ids_of_all_threads(void)
{
    glob_t list;
    char text[4096];
    int seen = 0;
    REQUIRE(glob("/proc/self/task/*/status", 0, NULL, &list) == 0);
    for (size_t i = 0; i < list.gl_pathc; i++) {
        if (lab_read_file(list.gl_pathv[i], text, sizeof text) <= 0)
            continue;
        seen++;
        CHECK_HAS(text, "\nUid:\t0\t0\t0\t0\n");
        CHECK_HAS(text, "\nGid:\t0\t0\t0\t0\n");
    }
    globfree(&list);
    CHECK(seen > THREADS);
    CHECK_INT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
}

static char program[PATH_MAX];

static void *start_as_others(void *number)
{
    char line[64], want[64];
    for (int i = 0; i < STARTS; i++) {
        const struct brood_credentials credentials = {.uid = kit_plain_user() + (uid_t)i,
                                                      .gid = kit_plain_user() + *(uid_t *)number};
        struct brood_child *child =
            START(.argv = WORDS(program, "ids"), .out = A_PIPE, .credentials = &credentials);
        (void)snprintf(want, sizeof want, "Uid:\t%u\t%u\t%u\t%u", credentials.uid, credentials.uid,
                       credentials.uid, credentials.uid);
        CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) >
              0);
        CHECK_STR(line, want);
        CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
    }
    return NULL;
}

/* libc would change every thread of the process that shares memory with the child. */
TEST_TIMEOUT(d06_ids_set_by_libc_in_the_new_process, 60)
{
    pthread_t idle[THREADS], starters[STARTERS];
    uid_t numbers[STARTERS];
    if (geteuid() != 0)
        SKIP("becoming another user needs root");
    kit_copy_program(program, sizeof program, kit_target, 0755);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&idle[i], NULL, live_on, NULL) == 0);
    for (int i = 0; i < STARTERS; i++) {
        numbers[i] = (uid_t)i;
        REQUIRE(pthread_create(&starters[i], NULL, start_as_others, &numbers[i]) == 0);
    }
    for (int i = 0; i < STARTS; i++)
        check_ids_of_all_threads();
    for (int i = 0; i < STARTERS; i++)
        CHECK_INT(pthread_join(starters[i], NULL), 0);
    check_ids_of_all_threads();
    atomic_store(&enough, true);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(idle[i], NULL), 0);
}

/* ------------------------------------------------------------------ the first process */

/* What a child orphans arrives here; its end is ours to see, whatever was started meanwhile. */
static void be_first(void)
{
    pid_t orphans[ORPHANS];
    for (int i = 0; i < ORPHANS; i++) {
        struct brood_child *child = START(.argv = TARGET("daemonise", "100"), .out = A_PIPE);
        orphans[i] = READY(child);
        CHECK(orphans[i] > 1);
        CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
    }
    for (int i = 0; i < ORPHANS; i++)
        CHECK_INT(lab_wait_gone(orphans[i], KIT_BOUND_MS), 0);
    for (int i = 0; i < ORPHANS; i++) {
        struct brood_result result;
        struct brood_child *child = NULL;
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
        RUN(&result, .argv = TARGET("print", "x"), .out = A_MEMORY);
        CHECK_EXITED(result.exit, 0);
        brood_result_clear(&result);
        child = START(.argv = TARGET("sleep"));
        CHECK_INT(brood_child_stop(child, 0, NULL), 0);
        brood_child_free(child);
    }
    for (int i = 0; i < ORPHANS; i++) {
        int status = -1;
        CHECK_INT(waitpid(orphans[i], &status, WNOHANG), orphans[i]);
        CHECK_INT(status, 0);
    }
    CHECK_INT(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    CHECK_INT(errno, ECHILD);
}

TEST(d15_duty_of_a_first_process)
{
    pid_t outside = fork();
    REQUIRE(outside >= 0);
    if (outside == 0) {
        if (unshare(CLONE_NEWPID) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
            _exit(NO_NAMESPACE);
        pid_t first = fork();
        REQUIRE(first >= 0);
        if (first == 0) {
            CHECK_INT(getpid(), 1);
            be_first();
            _exit(0);
        }
        CHECK_CHILD(first, 0);
        _exit(0);
    }
    int status = 0;
    CHECK_INT(waitpid(outside, &status, 0), outside);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_NAMESPACE)
        SKIP("a pid namespace may not be made here");
    CHECK_INT(status, 0);
}

/* ------------------------------------------------------------------ control groups */

static void check_begins_in(const char *group)
{
    char text[4096], want[64];
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/cat", "/proc/self/cgroup"), .out = A_MEMORY, .cgroup = group);
    CHECK_EXITED(result.exit, 0);
    (void)snprintf(text, sizeof text, "%s", result.out ? (const char *)result.out : "");
    (void)snprintf(want, sizeof want, "%s\n", strrchr(group, '/'));
    CHECK_HAS(text, want);
    brood_result_clear(&result);
}

static void check_no_group(const char *group, int code)
{
    static struct audit before;
    char why[1024];
    struct brood_child *child = NULL;
    struct brood_error error = {.stage = 0};
    audit_take(&before);
    CHECK_INT(
        brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .out = A_PIPE, .cgroup = group),
                    &child, &error),
        -code);
    CHECK_INT(error.stage, BROOD_STAGE_CGROUP);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
}

/* The call that makes a process right in its group may not be there; the group is joined by the
 * process then, before its program begins. */
TEST(d16_a_group_without_clone3)
{
    char group[PATH_MAX];
    check_no_group("/no/such", ENOENT);
    if (!groups_make(NULL, group, sizeof group))
        SKIP("there is no control group of version 2 that may be made");
    check_begins_in(group);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        kit_refuse_call(SYS_clone3, ENOSYS);
        check_begins_in(group);
        check_no_group("/no/such", ENOENT);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    check_begins_in(group);
    groups_remove(group);
}
