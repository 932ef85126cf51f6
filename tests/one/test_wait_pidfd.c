/* SPDX-License-Identifier: MIT */
/*
 * Waiting where the pidfd answers little: the kernel's record of a status that somebody took is
 * not to be had, or the descriptor itself was closed by somebody. What is not known is said to be
 * lost, never to be an end with 0; and a closed descriptor is no end at all.
 *
 * Room tests. Invariant: the status is really taken, and the descriptor really closed, first.
 */
#include "facts.h"
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOON_MS = 5000 };

/* ESRCH: as from a kernel that has forgotten; the others from one that never knew. */
static void wait_for_a_stolen_one(int code)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        kit_refuse_call(SYS_ioctl, code);
        int64_t before = lab_now_ms();
        struct brood_child *child = START(.argv = TARGET("exit", "7"));
        CHECK_INT(waitpid(brood_child_pid(child), NULL, 0), brood_child_pid(child));
        struct brood_exit end = END_OF(child);
        CHECK_INT(end.kind, BROOD_LOST);
        CHECK_INT(end.code, -1);
        CHECK_SAY(brood_exit_code(&end) != 0, "a lost status is a success to a shell");
        brood_child_free(child);
        CHECK(lab_now_ms() - before < SOON_MS);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST(a_status_without_a_record_is_lost)
{
    static const int codes[] = {ESRCH, ENOTTY, EINVAL, EPERM};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        wait_for_a_stolen_one(codes[i]);
}

/* Somebody closed what was not theirs. The process is then the test's own to end. */
TEST(a_closed_pidfd_is_no_end)
{
    if (!facts_have_pidfds())
        SKIP("there are no pidfds here");
    struct brood_exit end = {.kind = UINT32_MAX};
    struct brood_child *child = START(.argv = TARGET("sleep"));
    pid_t pid = brood_child_pid(child);
    CHECK_INT(close(brood_child_pidfd(child)), 0);
    CHECK_INT(brood_child_wait(child, 0, &end), -EBADF);
    int64_t before = lab_now_ms();
    CHECK_INT(brood_child_wait(child, KIT_BOUND_MS, &end), -EBADF);
    CHECK_INT(brood_child_wait(child, BROOD_FOREVER, &end), -EBADF);
    CHECK_INT(brood_child_signal(child, SIGTERM), -EBADF);
    CHECK(lab_now_ms() - before < SOON_MS);
    CHECK_INT(end.kind, UINT32_MAX); /* written on success only */
    brood_child_free(child);
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}
