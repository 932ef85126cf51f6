/* SPDX-License-Identifier: MIT */
/*
 * Who the child is: groups, gid and uid, set in the child alone, nothing of the caller's rights
 * kept.
 *
 * Invariant: the program's own /proc/self/status is what is compared. Bodies that change their own
 * ids or capabilities run in a process of their own.
 */
#include "starting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USER = 64101, GROUP = 64202, OTHER = 64303 };
static const uint32_t same = UINT32_MAX;

#define CREDENTIALS(...) (&(const struct brood_credentials){__VA_ARGS__})

static void needs_root(void)
{
    if (geteuid() != 0)
        SKIP("needs root, to become somebody else");
}

static const char *ids_line(const char *name, unsigned id)
{
    return say("%s:\t%u\t%u\t%u\t%u", name, id, id, id, id);
}

/* "5 7": the numbers of the Groups line. */
static const char *groups_in(const char *status)
{
    const char *line = line_of(status, "Groups:");
    line += strcspn(line, "0123456789");
    size_t length = strlen(line);
    while (length > 0 && line[length - 1] == ' ')
        length--;
    return say("%.*s", (int)length, line);
}

static void check_no_capabilities(const char *status)
{
    static const char *const names[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
    for (size_t i = 1; i < 4; i++)
        CHECK_STR(line_of(status, names[i]), say("%s:\t0000000000000000", names[i]));
}

/* ------------------------------------------------------------------ what is set */

TEST(ids_and_groups_are_set)
{
    static const uint32_t groups[] = {64303, 7, 64301};
    needs_root();
    struct brood_options *options =
        BROOD_OPTIONS(.credentials = CREDENTIALS(.uid = USER, .gid = GROUP, .groups = groups,
                                                 .group_count = 3));
    const char *status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", USER));
    CHECK_STR(line_of(status, "Gid:"), ids_line("Gid", GROUP));
    CHECK_STR(groups_in(status), "7 64301 64303");
    check_no_capabilities(status);
}

static void with_groups_of_its_own(void)
{
    const gid_t own[] = {11, 12};
    REQUIRE(setgroups(2, own) == 0);
    struct brood_options *options =
        BROOD_OPTIONS(.credentials = CREDENTIALS(.uid = USER, .gid = GROUP));
    CHECK_STR(groups_in(child_reads(options, "status")), ""); /* an empty list is none */
    options->credentials = CREDENTIALS(.uid = USER, .gid = GROUP, .flags = BROOD_KEEP_GROUPS);
    CHECK_STR(groups_in(child_reads(options, "status")), "11 12");
    options->credentials = CREDENTIALS(.uid = same, .gid = same);
    const char *status = child_reads(options, "status");
    CHECK_STR(groups_in(status), "");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", 0));
    gid_t now[8];
    CHECK_INT(getgroups(8, now), 2);
}

TEST(no_groups_means_none)
{
    needs_root();
    IN_CHILD(with_groups_of_its_own);
}

TEST(what_is_left_as_it_is)
{
    needs_root();
    struct brood_options *options =
        BROOD_OPTIONS(.credentials = CREDENTIALS(.uid = same, .gid = GROUP));
    const char *status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", 0));
    CHECK_STR(line_of(status, "Gid:"), ids_line("Gid", GROUP));
    options->credentials = CREDENTIALS(.uid = USER, .gid = same, .flags = BROOD_KEEP_GROUPS);
    status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", USER));
    CHECK_STR(line_of(status, "Gid:"), ids_line("Gid", 0));
    options->credentials = CREDENTIALS(.uid = same, .gid = same, .flags = BROOD_KEEP_GROUPS);
    status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", 0));
    CHECK_STR(line_of(status, "Gid:"), ids_line("Gid", 0));
}

/* A caller whose own ids differ from each other. */
static void with_mixed_ids(void)
{
    REQUIRE(setresgid(OTHER, 0, 0) == 0 && setresuid(OTHER, 0, 0) == 0);
    struct brood_options *options =
        BROOD_OPTIONS(.credentials = CREDENTIALS(.uid = USER, .gid = GROUP));
    const char *status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", USER));
    CHECK_STR(line_of(status, "Gid:"), ids_line("Gid", GROUP));
    options->credentials = CREDENTIALS(.uid = OTHER, .gid = OTHER);
    status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", OTHER));
    check_no_capabilities(status);
    options->credentials = CREDENTIALS(.uid = 0, .gid = 0);
    status = child_reads(options, "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", 0));
    CHECK_STR(line_of(status, "Gid:"), ids_line("Gid", 0));
}

TEST(all_three_ids_at_once)
{
    needs_root();
    IN_CHILD(with_mixed_ids);
}

TEST(as_many_groups_as_there_may_be)
{
    enum { MOST = 65536 };
    static uint32_t groups[MOST];
    needs_root();
    for (uint32_t i = 0; i < MOST; i++)
        groups[i] = 100000 + i;
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/true"),
                       .credentials = CREDENTIALS(.uid = USER, .gid = GROUP, .groups = groups,
                                                  .group_count = MOST)),
         0);
}

/* ------------------------------------------------------------------ capabilities */

/* As capget(2) has them: all that this process may have, inheritable too. */
static void make_inheritable(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    REQUIRE(syscall(SYS_capget, &header, data) == 0);
    for (int i = 0; i < 2; i++)
        data[i].inheritable = data[i].effective = data[i].permitted;
    REQUIRE(syscall(SYS_capset, &header, data) == 0);
}

static void raise_ambient(void)
{
    make_inheritable();
    REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) == 0);
    REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0) == 0);
    REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
}

static void check_child_has_none(void)
{
    const char *status =
        child_reads(BROOD_OPTIONS(.credentials = CREDENTIALS(.uid = USER, .gid = GROUP)), "status");
    CHECK_STR(line_of(status, "Uid:"), ids_line("Uid", USER));
    check_no_capabilities(status);
}

static void root_that_keeps_all(void)
{
    raise_ambient();
    REQUIRE(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
    check_child_has_none();
    CHECK_INT(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 1);
    CHECK_INT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 1);
}

/* No root, but with the right to become anybody: a change of uid alone takes nothing away. */
static void user_with_capabilities(void)
{
    REQUIRE(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
    REQUIRE(setresgid(OTHER, OTHER, OTHER) == 0 && setresuid(OTHER, OTHER, OTHER) == 0);
    raise_ambient();
    check_child_has_none();
    CHECK_INT(geteuid(), OTHER);
    CHECK_INT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0), 1);
}

TEST(capabilities_of_the_caller_are_not_the_childs)
{
    needs_root();
    IN_CHILD(root_that_keeps_all);
    IN_CHILD(user_with_capabilities);
}

/* ------------------------------------------------------------------ the caller */

enum { THREADS = 8 };
static pthread_barrier_t all_begin, all_end;

static void *stand_by(void *unused)
{
    (void)pthread_barrier_wait(&all_begin);
    (void)pthread_barrier_wait(&all_end);
    return unused;
}

/* The lines about who it is, of each thread that /proc knows. */
static const char *who_all_are(void)
{
    static const char *const names[] = {
        "Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "NoNewPrivs:", "Seccomp:"};
    static char all[2][32768];
    static unsigned turn;
    char path[64], status[8192];
    char *text = all[turn++ % 2];
    size_t length = 0;
    DIR *tasks = opendir("/proc/self/task"); /* always in the same order */
    const struct dirent *task;
    REQUIRE(tasks != NULL);
    while ((task = readdir(tasks)) != NULL) {
        (void)snprintf(path, sizeof path, "/proc/self/task/%.20s/status", task->d_name);
        if (task->d_name[0] == '.' || lab_read_file(path, status, sizeof status) < 0)
            continue;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            length +=
                (size_t)snprintf(text + length, 32768 - length, "%s\n", line_of(status, names[i]));
    }
    (void)closedir(tasks);
    return text;
}

static int refuse(void *user)
{
    return user == NULL ? EACCES : 0;
}

TEST(the_caller_is_who_it_was)
{
    pthread_t threads[THREADS];
    char adjusted[32] = "", adjusted_before[32] = "";
    needs_root();
    REQUIRE(pthread_barrier_init(&all_begin, NULL, THREADS + 1) == 0);
    REQUIRE(pthread_barrier_init(&all_end, NULL, THREADS + 1) == 0);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, stand_by, NULL) == 0);
    (void)pthread_barrier_wait(&all_begin);

    const char *before = who_all_are();
    CHECK(strlen(before) > THREADS * 100);
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    CHECK_INT(dumpable, 1);
    CHECK(lab_read_file("/proc/self/oom_score_adj", adjusted_before, sizeof adjusted_before) > 0);
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS("/bin/true"), .oom_score_adj = 900,
                      .flags = BROOD_SET_OOM_SCORE_ADJ | BROOD_NO_NEW_PRIVS,
                      .credentials = CREDENTIALS(.uid = USER, .gid = GROUP));
    struct brood_options failing = *options, detached = *options;
    failing.before_exec = refuse;
    detached.flags |= BROOD_DETACHED;
    for (int turn = 0; turn < 10; turn++) {
        runs(options, 0);
        is_refused("a hook", &failing, REFUSAL(.stage = BROOD_STAGE_HOOK, .code = EACCES));
        struct brood_child *child = start(&detached);
        REQUIRE(child);
        CHECK_INT(lab_wait_gone(brood_child_pid(child), BOUND_MS), 0);
        CHECK(!brood_child_free(child));
    }
    CHECK_STR(who_all_are(), before);
    CHECK_INT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), dumpable);
    CHECK(lab_read_file("/proc/self/oom_score_adj", adjusted, sizeof adjusted) > 0);
    CHECK_STR(adjusted, adjusted_before);

    (void)pthread_barrier_wait(&all_end);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&all_begin);
    (void)pthread_barrier_destroy(&all_end);
}

/* ------------------------------------------------------------------ whose rights count */

/* Directory and files are the caller's business, the program is the child's. */
TEST(files_are_opened_with_the_callers_rights)
{
    struct stat status;
    char text[64] = "";
    needs_root();
    const char *in = lab_file("in"), *out = lab_file("out");
    REQUIRE(lab_write_file(in, "secret", 6, 0600) == 0 && chmod(lab_directory(), 0700) == 0);
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/cat"), .in = {.kind = BROOD_FILE, .path = in},
                       .out = {.kind = BROOD_FILE, .path = out}, .cwd = lab_directory(),
                       .credentials = CREDENTIALS(.uid = USER, .gid = GROUP)),
         0);
    CHECK(lab_read_file(out, text, sizeof text) == 6);
    CHECK_STR(text, "secret");
    CHECK_INT(stat(out, &status), 0);
    CHECK_INT(status.st_uid, 0);
}

/* What is said of it is not what the caller would find. */
TEST(a_program_out_of_the_childs_reach)
{
    needs_root();
    REQUIRE(chmod(lab_directory(), 0700) == 0);
    REQUIRE(lab_write_file(lab_file("program"), "#!/bin/true\n", 12, 0755) == 0);
    is_refused("a program out of reach",
               BROOD_OPTIONS(.argv = WORDS(lab_file("program")),
                             .credentials = CREDENTIALS(.uid = USER, .gid = GROUP)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = EACCES, .subject = NULL,
                       .detail = BROOD_DETAIL_NONE));
}

TEST(a_child_that_is_somebody_else_is_still_ours)
{
    needs_root();
    struct brood_exit end = {.kind = 0};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/cat"), .in = {.kind = BROOD_PIPE},
                            .credentials = CREDENTIALS(.uid = USER, .gid = GROUP)));
    REQUIRE(child);
    CHECK_INT(brood_child_signal(child, 0), 0);
    CHECK_INT(brood_child_stop(child, BOUND_MS, &end), 0);
    CHECK_INT(end.kind, BROOD_SIGNALLED);
    CHECK(!brood_child_free(child));
}

/* before_exec is already who the program will be. */
static int is_somebody_else(void *user)
{
    (void)user;
    return getuid() == USER && geteuid() == USER && getgid() == GROUP && getgroups(0, NULL) == 0
               ? 0
               : EPERM;
}

TEST(a_hook_is_somebody_else_too)
{
    needs_root();
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .before_exec = is_somebody_else,
                       .credentials = CREDENTIALS(.uid = USER, .gid = GROUP)),
         0);
}
