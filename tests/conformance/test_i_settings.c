/* SPDX-License-Identifier: MIT */
/*
 * What is set for the child is the child's alone, and no start needs to see its child in /proc.
 *
 * Room tests. Invariant: the caller's own settings are read from the kernel before and after.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 77, OOM_MORE = 100, NICE_MORE = 3, NOFILE_LESS = 100 };

/* ------------------------------------------------------------------ the child's alone */

struct settings {
    char oom[16];
    int nice;
    struct rlimit files, core;
    cpu_set_t processors;
    mode_t mask;
};

static void read_settings(struct settings *ret)
{
    memset(ret, 0, sizeof *ret);
    REQUIRE(lab_read_file("/proc/self/oom_score_adj", ret->oom, sizeof ret->oom) > 0);
    errno = 0;
    ret->nice = getpriority(PRIO_PROCESS, 0);
    REQUIRE(errno == 0 && getrlimit(RLIMIT_NOFILE, &ret->files) == 0 &&
            getrlimit(RLIMIT_CORE, &ret->core) == 0);
    REQUIRE(sched_getaffinity(0, sizeof ret->processors, &ret->processors) == 0);
    ret->mask = umask(0);
    (void)umask(ret->mask);
}

/* The first processor that this process may use, as a set of one. */
static uint64_t one_processor(const struct settings *settings)
{
    for (size_t i = 0; i < 64; i++)
        if (CPU_ISSET(i, &settings->processors))
            return UINT64_C(1) << i;
    return 1;
}

/* One start with everything set; the argv says whether it succeeds. */
static int start_with_all(const struct settings *before, char *const *argv, int32_t oom,
                          struct brood_result *ret)
{
    const struct brood_rlimit limits[] = {
        {.resource = RLIMIT_NOFILE, .soft = NOFILE_LESS, .hard = NOFILE_LESS},
        {.resource = RLIMIT_CORE, .soft = 0, .hard = 0}};
    const uint64_t processors = one_processor(before);
    return brood_run(
        BROOD_OPTIONS(.argv = argv, .out = A_MEMORY, .umask = 0111,
                      .nice = before->nice + NICE_MORE, .oom_score_adj = oom, .cpus = &processors,
                      .cpu_words = 1, .rlimits = limits, .rlimit_count = 2,
                      .flags = BROOD_SET_UMASK | BROOD_SET_NICE | BROOD_SET_OOM_SCORE_ADJ),
        ret, NULL);
}

TEST(i04_settings_that_reach_the_parent)
{
    static struct settings before, after;
    char want[128];
    struct brood_result result;
    read_settings(&before);
    int oom = atoi(before.oom) + OOM_MORE <= 1000 ? atoi(before.oom) + OOM_MORE : 1000;
    for (int i = 0; i < 3; i++) {
        CHECK_INT(start_with_all(&before, WORDS("/no/such"), oom, &result), -ENOENT);
        static const char tells[] =
            "cat /proc/self/oom_score_adj; ulimit -n; ulimit -c; umask; nice; nproc";
        REQUIRE(start_with_all(&before, WORDS("/bin/sh", "-c", tells), oom, &result) == 0);
        (void)snprintf(want, sizeof want, "%d\n%d\n0\n0111\n%d\n1\n", oom, (int)NOFILE_LESS,
                       before.nice + NICE_MORE);
        CHECK_STR(result.out, want);
        brood_result_clear(&result);
        read_settings(&after);
        CHECK_STR(after.oom, before.oom);
        CHECK_MEM(&after, &before, sizeof before);
    }
}

/* ------------------------------------------------------------------ processes that are hidden */

static void use_unseen_children(const char *program)
{
    char path[64];
    struct brood_exit end;
    struct brood_child *child = NULL;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = A_PIPE), &child, NULL),
              -ENOENT);
    for (int i = 0; i < 3; i++) {
        child = START(.argv = WORDS(program, "catch-term", "8"), .out = A_PIPE,
                      .start_timeout_ms = i == 1 ? KIT_BOUND_MS : 0,
                      .flags = i == 2 ? BROOD_NEW_SESSION : 0);
        (void)READY(child);
        (void)snprintf(path, sizeof path, "/proc/%d", (int)brood_child_pid(child));
        CHECK(access(path, F_OK) < 0); /* it is hidden */
        CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
        CHECK_EXITED(end, 8);
        brood_child_free(child);
    }
    brood_child_free(START(.argv = WORDS(program, "sleep")));
    struct brood_result result;
    RUN(&result, .argv = WORDS(program, "flood", "100000"), .out = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, 100000);
    brood_result_clear(&result);
    CHECK_INT(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    CHECK_INT(errno, ECHILD);
}

/* A plain user sees in such a /proc only what he may trace: not a program that he may run but not
 * read. */
TEST(i07_children_hidden_in_proc)
{
    char program[PATH_MAX];
    int status = 0;
    if (!kit_is_admin())
        SKIP("hiding processes needs root");
    kit_copy_program(program, sizeof program, kit_target, 0711);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        uid_t user = kit_plain_user();
        if (lab_own_mounts() < 0 || mount("proc", "/proc", "proc", 0, "hidepid=2") < 0)
            _exit(CANNOT);
        REQUIRE(lab_become(user) == 0);
        use_unseen_children(program);
        _exit(0);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
        SKIP("mounting is not allowed here");
    CHECK_INT(status, 0);
}
