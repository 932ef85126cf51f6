/* SPDX-License-Identifier: MIT */
/*
 * What a child runs under: no_new_privs, oom_score_adj, processors, the control group.
 *
 * Invariant: the child's own files in /proc are what is compared, and the caller's are as before.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define TRUE WORDS("/bin/true")
#define CREDENTIALS(...) (&(const struct brood_credentials){__VA_ARGS__})

static const char *own(const char *file)
{
    char text[4096] = "";
    CHECK(lab_read_file(say("/proc/self/%s", file), text, sizeof text) > 0);
    return say("%s", text);
}

static void as_plain_user(void (*body)(void))
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        uid_t user = 200000 + (uid_t)getpid();
        REQUIRE(lab_become(user) == 0);
        body();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

/* ------------------------------------------------------------------ no_new_privs */

TEST(exec_grants_nothing)
{
    int before = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    struct brood_options *options = BROOD_OPTIONS(.flags = BROOD_NO_NEW_PRIVS);
    CHECK_STR(line_of(child_reads(options, "status"), "NoNewPrivs:"), "NoNewPrivs:\t1");
    options->flags = 0;
    CHECK_STR(line_of(child_reads(options, "status"), "NoNewPrivs:"),
              say("NoNewPrivs:\t%d", before));
    CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), before);
}

/* A setuid program is run as who it was started by. */
TEST(a_setuid_program_gets_nothing)
{
    enum { USER = 64401 };
    char text[256];
    if (geteuid() != 0)
        SKIP("needs root, to make a setuid program");
    /* cp by itself: it reads and writes with our rights, before the ids are set. */
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/cp", "/usr/bin/id", lab_file("id"))), 0);
    REQUIRE(chmod(lab_file("id"), 04755) == 0 && chmod(lab_directory(), 0755) == 0);
    for (int bound = 0; bound < 2; bound++) {
        struct brood_result result;
        REQUIRE(brood_run(BROOD_OPTIONS(.argv = WORDS(lab_file("id"), "-u"),
                                        .out = {.kind = BROOD_MEMORY},
                                        .flags = bound ? BROOD_NO_NEW_PRIVS : 0,
                                        .credentials = CREDENTIALS(.uid = USER, .gid = USER)),
                          &result, NULL) == 0);
        (void)snprintf(text, sizeof text, "%s", (const char *)result.out);
        brood_result_clear(&result);
        if (!bound && !strcmp(text, "64401\n"))
            NOTE("the directory of tests is mounted nosuid");
        else
            CHECK_STR(text, bound ? "64401\n" : "0\n");
    }
}

/* ------------------------------------------------------------------ oom_score_adj */

TEST(oom_score_adj_is_the_childs_alone)
{
    const char *before = own("oom_score_adj");
    static const int values[] = {1000, 777, 999};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct brood_options *options =
            BROOD_OPTIONS(.flags = BROOD_SET_OOM_SCORE_ADJ, .oom_score_adj = values[i]);
        CHECK_STR(child_reads(options, "oom_score_adj"), say("%d\n", values[i]));
        options->start_timeout_ms = BOUND_MS; /* without CLONE_VFORK */
        CHECK_STR(child_reads(options, "oom_score_adj"), say("%d\n", values[i]));
        CHECK_STR(own("oom_score_adj"), before);
    }
    /* 0 without the flag is whatever the caller's is. */
    CHECK_STR(child_reads(BROOD_OPTIONS(.argv = NULL), "oom_score_adj"), before);
}

static void lower_it(void)
{
    is_refused(
        "lower than it was",
        BROOD_OPTIONS(.argv = TRUE, .flags = BROOD_SET_OOM_SCORE_ADJ, .oom_score_adj = -1000),
        REFUSAL(.stage = BROOD_STAGE_RESOURCE, .code = EACCES, .subject = "oom_score_adj",
                .sentence = "cannot start /bin/true: setting the oom_score_adj: Permission "
                            "denied"));
}

TEST(a_plain_user_may_not_lower_it)
{
    as_plain_user(lower_it);
}

/* ------------------------------------------------------------------ processors */

TEST(processors_are_those_that_were_asked_for)
{
    enum { WORDS_OF_IT = 16, MOST = 1024 };
    cpu_set_t set, after;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    int allowed = 0;
    static const char none[] = "processor affinity: none of those processors may be used";
    for (unsigned number = 0; number < MOST; number++) {
        uint64_t cpus[WORDS_OF_IT] = {0};
        cpus[number / 64] = UINT64_C(1) << number % 64;
        struct brood_options *options = BROOD_OPTIONS(.cpus = cpus, .cpu_words = WORDS_OF_IT);
        if (CPU_ISSET(number, &set)) {
            CHECK_STR(line_of(child_reads(options, "status"), "Cpus_allowed_list:"),
                      say("Cpus_allowed_list:\t%u", number));
            allowed++;
        } else if (number % 100 == 99) {
            options->argv = TRUE;
            is_refused("a processor that is not there", options,
                       REFUSAL(.stage = BROOD_STAGE_RESOURCE, .code = EINVAL, .subject = none,
                               .sentence = say("cannot start /bin/true: setting the %s: Invalid "
                                               "argument",
                                               none)));
        }
    }
    CHECK(allowed > 0);
    const uint64_t all[1] = {~UINT64_C(0)};
    CHECK_STR(line_of(child_reads(BROOD_OPTIONS(.cpus = all, .cpu_words = 1), "status"),
                      "Cpus_allowed_list:"),
              line_of(own("status"), "Cpus_allowed_list:"));
    REQUIRE(sched_getaffinity(0, sizeof after, &after) == 0);
    CHECK(CPU_EQUAL(&set, &after));
}

/* ------------------------------------------------------------------ control groups */

/* Those of a run that was killed: nobody works with an empty one for so long. */
static void remove_old_groups(const char *place)
{
    enum { OLD_S = 600 };
    glob_t found;
    struct stat status;
    if (glob(say("%s/brood-test-*", place), 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (stat(found.gl_pathv[i], &status) == 0 && status.st_mtime + OLD_S < time(NULL))
            (void)rmdir(found.gl_pathv[i]);
    globfree(&found);
}

/* A new group below the mount of this kind that has `option`; "" where there is none. */
static const char *make_group(const char *kind, const char *option)
{
    char type[64], place[PATH_MAX], options[256];
    const char *group = "";
    FILE *mounts = fopen("/proc/self/mounts", "re");
    REQUIRE(mounts);
    while (!*group && fscanf(mounts, "%*s %4095s %63s %255s %*d %*d", place, type, options) == 3) {
        const char *found = strstr(options, option);
        if (strcmp(type, kind) != 0 || !found)
            continue;
        remove_old_groups(place);
        const char *path = say("%s/brood-test-%d", place, (int)getpid());
        if (mkdir(path, 0755) == 0)
            group = path;
    }
    (void)fclose(mounts);
    return group;
}

/* A group is empty a moment after its last process has been reaped. */
static void remove_group(const char *group)
{
    int64_t deadline = lab_now_ms() + BOUND_MS;
    while (rmdir(group) < 0 && errno == EBUSY && lab_now_ms() < deadline)
        continue;
    CHECK(access(group, F_OK) < 0);
}

static void live_in(const char *group, const char *line_start)
{
    const char *name = strrchr(group, '/');
    const char *before = own("cgroup");
    const struct brood_credentials somebody = {.uid = 64401, .gid = 64401};
    for (int turn = 0; turn < 6; turn++) {
        struct brood_options *options = BROOD_OPTIONS(.cgroup = group);
        options->flags = turn & 1 ? BROOD_NEW_SESSION : 0;
        options->start_timeout_ms = turn & 2 ? BOUND_MS : 0;
        if (geteuid() == 0 && turn > 3)
            options->credentials = &somebody;
        const char *line = line_of(child_reads(options, "cgroup"), line_start);
        const char *end = strrchr(line, '/');
        CHECK_SAY(end && !strcmp(end, name), "'%s' does not end in %s", line, name);
    }
    CHECK_STR(own("cgroup"), before);
    struct brood_child *child = start(
        BROOD_OPTIONS(.argv = WORDS("/bin/sleep", "60"), .cgroup = group, .flags = BROOD_DETACHED));
    REQUIRE(child);
    char text[4096] = "", path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)brood_child_pid(child));
    CHECK(lab_read_file(path, text, sizeof text) > 0);
    CHECK_HAS(line_of(text, line_start), name);
    pid_t pid = brood_child_pid(child);
    CHECK(!brood_child_free(child));
    CHECK(pid > 1 && kill(pid, SIGKILL) == 0);
    CHECK_INT(lab_wait_gone(pid, BOUND_MS), 0);
}

static void fail_in(const char *group)
{
    is_refused("a missing program", BROOD_OPTIONS(.argv = WORDS("/no/such"), .cgroup = group),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT));
    const char *none = say("%s/none", group);
    is_refused("a missing group", BROOD_OPTIONS(.argv = TRUE, .cgroup = none),
               REFUSAL(.stage = BROOD_STAGE_CGROUP, .code = ENOENT, .subject = none,
                       .sentence = say("cannot start /bin/true: control group %s: No such file or "
                                       "directory",
                                       none)));
    const char *file = say("%s/cgroup.procs", group);
    is_refused("a file", BROOD_OPTIONS(.argv = TRUE, .cgroup = file),
               REFUSAL(.stage = BROOD_STAGE_CGROUP, .code = ENOTDIR, .subject = file));
    remove_group(group);
    is_refused("a removed group", BROOD_OPTIONS(.argv = TRUE, .cgroup = group),
               REFUSAL(.stage = BROOD_STAGE_CGROUP, .code = ENOENT, .subject = group));
}

TEST(a_control_group_of_version_2)
{
    const char *group = make_group("cgroup2", "");
    if (!*group)
        SKIP("no control group of version 2 can be made here");
    live_in(group, "0::");
    fail_in(group);
}

/* "9:pids:" of /proc/self/cgroup. */
static const char *pids_line(void)
{
    const char *text = own("cgroup");
    const char *at = strstr(text, ":pids:");
    REQUIRE(at);
    const char *line = at;
    while (line > text && line[-1] != '\n')
        line--;
    return say("%.*s:pids:", (int)(at - line), line);
}

TEST(a_control_group_of_version_1)
{
    const char *group = make_group("cgroup", "pids");
    if (!*group)
        SKIP("no control group of version 1 can be made here");
    live_in(group, pids_line());
    fail_in(group);
}

/* Where the kernel can, the process is born in its group: with a filter that refuses write(2), by
 * which one joins a group later, the start goes well. */
static void start_without_write(const char *group, bool is_born)
{
    const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = sizeof program / sizeof *program,
                                      .filter = (struct sock_filter *)(uintptr_t)program};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0);
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "0"), .cgroup = group);
    if (is_born)
        runs(options, 0);
    else
        is_refused("joining", options,
                   REFUSAL(.stage = BROOD_STAGE_CGROUP, .code = EDOM, .subject = group));
}

TEST(a_process_is_born_there)
{
    char plan[8192] = "";
    struct utsname name;
    int major = 0, minor = 0;
    const char *group = make_group("cgroup2", "");
    if (!*group)
        SKIP("no control group of version 2 can be made here");
    REQUIRE(brood_plan_text(BROOD_OPTIONS(.argv = TRUE, .cgroup = group), plan, sizeof plan, NULL) >
            0);
    REQUIRE(uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2);
    bool is_born = strstr(line_of(plan, "rung: "), "clone3") && (major > 5 || minor >= 7);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        start_without_write(group, is_born);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    remove_group(group);
}

/* Relative names are the caller's, whatever the child's directory is. */
TEST(a_relative_control_group)
{
    const char *group = make_group("cgroup2", "");
    if (!*group)
        SKIP("no control group of version 2 can be made here");
    char before[PATH_MAX];
    REQUIRE(getcwd(before, sizeof before) && chdir(group) == 0);
    const char *line =
        line_of(child_reads(BROOD_OPTIONS(.cgroup = ".", .cwd = "/"), "cgroup"), "0::");
    CHECK_HAS(line, strrchr(group, '/'));
    line = line_of(
        child_reads(BROOD_OPTIONS(.cgroup = say("../%s", strrchr(group, '/') + 1), .cwd = "/"),
                    "cgroup"),
        "0::");
    CHECK_HAS(line, strrchr(group, '/'));
    REQUIRE(chdir(before) == 0);
    remove_group(group);
}

static const char *given_group;

static void without_permission(void)
{
    is_refused("no permission", BROOD_OPTIONS(.argv = TRUE, .cgroup = given_group),
               REFUSAL(.stage = BROOD_STAGE_CGROUP, .code = EACCES, .subject = given_group,
                       .sentence = say("cannot start /bin/true: control group %s: Permission "
                                       "denied",
                                       given_group)));
}

TEST(a_control_group_without_permission)
{
    if (geteuid() != 0)
        SKIP("needs root, to make a control group");
    given_group = make_group("cgroup2", "");
    if (!*given_group)
        given_group = make_group("cgroup", "pids");
    if (!*given_group)
        SKIP("no control group of version 2 can be made here");
    as_plain_user(without_permission);
    remove_group(given_group);
}

/* Any directory may have a file of that name: that makes it no control group. */
TEST(a_directory_that_is_no_control_group)
{
    is_refused("a directory", BROOD_OPTIONS(.argv = TRUE, .cgroup = lab_directory()),
               REFUSAL(.stage = BROOD_STAGE_CGROUP, .code = ENODEV, .detail = BROOD_DETAIL_TEXT,
                       .subject = say("%s is not a control group", lab_directory())));
}

TEST(a_directory_that_looks_like_a_control_group)
{
    struct brood_child *child = NULL;
    struct brood_error error = {.stage = 0};
    REQUIRE(lab_write_file(lab_file("cgroup.procs"), "", 0, 0666) == 0);
    int result =
        brood_start(BROOD_OPTIONS(.argv = TRUE, .cgroup = lab_directory()), &child, &error);
    CHECK(result < 0);
    CHECK_INT(error.stage, BROOD_STAGE_CGROUP);
    (void)brood_child_free(child);
}
