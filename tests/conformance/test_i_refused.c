/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of giving up privileges: I01 and I02 of README.md, where the system or the caller's
 * own rights are in the way.
 *
 * Invariant: bodies that change what the caller may do run in a process of their own; what counts
 * is what the program itself finds, or can open.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USER = 64111, GROUP = 64212, FIRST = 64313, SECOND = 64314, CLOSED = 64315 };

static const uint32_t same = UINT32_MAX;
static char told[2048];

/* In a process of its own, which may become whom it likes. */
static void apart(void (*body)(void))
{
    if (geteuid() != 0)
        SKIP("needs root, to become somebody else");
    REQUIRE(chmod(lab_directory(), 0755) == 0);
    IN_CHILD(body);
}

/* The lines of /proc/self/status that this program finds of itself. */
static void tell(const struct brood_options *given)
{
    struct brood_options options = *given;
    struct brood_result result;
    options.argv = WORDS("/bin/cat", "/proc/self/status");
    options.out.kind = BROOD_MEMORY;
    kit_run(&options, &result, __FILE__, __LINE__);
    CHECK_EXITED(result.exit, 0);
    (void)snprintf(told, sizeof told, "%s", (const char *)result.out);
    brood_result_clear(&result);
}

/* A line of it, without its name. */
static const char *line_of(const char *name)
{
    static char line[256];
    const char *at = strstr(told, name);
    line[0] = '\0';
    if (at)
        (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void give_groups(void)
{
    const gid_t groups[] = {FIRST, SECOND, CLOSED};
    REQUIRE(setgroups(3, groups) == 0);
}

/* ------------------------------------------------------------------ I01 */

/* What is done with the system call of that number is nothing, and said to be done. */
static void refuse_when_not_done(int number, size_t group_count)
{
    static const uint32_t others[] = {FIRST, SECOND, SECOND + 9};
    const struct brood_credentials who = {
        .uid = USER, .gid = GROUP, .groups = others, .group_count = group_count};
    char program[PATH_MAX];
    struct brood_child *child = NULL;
    struct brood_error error = {.stage = BROOD_STAGE_NONE};
    give_groups();
    kit_refuse_call(number, 0);
    (void)lab_path(program, sizeof program, "came-to-run");
    int result = brood_start(
        BROOD_OPTIONS(.argv = WORDS("/bin/touch", program), .credentials = &who), &child, &error);
    CHECK_SAY(result < 0, "call %d: it started", number);
    CHECK_INT(error.stage, BROOD_STAGE_CREDENTIALS);
    CHECK_INT(audit_children(), 0);
    brood_child_free(child);
    CHECK_INT(access(program, F_OK), -1);
}

static void without_setuid(void)
{
    refuse_when_not_done(SYS_setresuid, 0);
}

static void without_setgid(void)
{
    refuse_when_not_done(SYS_setresgid, 0);
}

static void without_setgroups(void)
{
    refuse_when_not_done(SYS_setgroups, 0);
}

/* As many as there were before, but not the same. */
static void with_other_groups(void)
{
    refuse_when_not_done(SYS_setgroups, 3);
}

/* A success that is not believed: each is read back before anything of the program runs. */
TEST(i01_what_was_set_is_read_back)
{
    REQUIRE(chmod(lab_directory(), 0777) == 0);
    apart(without_setuid);
    apart(without_setgid);
    apart(without_setgroups);
    apart(with_other_groups);
}

/* Refused, it is a failed start and no program with half of its rights. */
static void as_a_plain_user(void)
{
    const struct brood_credentials rows[] = {{.uid = 0, .gid = same, .flags = BROOD_KEEP_GROUPS},
                                             {.uid = same, .gid = 0, .flags = BROOD_KEEP_GROUPS},
                                             {.uid = same, .gid = same}};
    give_groups();
    REQUIRE(setresgid(GROUP, GROUP, GROUP) == 0 && setresuid(USER, USER, USER) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct brood_child *child = NULL;
        struct brood_error error = {.stage = BROOD_STAGE_NONE};
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = TARGET("sleep"), .credentials = &rows[i]),
                              &child, &error),
                  -EPERM);
        CHECK_INT(error.stage, BROOD_STAGE_CREDENTIALS);
        brood_child_free(child);
        CHECK_INT(audit_children(), 0);
    }
}

TEST(i01_half_a_change_is_no_start)
{
    apart(as_a_plain_user);
}

/* ------------------------------------------------------------------ I02 */

/* 0: the program could open the file that its groups alone open. */
static int opens(const char *path, const struct brood_credentials *who)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/cat", path), .credentials = who, .err = A_NULL, .out = A_NULL);
    int code = result.exit.code;
    brood_result_clear(&result);
    return code;
}

/* An empty list is a list: the program is in no group, whatever the caller is in, and whatever the
 * pointer to the list is. */
static void empty_lists(void)
{
    char path[PATH_MAX];
    const uint32_t unread[] = {CLOSED}, listed[] = {FIRST, CLOSED};
    const struct brood_credentials rows[] = {
        {.uid = USER, .gid = GROUP},
        {.uid = USER, .gid = GROUP, .groups = unread},
        {.uid = USER, .gid = same},
        {.uid = same, .gid = same},
    };
    give_groups();
    (void)lab_path(path, sizeof path, "closed");
    REQUIRE(lab_write_file(path, "x", 1, 0600) == 0);
    REQUIRE(chown(path, (uid_t)0, CLOSED) == 0 && chmod(path, 0040) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tell(BROOD_OPTIONS(.credentials = &rows[i]));
        CHECK_STR(line_of("Groups:") + strcspn(line_of("Groups:"), "0123456789"), "");
        if (rows[i].uid == USER)
            CHECK(opens(path, &rows[i]) != 0);
    }
    CHECK_INT(opens(path, &(const struct brood_credentials){.uid = USER,
                                                            .gid = GROUP,
                                                            .flags = BROOD_KEEP_GROUPS}),
              0);
    CHECK_INT(opens(path,
                    &(const struct brood_credentials){
                        .uid = USER, .gid = GROUP, .groups = listed, .group_count = 2}),
              0);
    CHECK_INT(getgroups(0, NULL), 3);
}

TEST(i02_what_groups_would_open_stays_closed)
{
    apart(empty_lists);
}
