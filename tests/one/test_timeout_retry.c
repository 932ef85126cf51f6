/* SPDX-License-Identifier: MIT */
/*
 * retry_ms without room for another process: tried again for a while when asked, and an error
 * within the bound when no room comes. (test_exec_busy.c has the other thing that passes by
 * itself.)
 *
 * Room tests. Invariant: without retry_ms the same start fails, in the same test.
 */
#include "kit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RETRY_MS = 300, GENEROUS = 20 };

/* A plain user with room for so many processes and threads, this one included. */
static void become_plain(unsigned room)
{
    const struct rlimit limit = {room, room};
    uid_t user = kit_plain_user();
    REQUIRE(lab_become(user) == 0);
    REQUIRE(setrlimit(RLIMIT_NPROC, &limit) == 0);
}

/* A program that such a user may start, wherever the build lies. */
static pid_t fork_plain(char *program, size_t size)
{
    if (geteuid() != 0)
        SKIP("running as another user needs root");
    kit_copy_program(program, size, kit_target, 0755);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    return pid;
}

static void check_no_room(const char *program, int64_t retry_ms)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    int64_t before = lab_now_ms();
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS(program, "exit", "0"), .retry_ms = retry_ms),
                          &child, &error),
              -EAGAIN);
    int64_t took = lab_now_ms() - before;
    CHECK_INT(error.stage, BROOD_STAGE_CREATE);
    CHECK_INT(error.code, EAGAIN);
    CHECK_SAY(took >= retry_ms && took < (retry_ms ? retry_ms : 100) * GENEROUS, "took %d ms",
              (int)took);
}

TEST(without_room_for_a_process_a_start_fails)
{
    static struct audit before;
    char program[PATH_MAX], why[1024];
    pid_t pid = fork_plain(program, sizeof program);
    if (pid == 0) {
        become_plain(1);
        audit_take(&before);
        check_no_room(program, 0);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
        check_no_room(program, RETRY_MS);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static void *reap(void *child)
{
    return (void *)(intptr_t)brood_child_wait(child, KIT_BOUND_MS, NULL);
}

TEST(room_that_comes_in_time_is_used)
{
    char program[PATH_MAX];
    pid_t pid = fork_plain(program, sizeof program);
    if (pid == 0) {
        pthread_t reaper;
        become_plain(3); /* this thread, the reaper, one child */
        struct brood_child *first = START(.argv = WORDS(program, "sleep", "300"));
        REQUIRE(pthread_create(&reaper, NULL, reap, first) == 0);
        check_no_room(program, 0);
        struct brood_child *second =
            START(.argv = WORDS(program, "exit", "4"), .retry_ms = KIT_BOUND_MS);
        CHECK_EXITED(END_OF(second), 4);
        (void)pthread_join(reaper, NULL);
        brood_child_free(second);
        brood_child_free(first);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}
