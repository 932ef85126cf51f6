/* SPDX-License-Identifier: MIT */
/*
 * What surrounds a program: its directory, umask, nice value, limits, session and group. The
 * child has what was asked for, and the caller what it had.
 *
 * Invariant: starting.c's audit holds the caller's directory, umask, limits, group and session.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* ------------------------------------------------------------------ directory */

static const char *directory_of(struct brood_options *options)
{
    return tells(options, "cwd");
}

TEST(directories)
{
    char here[4096];
    REQUIRE(getcwd(here, sizeof here) && mkdir(lab_file("sub"), 0755) == 0);
    REQUIRE(mkdir(lab_file("sub/\xc3\xa4 b'c"), 0755) == 0);
    int fd = open(lab_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int path_fd = open(lab_file("sub"), O_PATH | O_CLOEXEC);
    REQUIRE(fd > 2 && path_fd > 2);
    CHECK_STR(directory_of(BROOD_OPTIONS(.argv = NULL)), say("%s\n", here));
    CHECK_STR(directory_of(BROOD_OPTIONS(.cwd = "/")), "/\n");
    CHECK_STR(directory_of(BROOD_OPTIONS(.cwd = lab_file("sub"))), say("%s\n", lab_file("sub")));
    CHECK_STR(directory_of(BROOD_OPTIONS(.flags = BROOD_SET_CWD_FD, .cwd_fd = fd)),
              say("%s\n", lab_directory()));
    CHECK_STR(directory_of(BROOD_OPTIONS(.flags = BROOD_SET_CWD_FD, .cwd_fd = path_fd)),
              say("%s\n", lab_file("sub")));
    CHECK_STR(directory_of(BROOD_OPTIONS(.flags = BROOD_SET_CWD_FD, .cwd_fd = fd, .cwd = "sub")),
              say("%s\n", lab_file("sub")));
    CHECK_STR(directory_of(BROOD_OPTIONS(.flags = BROOD_SET_CWD_FD, .cwd_fd = path_fd,
                                         .cwd = "\xc3\xa4 b'c")),
              say("%s\n", lab_file("sub/\xc3\xa4 b'c")));
    CHECK_STR(directory_of(BROOD_OPTIONS(.flags = BROOD_SET_CWD_FD, .cwd_fd = fd, .cwd = "/")),
              "/\n");
    CHECK_INT(close(fd) + close(path_fd), 0);
}

TEST(relative_directories_start_at_the_callers)
{
    char here[4096];
    REQUIRE(getcwd(here, sizeof here) && mkdir(lab_file("sub"), 0755) == 0);
    REQUIRE(chdir(lab_directory()) == 0);
    CHECK_STR(directory_of(BROOD_OPTIONS(.cwd = "sub")), say("%s\n", lab_file("sub")));
    CHECK_STR(directory_of(BROOD_OPTIONS(.cwd = "sub/..")), say("%s\n", lab_directory()));
    REQUIRE(chdir(here) == 0);
}

static void refuse_directory(const char *cwd, int code, const char *words_of_it)
{
    is_refused(
        words_of_it, BROOD_OPTIONS(.argv = WORDS("/bin/true"), .cwd = cwd),
        REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = code, .subject = cwd,
                .sentence = say("cannot start /bin/true: directory %s: %s", cwd, strerror(code))));
    CHECK(words_of_it != NULL);
}

static void refuse_closed_directory(void)
{
    refuse_directory(lab_file("closed"), EACCES, "closed");
}

TEST(directories_that_cannot_be_entered)
{
    const char *plain = lab_file("plain"), *loop = lab_file("loop");
    REQUIRE(lab_write_file(plain, "", 0, 0644) == 0 && symlink("loop", loop) == 0);
    refuse_directory("/no/such", ENOENT, "missing");
    refuse_directory(plain, ENOTDIR, "a file");
    refuse_directory(loop, ELOOP, "a loop");
    int fd = open(plain, O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2);
    is_refused(
        "a file's descriptor",
        BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd),
        REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOTDIR, NUMBER(fd),
                .sentence = say("cannot start /bin/true: directory %d: Not a directory", fd)));
    CHECK_INT(close(fd), 0);
    REQUIRE(mkdir(lab_file("closed"), 0) == 0 && chmod(lab_directory(), 0755) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(lab_become(NOBODY) == 0);
        refuse_closed_directory();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

/* The directory and the program are both missing: the first step that fails is told. */
TEST(a_missing_directory_is_not_a_missing_program)
{
    is_refused("both", BROOD_OPTIONS(.argv = WORDS("/no/program"), .cwd = "/no/such"),
               REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT, .subject = "/no/such",
                       .sentence = "cannot start /no/program: directory /no/such: No such file or "
                                   "directory"));
    is_refused("the program", BROOD_OPTIONS(.argv = WORDS("/no/program"), .cwd = "/"),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/program"));
}

TEST(a_directory_that_was_removed)
{
    REQUIRE(mkdir(lab_file("gone"), 0755) == 0);
    int fd = open(lab_file("gone"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(fd > 2 && rmdir(lab_file("gone")) == 0);
    CHECK_STR(directory_of(BROOD_OPTIONS(.flags = BROOD_SET_CWD_FD, .cwd_fd = fd)),
              "No such file or directory\n");
    is_refused("a program in it",
               BROOD_OPTIONS(.argv = WORDS("./program"), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "./program"));
    is_refused("a directory in it",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd,
                             .cwd = "sub"),
               REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT, .subject = "sub"));
    CHECK_INT(close(fd), 0);
}

/* ------------------------------------------------------------------ umask, nice, limits */

TEST(umasks)
{
    static const struct {
        uint32_t umask;
        const char *told;
    } rows[] = {{0, "0000\n"}, {022, "0022\n"}, {077, "0077\n"}, {0777, "0777\n"}};
    CHECK_STR(tells(BROOD_OPTIONS(.umask = 0), "umask"), "0022\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_STR(tells(BROOD_OPTIONS(.flags = BROOD_SET_UMASK, .umask = rows[i].umask), "umask"),
                  rows[i].told);
}

TEST(nice_values)
{
    int here = getpriority(PRIO_PROCESS, 0);
    CHECK_STR(tells(BROOD_OPTIONS(.nice = 0), "nice"), say("%d\n", here));
    CHECK_STR(tells(BROOD_OPTIONS(.flags = BROOD_SET_NICE, .nice = 19), "nice"), "19\n");
    CHECK_STR(tells(BROOD_OPTIONS(.flags = BROOD_SET_NICE, .nice = here), "nice"),
              say("%d\n", here));
    CHECK_INT(getpriority(PRIO_PROCESS, 0), here);
}

/* A plain user may not go down. */
TEST(a_nice_value_that_is_refused)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0};
        REQUIRE(setrlimit(RLIMIT_NICE, &none) == 0);
        REQUIRE(lab_become(NOBODY) == 0);
        is_refused("nice -5",
                   BROOD_OPTIONS(.argv = WORDS("/bin/true"), .flags = BROOD_SET_NICE, .nice = -5),
                   REFUSAL(.stage = BROOD_STAGE_RESOURCE, .code = EACCES, NUMBER(-5),
                           .subject = "nice value",
                           .sentence = "cannot start /bin/true: setting the nice value: "
                                       "Permission denied"));
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST(limits)
{
    const struct brood_rlimit set[] = {
        {.resource = RLIMIT_CORE, .soft = 0, .hard = 0},
        {.resource = RLIMIT_CPU, .soft = 100, .hard = 200},
        {.resource = RLIMIT_NOFILE, .soft = 30, .hard = 40},
        {.resource = RLIMIT_FSIZE, .soft = 1 << 20, .hard = UINT64_C(1) << 40},
    };
    const char *told = tells(BROOD_OPTIONS(.rlimits = set, .rlimit_count = 4), "limits");
    for (size_t i = 0; i < 4; i++)
        CHECK_STR(line_of(told, say("%u ", set[i].resource)),
                  say("%u %llu %llu", set[i].resource, (unsigned long long)set[i].soft,
                      (unsigned long long)set[i].hard));
}

/* Of several for one resource; that of descriptors is set at another place than the others. */
TEST(the_last_of_several_limits_counts)
{
    const struct brood_rlimit set[] = {
        {.resource = RLIMIT_NOFILE, .soft = 100, .hard = 100},
        {.resource = RLIMIT_FSIZE, .soft = 1 << 20, .hard = 1 << 21},
        {.resource = RLIMIT_NOFILE, .soft = 30, .hard = 40},
        {.resource = RLIMIT_FSIZE, .soft = 1 << 19, .hard = 1 << 20},
    };
    const char *told = tells(BROOD_OPTIONS(.rlimits = set, .rlimit_count = 4), "limits");
    CHECK_STR(line_of(told, say("%d ", RLIMIT_NOFILE)), say("%d 30 40", RLIMIT_NOFILE));
    CHECK_STR(line_of(told, say("%d ", RLIMIT_FSIZE)),
              say("%d %d %d", RLIMIT_FSIZE, 1 << 19, 1 << 20));
}

/* All that was not asked for is the caller's. UINT64_MAX is no limit. */
TEST(limits_that_stay)
{
    struct rlimit here;
    const char *told = tells(BROOD_OPTIONS(.argv = NULL), "limits");
    for (unsigned i = 0; i < 16; i++) {
        REQUIRE(getrlimit(i, &here) == 0);
        CHECK_STR(line_of(told, say("%u ", i)),
                  say("%u %lld %lld", i, (long long)here.rlim_cur, (long long)here.rlim_max));
    }
    REQUIRE(getrlimit(RLIMIT_STACK, &here) == 0);
    if (here.rlim_max != RLIM_INFINITY)
        return;
    const struct brood_rlimit unlimited = {
        .resource = RLIMIT_STACK, .soft = UINT64_MAX, .hard = UINT64_MAX};
    CHECK_STR(line_of(tells(BROOD_OPTIONS(.rlimits = &unlimited, .rlimit_count = 1), "limits"),
                      say("%d ", RLIMIT_STACK)),
              say("%d -1 -1", RLIMIT_STACK));
}

TEST(limits_that_are_refused)
{
    const struct brood_rlimit unknown = {.resource = 99, .soft = 1, .hard = 1};
    is_refused("unknown",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .rlimits = &unknown, .rlimit_count = 1),
               REFUSAL(.stage = BROOD_STAGE_RESOURCE, .code = EINVAL, NUMBER(99),
                       .subject = "limit of an unknown resource",
                       .sentence = "cannot start /bin/true: setting the limit of an unknown "
                                   "resource: Invalid argument"));
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        const struct rlimit low = {0};
        const struct brood_rlimit above = {.resource = RLIMIT_CORE, .soft = 1, .hard = 1};
        REQUIRE(setrlimit(RLIMIT_CORE, &low) == 0);
        REQUIRE(lab_become(NOBODY) == 0);
        is_refused("above the hard limit",
                   BROOD_OPTIONS(.argv = WORDS("/bin/true"), .rlimits = &above, .rlimit_count = 1),
                   REFUSAL(.stage = BROOD_STAGE_RESOURCE, .code = EPERM, NUMBER(RLIMIT_CORE),
                           .subject = "limit core",
                           .sentence = "cannot start /bin/true: setting the limit core: Operation "
                                       "not permitted"));
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

/* ------------------------------------------------------------------ session and group */

struct belonging {
    int pid, ppid, pgid, sid;
};

static struct belonging belonging_of(struct brood_options *options)
{
    struct belonging told = {0};
    const char *text = tells(options, "session");
    CHECK_SAY(sscanf(text, "pid %d ppid %d pgid %d sid %d", &told.pid, &told.ppid, &told.pgid,
                     &told.sid) == 4,
              "'%s'", text);
    CHECK_INT(told.ppid, getpid());
    return told;
}

TEST(belonging)
{
    struct belonging told = belonging_of(BROOD_OPTIONS(.argv = NULL));
    CHECK_INT(told.pgid, getpgrp());
    CHECK_INT(told.sid, getsid(0));
    told = belonging_of(BROOD_OPTIONS(.flags = BROOD_NEW_GROUP));
    CHECK_INT(told.pgid, told.pid);
    CHECK_INT(told.sid, getsid(0));
    told = belonging_of(BROOD_OPTIONS(.flags = BROOD_NEW_SESSION));
    CHECK_INT(told.pgid, told.pid);
    CHECK_INT(told.sid, told.pid);
}

TEST(joining_a_group)
{
    struct brood_child *leader = start(
        BROOD_OPTIONS(.argv = TARGET("cat"), .flags = BROOD_NEW_GROUP, .in = {.kind = BROOD_PIPE}));
    REQUIRE(leader);
    struct belonging told =
        belonging_of(BROOD_OPTIONS(.join_group = (int32_t)brood_child_pid(leader)));
    CHECK_INT(told.pgid, brood_child_pid(leader));
    CHECK(told.pid != told.pgid);
    CHECK_INT(brood_child_close_stream(leader, BROOD_IN), 0);
    ends_with(leader, 0);
}

/* A group that does not exist in this session cannot be joined. */
TEST(joining_a_group_that_is_not_there)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        _exit(0);
    CHECK_CHILD(pid, 0);
    is_refused("a reaped process's number",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .join_group = (int32_t)pid),
               REFUSAL(.stage = BROOD_STAGE_GROUP, .code = EPERM, NUMBER(pid),
                       .sentence = say("cannot start /bin/true: process group %d: Operation not "
                                       "permitted",
                                       (int)pid)));
}
