/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of programs that change what they are by exec: C17 of README.md.
 *
 * Invariant: everything is tried by a plain user whom nothing else runs as, in a process apart.
 */
#include "kit.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char program[PATH_MAX], owner[PATH_MAX];

/* All that an owner does, with a program that is more than its owner. Its real user is still the
 * owner's, so nothing of it may fail. */
static void is_ours(const struct brood_options *given)
{
    struct brood_options options = *given;
    options.argv = WORDS(program, "sleep");
    options.out.kind = BROOD_PIPE;
    struct brood_child *child = kit_start(&options, __FILE__, __LINE__);
    READY(child);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_signal(child, 0), 0);
    struct brood_exit end = {.kind = 0};
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, &end), 0);
    CHECK_KILLED(end, SIGTERM);
    brood_child_free(child);

    child = kit_start(&options, __FILE__, __LINE__);
    READY(child);
    pid_t pid = brood_child_pid(child);
    brood_child_free(child);
    CHECK_INT(lab_process_state(pid), 0);

    options.argv = WORDS(program, "exit", "9");
    child = kit_start(&options, __FILE__, __LINE__);
    CHECK_EXITED(END_OF(child), 9);
    brood_child_free(child);
    CHECK_INT(audit_children(), 0);
}

static void all_ways(void)
{
    is_ours(BROOD_OPTIONS(.flags = 0));
    is_ours(BROOD_OPTIONS(.start_timeout_ms = KIT_BOUND_MS));
    is_ours(BROOD_OPTIONS(.flags = BROOD_NEW_GROUP, .scope = BROOD_SCOPE_GROUP));
    is_ours(BROOD_OPTIONS(.flags = BROOD_NEW_SESSION, .start_timeout_ms = KIT_BOUND_MS));
}

/* It has become its file's owner in every respect: no signal of ours reaches it. Every call says
 * so, none waits for what cannot come, and its end is still ours to know. */
static void is_no_longer_ours(void)
{
    struct brood_exit end = {.kind = 0};
    char line[16] = "";
    struct brood_child *child =
        START(.argv = WORDS(owner, "become-owner"), .in = A_PIPE, .out = A_PIPE);
    CHECK(lab_read_line(brood_child_stream(child, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) > 0);
    if (!strcmp(line, "ready")) {
        CHECK_INT(brood_child_signal(child, SIGTERM), -EPERM);
        CHECK_INT(brood_child_stop(child, 0, &end), -EPERM);
        CHECK_INT(brood_child_wait(child, 0, &end), -ETIMEDOUT);
    } else {
        NOTE("the directory of tests is mounted nosuid");
    }
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 3);
    brood_child_free(child);
    CHECK_INT(audit_children(), 0);
}

static void as_plain_user(void (*body)(void))
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        uid_t user = kit_plain_user();
        REQUIRE(lab_become(user) == 0);
        body();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST_TIMEOUT(c17_a_setuid_program, 40)
{
    if (geteuid() != 0)
        SKIP("making a setuid program needs root");
    kit_copy_program(program, sizeof program, kit_target, 06755);
    as_plain_user(all_ways);
}

TEST_TIMEOUT(c17_a_program_with_capabilities, 40)
{
    const struct vfs_cap_data raw = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                                     .data[0].permitted = UINT32_C(1) << CAP_NET_RAW};
    if (geteuid() != 0)
        SKIP("giving a file capabilities needs root");
    kit_copy_program(program, sizeof program, kit_target, 0755);
    if (setxattr(program, "security.capability", &raw, sizeof raw, 0) < 0)
        NOTE("the file has no capabilities here: errno %d", errno);
    as_plain_user(all_ways);
}

TEST_TIMEOUT(c17_a_program_that_became_its_owner, 40)
{
    if (geteuid() != 0)
        SKIP("making a setuid program needs root");
    kit_copy_program(owner, sizeof owner, kit_odd, 04755);
    as_plain_user(is_no_longer_ours);
}
