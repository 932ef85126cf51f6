/* SPDX-License-Identifier: MIT */
/*
 * Tests of what other tests lean on: the laboratory, the helper program, and the audit where a
 * sweep calls it itself.
 *
 * Invariant: what the helper program tells is compared with what this process knows by other means.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_MS = 10000 };

static char text[65536];
static struct audit before;

/* A child that runs the helper program with its stdout on a pipe. */
struct started {
    pid_t pid;
    int out;
};

static struct started start_target(char *const *argv)
{
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (dup2(ends[1], 1) == 1)
            (void)execv(lab_child_program(), argv);
        _exit(127);
    }
    (void)close(ends[1]);
    return (struct started){pid, ends[0]};
}

#define ARGV(...) ((char *[]){(char[]){"target"}, __VA_ARGS__, NULL})
#define WORD(word) ((char[]){word})

/* Runs the helper program; its output is in `text`. */
static void run_target(char *const *argv, int code)
{
    struct started target = start_target(argv);
    CHECK(lab_read_all(target.out, text, sizeof text, BOUND_MS) >= 0);
    CHECK_CHILD(target.pid, code);
    (void)close(target.out);
}

TEST(target_tells_arguments)
{
    run_target(ARGV(WORD("echo-args"), WORD(""), WORD("a b"), WORD("'\"$")), 0);
    CHECK_STR(text, "0 \n3 a b\n3 '\"$\n");
}

TEST(target_tells_descriptors)
{
    int fd = open("/dev/zero", O_WRONLY | O_APPEND);
    char line[64];
    REQUIRE(fd > 2);
    run_target(ARGV(WORD("fds")), 0);
    (void)snprintf(line, sizeof line, "%d cloexec=0 flags=0%o /dev/zero\n", fd,
                   (unsigned)fcntl(fd, F_GETFL));
    CHECK_HAS(text, line);
    CHECK_HAS(text, "0 cloexec=0 flags=0100000 /dev/null\n1 cloexec=0 flags=01 pipe:[");
    CHECK_INT(close(fd), 0);
    run_target(ARGV(WORD("nonblock")), 0);
    CHECK_STR(text, "0 blocking\n1 blocking\n2 blocking\n");
}

TEST(target_tells_to_a_file)
{
    char path[4096], told[4096];
    (void)lab_path(path, sizeof path, "told");
    run_target(ARGV(WORD("-o"), path, WORD("fds")), 0);
    CHECK_STR(text, "");
    CHECK(lab_read_file(path, told, sizeof told) > 0);
    CHECK(!strstr(told, path));
}

TEST(target_tells_process_state)
{
    char want[4200], here[4096];
    struct rlimit limit;
    run_target(ARGV(WORD("cwd")), 0);
    (void)snprintf(want, sizeof want, "%s\n", getcwd(here, sizeof here));
    CHECK_STR(text, want);
    run_target(ARGV(WORD("umask")), 0);
    CHECK_STR(text, "0022\n");
    run_target(ARGV(WORD("nice")), 0);
    (void)snprintf(want, sizeof want, "%d\n", getpriority(PRIO_PROCESS, 0));
    CHECK_STR(text, want);
    run_target(ARGV(WORD("limits")), 0);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    (void)snprintf(want, sizeof want, "\n%d %lld %lld\n", (int)RLIMIT_NOFILE,
                   (long long)limit.rlim_cur, (long long)limit.rlim_max);
    CHECK_HAS(text, want);
    run_target(ARGV(WORD("session")), 0);
    (void)snprintf(want, sizeof want, "ppid %d pgid %d sid %d\n", (int)getpid(), (int)getpgrp(),
                   (int)getsid(0));
    CHECK_HAS(text, want);
    run_target(ARGV(WORD("env"), WORD("PATH")), getenv("PATH") ? 0 : 1);
    (void)snprintf(want, sizeof want, "%s\n", getenv("PATH") ? getenv("PATH") : "(unset)");
    CHECK_STR(text, want);
}

TEST(target_tells_signals)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    REQUIRE(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    run_target(ARGV(WORD("signals")), 0);
    CHECK_HAS(text, "SigBlk:\t0000000000000200\n");
    CHECK_HAS(text, "SigIgn:\t0000000000000000\n");
    CHECK_INT(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

TEST(target_ends_as_told)
{
    run_target(ARGV(WORD("exit"), WORD("42")), 42);
    run_target(ARGV(WORD("no-such-verb")), 64);
    int status = 0;
    struct started target = start_target(ARGV(WORD("kill"), WORD("10")));
    CHECK_INT(waitpid(target.pid, &status, 0), target.pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == 10 && !WCOREDUMP(status));
    CHECK_INT(close(target.out), 0);
}

TEST(target_prints_much)
{
    run_target(ARGV(WORD("flood"), WORD("30000")), 0);
    CHECK_INT(strlen(text), 30000);
    for (size_t i = 0; i < 30000; i++)
        if (text[i] != 'a' + (int)(i % 26) && !CHECK_INT(text[i], 'a' + (int)(i % 26)))
            break;
    run_target(ARGV(WORD("print"), WORD("words")), 0);
    CHECK_STR(text, "words");
    run_target(ARGV(WORD("burn"), WORD("20")), 0);
    CHECK_STR(text, "");
}

/* The pid that a verb prints after "ready", which is an event as well. */
static pid_t ready_pid(int out)
{
    char line[64] = "";
    CHECK(lab_read_line(out, line, sizeof line, BOUND_MS) > 0);
    return strncmp(line, "ready ", 6) == 0 ? (pid_t)atoi(line + 6) : 0;
}

/* The stream stays open as long as the grandchild lives, and it is nobody's child here. */
TEST(target_leaves_a_grandchild)
{
    char verbs[2][16] = {"grandchild", "daemonise"};
    for (size_t i = 0; i < 2; i++) {
        struct started target = start_target(ARGV(verbs[i], WORD("60000")));
        pid_t left = ready_pid(target.out);
        REQUIRE(left > 1);
        CHECK_CHILD(target.pid, 0);
        CHECK_INT(lab_wait_gone(left, 0), -ETIMEDOUT);
        CHECK_INT(lab_read_all(target.out, text, sizeof text, 10), -ETIMEDOUT);
        CHECK_INT(kill(left, SIGKILL), 0);
        CHECK_INT(lab_wait_gone(left, BOUND_MS), 0);
        CHECK_INT(lab_read_all(target.out, text, sizeof text, BOUND_MS), 0);
        CHECK_INT(close(target.out), 0);
    }
}

TEST(target_meets_signals)
{
    struct started target = start_target(ARGV(WORD("ignore-term"), WORD("60000")));
    CHECK_INT(lab_read_line(target.out, text, sizeof text, BOUND_MS), 5);
    CHECK_INT(kill(target.pid, SIGTERM), 0);
    CHECK_INT(lab_wait_gone(target.pid, 20), -ETIMEDOUT);
    CHECK(strchr("SR", lab_process_state(target.pid)) != NULL);
    CHECK_INT(kill(target.pid, SIGKILL), 0);
    CHECK_INT(lab_wait_gone(target.pid, BOUND_MS), 0);
    CHECK_INT(lab_process_state(target.pid), 'Z');
    CHECK_INT(waitpid(target.pid, NULL, 0), target.pid);
    CHECK_INT(lab_process_state(target.pid), 0);
    CHECK_INT(close(target.out), 0);

    target = start_target(ARGV(WORD("catch-term"), WORD("7")));
    CHECK_INT(lab_read_line(target.out, text, sizeof text, BOUND_MS), 5);
    CHECK_INT(kill(target.pid, SIGTERM), 0);
    CHECK_CHILD(target.pid, 7);
    CHECK_INT(close(target.out), 0);
}

TEST(reads_are_bounded)
{
    int ends[2];
    char line[8];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    CHECK_INT(lab_read_line(ends[0], line, sizeof line, 10), -ETIMEDOUT);
    CHECK_INT(write(ends[1], "one\ntwo", 7), 7);
    CHECK_INT(lab_read_line(ends[0], line, sizeof line, 10), 3);
    CHECK_STR(line, "one");
    CHECK_INT(lab_read_line(ends[0], line, sizeof line, 10), -ETIMEDOUT);
    CHECK_STR(line, "two");
    CHECK_INT(write(ends[1], "0123456789", 10), 10);
    CHECK_INT(lab_read_all(ends[0], line, sizeof line, 10), 7);
    CHECK_INT(close(ends[1]), 0);
    CHECK_INT(lab_read_line(ends[0], line, sizeof line, 10), -EPIPE);
    CHECK_STR(line, "789");
    CHECK_INT(lab_read_line(-1, line, sizeof line, 10), -ETIMEDOUT);
    CHECK_INT(close(ends[0]), 0);
}

TEST(files_are_whole)
{
    char path[4096];
    struct stat status;
    CHECK_INT(lab_write_file(lab_path(path, sizeof path, "file"), "abc\0def", 7, 0755), 0);
    CHECK_INT(lab_read_file(path, text, sizeof text), 7);
    CHECK_MEM(text, "abc\0def", 8);
    CHECK_INT(stat(path, &status), 0);
    CHECK_INT(status.st_mode & 07777, 0755);
    CHECK_INT(lab_read_file(path, text, 3), 2);
    CHECK_INT(lab_read_file("/nonexistent", text, sizeof text), -ENOENT);
    CHECK_INT(lab_write_file("/nonexistent/file", "", 0, 0600), -ENOENT);
}

/* Exactly as many as asked, with a hole among the used numbers, and the audit works with none; a
 * child may still move any of its descriptors. */
TEST(descriptors_made_scarce)
{
    int held[16];
    int low = dup(0), high = dup(0);
    REQUIRE(low >= 0 && high > low && close(low) == 0);
    struct audit whole;
    audit_take(&whole);
    for (unsigned want = 0; want <= 12; want++) {
        long old = lab_leave_fds(want);
        REQUIRE(old > 0);
        audit_take(&before);
        unsigned got = 0;
        while (got < 16 && (held[got] = dup(0)) >= 0)
            got++;
        CHECK_INT(got, want);
        CHECK_INT(dup2(0, high), high);
        struct audit starved;
        audit_take(&starved);
        CHECK_INT(starved.fd_count, before.fd_count + want);
        while (got > 0)
            (void)close(held[--got]);
        CHECK_SAY(audit_compare(&before, text, sizeof text) == 0, "%s", text);
        CHECK_INT(lab_restore_fds(old), 0);
        CHECK_SAY(audit_compare(&whole, text, sizeof text) == 0, "%s", text);
    }
    CHECK_INT(close(high), 0);
}

TEST(audit_finds_a_child_without_descriptors)
{
    long old = lab_leave_fds(0);
    audit_take(&before);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    CHECK_INT(audit_children(), 1);
    CHECK_INT(audit_compare(&before, text, sizeof text), 1);
    CHECK_HAS(text, "children changed: ");
    CHECK_CHILD(pid, 0);
    CHECK_INT(audit_compare(&before, text, sizeof text), 0);
    CHECK_INT(audit_children(), 0);
    CHECK_INT(lab_restore_fds(old), 0);
}

/* More than the tables hold. */
TEST(audit_counts_beyond_its_tables)
{
    enum { MANY = AUDIT_FDS + 50 };
    int fds[MANY];
    audit_take(&before);
    for (int i = 0; i < MANY; i++)
        REQUIRE((fds[i] = dup(0)) >= 0);
    CHECK(audit_compare(&before, text, sizeof text) > 0);
    CHECK_INT(lab_count_fds(), MANY + (int)before.fd_count);
    struct audit many;
    audit_take(&many);
    CHECK_INT(dup2(1, fds[MANY - 1]), fds[MANY - 1]);
    CHECK_INT(audit_compare(&many, text, sizeof text), 1);
    CHECK_HAS(text, "descriptors beyond the first");
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    CHECK_INT(audit_compare(&before, text, sizeof text), 0);
}

/* Words that do not fit are still counted, and nothing is written beyond the end. */
TEST(audit_words_are_bounded)
{
    char why[32];
    memset(why, '!', sizeof why);
    audit_take(&before);
    int one = dup(0), other = dup(0);
    CHECK_INT(audit_compare(&before, why, 24), 2);
    CHECK(strnlen(why, sizeof why) < 24);
    CHECK_INT(why[24], '!');
    CHECK_INT(audit_compare(&before, NULL, 0), 2);
    (void)close(one);
    (void)close(other);
}

TEST(audit_is_cheap_and_takes_no_heap)
{
    enum { ROUNDS = 2000 };
    audit_take(&before);
    size_t heap = heap_in_use();
    int64_t begun = lab_now_ms();
    unsigned differences = 0;
    for (int i = 0; i < ROUNDS; i++)
        differences += audit_compare(&before, text, sizeof text);
    int64_t took = lab_now_ms() - begun;
    CHECK_INT(differences, 0);
    CHECK_INT(heap_in_use(), heap);
    NOTE("one comparison takes %lld us", (long long)(took * 1000 / ROUNDS));
}

TEST(heap_is_seen_to_grow)
{
    size_t heap = heap_in_use();
    char *volatile block = malloc(100000); /* volatile: or the compiler does without */
    CHECK(block != NULL);
    CHECK(heap_in_use() >= heap + 100000);
    free(block);
    CHECK(heap_in_use() < heap + 100000);
}
