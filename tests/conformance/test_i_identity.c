/* SPDX-License-Identifier: MIT */
/*
 * Who the child is: what id(1) says in it, and that nothing of root's rights goes along, whatever
 * the caller has arranged to keep.
 *
 * Room tests. Invariant: bodies that change what the process may do run in one of their own.
 */
#include "kit.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USER = 64501, GROUP = 64502, FIRST = 64503, SECOND = 64504 };

static const char NEEDS_ROOT[] = "becoming another user needs root";

#define CREDENTIALS(...) (&(const struct brood_credentials){__VA_ARGS__})

static void in_own_process(void (*body)(void))
{
    if (!kit_is_admin())
        SKIP("%s", NEEDS_ROOT);
    IN_CHILD(body);
}

/* What a command says as that user. */
static void says(const struct brood_credentials *credentials, char *const *argv, const char *want)
{
    struct brood_result result;
    RUN(&result, .argv = argv, .credentials = credentials, .out = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_STR(result.out ? result.out : "", want);
    brood_result_clear(&result);
}

/* As the new user nobody may change the group any more. */
static void become_another(void)
{
    static const uint32_t groups[] = {FIRST, SECOND};
    const struct brood_credentials *credentials =
        CREDENTIALS(.uid = USER, .gid = GROUP, .groups = groups, .group_count = 2);
    says(credentials, WORDS("/bin/sh", "-c", "id -u; id -g; id -G"),
         "64501\n64502\n64502 64503 64504\n");
    /* Real, effective, saved: there is no way back. */
    says(credentials, WORDS("/bin/grep", "-E", "^[UG]id:", "/proc/self/status"),
         "Uid:\t64501\t64501\t64501\t64501\nGid:\t64502\t64502\t64502\t64502\n");
    CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0);
}

TEST(i01_uid_before_gid)
{
    in_own_process(become_another);
}

static void leave_the_groups(void)
{
    const gid_t own[] = {0, FIRST, SECOND};
    REQUIRE(setgroups(3, own) == 0);
    says(CREDENTIALS(.uid = USER, .gid = GROUP), WORDS("/bin/sh", "-c", "id -G"), "64502\n");
    static const uint32_t unread = FIRST; /* a list of length none is none, whatever it points to */
    says(CREDENTIALS(.uid = USER, .gid = GROUP, .groups = &unread), WORDS("/bin/sh", "-c", "id -G"),
         "64502\n");
    says(CREDENTIALS(.uid = USER, .gid = GROUP, .flags = BROOD_KEEP_GROUPS),
         WORDS("/bin/sh", "-c", "id -G"), "64502 0 64503 64504\n");
    CHECK_INT(getgroups(0, NULL), 3); /* the caller's own */
}

TEST(i02_an_empty_list_of_groups_is_ignored)
{
    in_own_process(leave_the_groups);
}

/* ------------------------------------------------------------------ capabilities */

/* Bit CAP_KILL, to be kept over exec by whoever may. */
static void raise_ambient(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    REQUIRE(syscall(SYS_capget, &header, data) == 0);
    data[0].inheritable |= 1U << CAP_KILL;
    REQUIRE(syscall(SYS_capset, &header, data) == 0);
    REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
}

static void check_child_may_nothing(uint64_t flags, const char *no_new_privileges)
{
    static const char *const sets[] = {"CapPrm:", "CapEff:", "CapAmb:"};
    char want[64];
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/cat", "/proc/self/status"), .out = A_MEMORY, .flags = flags,
        .credentials = CREDENTIALS(.uid = USER, .gid = GROUP));
    CHECK_EXITED(result.exit, 0);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        (void)snprintf(want, sizeof want, "%s\t0000000000000000\n", sets[i]);
        CHECK_HAS(result.out, want);
    }
    (void)snprintf(want, sizeof want, "NoNewPrivs:\t%s\n", no_new_privileges);
    CHECK_HAS(result.out, want);
    brood_result_clear(&result);
}

/* The kernel's own ways to keep them over a change of uid: without any, by a flag, by not looking
 * at the uid at all. */
static void keep_what_can_be_kept(void)
{
    static const unsigned long ways[] = {0, SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (int ambient = 0; ambient < 2; ambient++) {
            REQUIRE(prctl(PR_SET_SECUREBITS, ways[i], 0, 0, 0) == 0);
            if (ambient)
                raise_ambient();
            check_child_may_nothing(0, "0");
            check_child_may_nothing(BROOD_NO_NEW_PRIVS, "1");
            CHECK_INT(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), ways[i]);
            CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
            CHECK_INT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), ambient);
            REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
        }
}

TEST(i05_capabilities_that_are_kept)
{
    in_own_process(keep_what_can_be_kept);
}
