/* SPDX-License-Identifier: MIT */
/*
 * Planted defects, second part: tests that end in a wrong way, and checks that fail in odd places.
 *
 * Invariant: none of these passes (test_selftest.c).
 */
#include "harness.h"

#undef NDEBUG /* a release build, too, has to see an assert fail */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends. */

TEST_TIMEOUT(hang, 1)
{
    CHECK(true);
    for (;;)
        (void)pause();
}

TEST(assert_fails)
{
    CHECK(true);
    assert(getpid() == 0);
}

/* Nobody looks at how the child ended. */
TEST(assert_fails_in_child)
{
    pid_t pid = fork();
    if (pid == 0) {
        assert(getpid() == 0);
        _exit(0);
    }
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}

TEST(abort_in_child)
{
    pid_t pid = fork();
    if (pid == 0)
        abort();
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}

TEST(crash)
{
    CHECK(true);
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer would have its own word on it */
    (void)raise(SIGSEGV);
}

TEST(crash_in_child)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    }
    CHECK_CHILD(pid, 0);
}

TEST(early_exit)
{
    CHECK(true);
    _exit(0);
}

TEST(early_exit_by_exec)
{
    CHECK(true);
    (void)execl("/bin/true", "true", (char *)NULL);
}

TEST(child_returns)
{
    pid_t pid = fork();
    if (pid != 0)
        CHECK_INT(waitpid(pid, NULL, 0), pid);
}

/* Checks. */

TEST(check_fails)
{
    CHECK(1 + 1 == 3);
}

TEST(check_fails_in_child)
{
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_INT(1 + 1, 3);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST(check_fails_without_streams)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)syscall(SYS_close_range, 0, ~0U, 0);
        CHECK_STR("one", "other");
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static void *check_in_thread(void *unused)
{
    CHECK_HAS("some words", "other words");
    return unused;
}

TEST(check_fails_in_thread)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, check_in_thread, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

TEST(require_fails)
{
    REQUIRE(1 + 1 == 3);
    NOTE("not reached");
}

TEST(check_memory_fails)
{
    CHECK_MEM("abcd", "abxd", 4);
}

TEST(checks_nothing)
{
    NOTE("this test looks at nothing");
}

/* For the leak sanitizer alone: found where the program is built with it. */
TEST(memory_leaked)
{
    for (size_t size = 1000; size < 1010; size++) {
        char *volatile block = malloc(size);
        CHECK(block != NULL);
        block = NULL;
    }
}

TEST(skip_with_leak)
{
    CHECK(open("/dev/null", O_RDONLY) >= 0);
    SKIP("a skip hides no leak");
}
