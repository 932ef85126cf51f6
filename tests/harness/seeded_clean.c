/* SPDX-License-Identifier: MIT */
/*
 * Clean tests beside the planted defects: what a test may do, and the harness must let pass.
 *
 * Invariant: every name begins with clean_.
 */
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(clean_checks)
{
    char same[] = "same", also[] = "same";
    CHECK(true);
    CHECK_INT(1 + 1, 2);
    CHECK_STR(same, also);
    CHECK_MEM(same, also, sizeof same);
    CHECK_HAS("some words", "words");
    REQUIRE(CHECK_SAY(1 < 2, "one is %d", 1));
    NOTE("a figure: %d", 42);
}

TEST(clean_child)
{
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_INT(chdir("/proc"), 0);
        (void)umask(0);
        CHECK_INT(open("/dev/null", O_RDONLY) < 0, 0);
        _exit(7);
    }
    CHECK_CHILD(pid, 7);
}

/* An orphan that the test waits for, though it cannot reap it. */
TEST(clean_orphan)
{
    int ends[2];
    char line[32];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    pid_t middle = fork();
    if (middle == 0) {
        pid_t last = fork();
        if (last == 0)
            (void)dprintf(ends[1], "%d\n", (int)getpid());
        _exit(0);
    }
    CHECK_CHILD(middle, 0);
    (void)close(ends[1]);
    CHECK(lab_read_line(ends[0], line, sizeof line, 5000) > 0);
    CHECK_INT(lab_wait_gone((pid_t)atoi(line), 5000), 0);
    (void)close(ends[0]);
}

TEST(clean_restored)
{
    sigset_t set, old;
    sigfillset(&set);
    int fd = dup(0);
    CHECK(fd > 2);
    CHECK_INT(sigprocmask(SIG_SETMASK, &set, &old), 0);
    void (*action)(int) = signal(SIGUSR1, SIG_IGN);
    mode_t mask = umask(0);
    CHECK_INT(dup2(fd, 0), 0);
    CHECK_INT(close(fd), 0);
    (void)umask(mask);
    (void)signal(SIGUSR1, action);
    CHECK_INT(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

static void *pass_in_thread(void *unused)
{
    CHECK(unused == NULL);
    return unused;
}

TEST(clean_threads)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, pass_in_thread, NULL), 0);
    for (int i = 0; i < 8; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

TEST(clean_directory)
{
    char path[4096], inner[4200];
    CHECK_INT(mkdir(lab_path(path, sizeof path, "closed"), 0700), 0);
    (void)snprintf(inner, sizeof inner, "%s/file", path);
    CHECK_INT(lab_write_file(inner, "x", 1, 0600), 0);
    CHECK_INT(symlink("/", lab_path(inner, sizeof inner, "root")), 0);
    CHECK_INT(chmod(path, 0), 0);
    NOTE("directory %s", lab_directory());
}

TEST(clean_skip)
{
    SKIP("nothing to see");
}
