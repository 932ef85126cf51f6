/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of what surrounds a child: I04 and I07 of README.md.
 *
 * Invariant: the caller is looked at by another thread all the while, not only before and after.
 */
#include "facts.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS = 30, NICE = 19, ADJUSTED = 1000, CHILDS_UMASK = 0137 };

/* ------------------------------------------------------------------ I04 */

/* What of the caller could be changed instead of the child's. */
struct mine {
    char umask[16], oom[32], directory[PATH_MAX];
    int nice;
    struct rlimit files, core;
    cpu_set_t cpus;
};

static void look(struct mine *ret)
{
    char status[4096];
    *ret = (struct mine){.nice = getpriority(PRIO_PROCESS, 0)};
    (void)lab_read_file("/proc/self/oom_score_adj", ret->oom, sizeof ret->oom);
    if (lab_read_file("/proc/self/status", status, sizeof status) > 0) {
        const char *line = strstr(status, "Umask:");
        (void)snprintf(ret->umask, sizeof ret->umask, "%.12s", line ? line : "");
    }
    (void)getrlimit(RLIMIT_NOFILE, &ret->files);
    (void)getrlimit(RLIMIT_CORE, &ret->core);
    (void)sched_getaffinity(0, sizeof ret->cpus, &ret->cpus);
    (void)getcwd(ret->directory, sizeof ret->directory);
}

static bool is_the_same(const struct mine *a, const struct mine *b)
{
    return strcmp(a->umask, b->umask) == 0 && strcmp(a->oom, b->oom) == 0 &&
           strcmp(a->directory, b->directory) == 0 && a->nice == b->nice &&
           memcmp(&a->files, &b->files, sizeof a->files) == 0 &&
           memcmp(&a->core, &b->core, sizeof a->core) == 0 && CPU_EQUAL(&a->cpus, &b->cpus);
}

struct watch {
    pthread_t thread;
    struct mine before;
    atomic_bool enough;
    atomic_uint looks, changes;
};

static void *look_on(void *argument)
{
    struct watch *watch = argument;
    struct mine now;
    while (!atomic_load(&watch->enough)) {
        look(&now);
        if (!is_the_same(&watch->before, &now))
            atomic_fetch_add(&watch->changes, 1);
        atomic_fetch_add(&watch->looks, 1);
    }
    return NULL;
}

/* The first processor that this process may use. */
static uint64_t one_processor(void)
{
    cpu_set_t cpus;
    REQUIRE(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
    for (unsigned cpu = 0; cpu < 64; cpu++)
        if (CPU_ISSET(cpu, &cpus))
            return UINT64_C(1) << cpu;
    return 0;
}

/* What the child finds: of all that was asked for at once, nothing is missing. */
static void check_told(const char *text, bool has_one)
{
    char want[64];
    CHECK_HAS(text, "umask 0137\n");
    (void)snprintf(want, sizeof want, "nice %d\n", NICE);
    CHECK_HAS(text, want);
    (void)snprintf(want, sizeof want, "oom %d\n", ADJUSTED);
    CHECK_HAS(text, want);
    CHECK_HAS(text, "files 55\n");
    CHECK_HAS(text, "core 0\n");
    CHECK_HAS(text, "in /\n");
    CHECK_HAS(text, has_one ? "cpus 1\n" : "cpus ");
}

static const char script[] = "echo umask $(umask); echo nice $(nice); echo files $(ulimit -n); "
                             "echo core $(ulimit -c); echo in $(pwd); echo cpus $(nproc); "
                             "read oom </proc/self/oom_score_adj; echo oom $oom";

/* Everything at once, in starts that work and in starts that fail at the last step. */
static void start_with_all(struct brood_options *options, unsigned number)
{
    struct brood_child *child = NULL;
    if (number % 3 == 2) {
        options->argv = WORDS("/no/such/program");
        CHECK_INT(brood_start(options, &child, NULL), -ENOENT);
        return;
    }
    struct brood_result result;
    options->argv = WORDS("/bin/sh", "-c", script);
    kit_run(options, &result, __FILE__, __LINE__);
    CHECK_EXITED(result.exit, 0);
    check_told(result.out, options->cpus != NULL);
    brood_result_clear(&result);
}

TEST_TIMEOUT(i04_another_thread_sees_no_change, 60)
{
    static struct watch watch;
    static struct audit before;
    const struct brood_rlimit limits[] = {
        {.resource = RLIMIT_NOFILE, .soft = 55, .hard = 55},
        {.resource = RLIMIT_CORE, .soft = 0, .hard = 0},
    };
    const uint64_t cpus = one_processor();
    char why[1024] = "";
    struct brood_options options =
        *BROOD_OPTIONS(.flags = BROOD_SET_UMASK | BROOD_SET_NICE | BROOD_SET_OOM_SCORE_ADJ |
                                BROOD_NEW_SESSION | BROOD_NO_NEW_PRIVS,
                       .umask = CHILDS_UMASK, .nice = NICE, .oom_score_adj = ADJUSTED,
                       .rlimits = limits, .rlimit_count = 2, .cpu_words = cpus ? 1 : 0, .cwd = "/");
    options.cpus = cpus ? &cpus : NULL;
    audit_take(&before);
    look(&watch.before);
    CHECK_HAS(watch.before.umask, "Umask:");
    REQUIRE(pthread_create(&watch.thread, NULL, look_on, &watch) == 0);
    for (unsigned i = 0; i < STARTS; i++) {
        options.out.kind = i % 3 == 2 ? BROOD_NULL : BROOD_MEMORY;
        start_with_all(&options, i);
    }
    atomic_store(&watch.enough, true);
    CHECK_INT(pthread_join(watch.thread, NULL), 0);
    CHECK(atomic_load(&watch.looks) > 0);
    CHECK_INT(atomic_load(&watch.changes), 0);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    NOTE("%u looks at the caller, %u changes", atomic_load(&watch.looks),
         atomic_load(&watch.changes));
}

/* ------------------------------------------------------------------ I07 */

/* A whole life of a child, in each of the ways in which one is started and ended. */
static void live(const struct brood_options *given)
{
    struct brood_options options = *given;
    struct brood_exit end = {.kind = 0};
    options.argv = TARGET("sleep");
    options.out.kind = BROOD_PIPE;
    struct brood_child *child = kit_start(&options, __FILE__, __LINE__);
    READY(child);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_KILLED(end, SIGTERM);
    CHECK_INT(brood_child_signal(child, SIGTERM), -ESRCH);
    brood_child_free(child);

    child = kit_start(&options, __FILE__, __LINE__);
    READY(child);
    brood_child_free(child);
    errno = 0;
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);

    /* Not where a short program that leads its session cannot be told from none: a plain fork. */
    if (!facts_only_fork() || !(given->flags & BROOD_NEW_SESSION)) {
        options.argv = TARGET("exit", "9");
        child = kit_start(&options, __FILE__, __LINE__);
        CHECK_EXITED(END_OF(child), 9);
        brood_child_free(child);
    }
    options.argv = WORDS("/no/such/program");
    CHECK_INT(brood_start(&options, &child, NULL), -ENOENT);

    struct brood_result result;
    RUN(&result, .argv = TARGET("sleep"), .flags = given->flags, .scope = given->scope,
        .timeout_ms = 50, .out = A_NULL);
    CHECK_KILLED(result.exit, SIGKILL);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_TIMEOUT);
    brood_result_clear(&result);
}

static void live_in_all_ways(void)
{
    live(BROOD_OPTIONS(.flags = 0));
    live(BROOD_OPTIONS(.start_timeout_ms = KIT_BOUND_MS));
    live(BROOD_OPTIONS(.flags = BROOD_NEW_GROUP, .scope = BROOD_SCOPE_GROUP));
    live(BROOD_OPTIONS(.flags = BROOD_NEW_SESSION, .scope = BROOD_SCOPE_GROUP,
                       .start_timeout_ms = KIT_BOUND_MS));
}

/* No process is in /proc at all. */
static void with_an_empty_proc(void)
{
    REQUIRE(lab_own_mounts() == 0);
    REQUIRE(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
    CHECK(access("/proc/self", F_OK) < 0);
    live_in_all_ways();
}

/* Where descriptors can be hidden from a child without it: a start is refused otherwise. */
TEST_TIMEOUT(i07_no_process_is_in_proc, 60)
{
    if (!kit_is_admin())
        SKIP("hiding /proc needs root");
    if (!facts_hide_by_one_call()) {
        CHECK(access("/proc/self", F_OK) == 0);
        NOTE("descriptors are found by /proc here");
        return;
    }
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        with_an_empty_proc();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}
