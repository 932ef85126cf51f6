/* SPDX-License-Identifier: MIT */
/*
 * All or nothing, when somebody dies or gives up in the middle of a start: the new process, its
 * parent, the thread that asked.
 *
 * Room tests. Invariant: it is the middle, because the new process is seen to stand there (held.h).
 */
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHORT_MS = 300, MOST_PIPES = 64 };

/* ------------------------------------------------------------------ the parent dies */

/* A process that starts and is never answered. */
static pid_t fork_starter(const struct brood_options *options)
{
    pid_t parent = fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        struct brood_child *child;
        (void)brood_start(options, &child, NULL);
        _exit(1);
    }
    return parent;
}

static void kill_starter(pid_t parent)
{
    int status = 0;
    CHECK_INT(kill(parent, SIGKILL), 0);
    CHECK_INT(waitpid(parent, &status, 0), parent);
    CHECK(WIFSIGNALED(status)); /* it had not returned */
}

/* One descriptor that is a pipe: its inode and direction. */
struct pipe_end {
    unsigned long inode;
    int mode;
};

static bool read_pipe_end(const char *path, struct pipe_end *ret)
{
    char target[64], info[300], name[64];
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (sscanf(target, "pipe:[%lu]", &ret->inode) != 1)
        return false;
    int pid = 0, fd = 0;
    REQUIRE(sscanf(path, "/proc/%d/fd/%d", &pid, &fd) == 2);
    (void)snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", pid, fd);
    REQUIRE(lab_read_file(name, info, sizeof info) > 0);
    const char *flags = strstr(info, "flags:");
    REQUIRE(flags != NULL);
    ret->mode = (int)strtol(flags + 6, NULL, 8) & O_ACCMODE;
    return true;
}

/* Nobody can wait for the end of a pipe that it holds open itself. */
static int count_pipes_held_at_both_ends(pid_t pid)
{
    struct pipe_end ends[MOST_PIPES];
    char pattern[64];
    glob_t list;
    size_t count = 0;
    int both = 0;
    (void)snprintf(pattern, sizeof pattern, "/proc/%d/fd/*", (int)pid);
    REQUIRE(glob(pattern, 0, NULL, &list) == 0);
    for (size_t i = 0; i < list.gl_pathc && count < MOST_PIPES; i++)
        count += read_pipe_end(list.gl_pathv[i], &ends[count]);
    globfree(&list);
    CHECK(count >= 2); /* it has pipes */
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            both += ends[i].inode == ends[j].inode && ends[i].mode != ends[j].mode;
    return both;
}

TEST(a02_self_writer_pipe)
{
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .in = A_PIPE, .out = A_PIPE, .err = A_PIPE);
    (void)READY(child);
    CHECK_INT(count_pipes_held_at_both_ends(brood_child_pid(child)), 0);
    brood_child_free(child);

    /* The new process waits for no word from a parent that may be dead by now. */
    struct held held;
    held_open(&held);
    pid_t parent = fork_starter(
        BROOD_OPTIONS(.argv = TARGET("cat"), .in = HELD_IN(&held), .out = A_PIPE, .err = A_PIPE));
    pid_t pid = held_wait(parent);
    kill_starter(parent);
    held_let_go(&held);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

/* The FIFO stays closed: only a bound of the new process's own ends it. */
TEST(a11_parent_dies_mid_start)
{
    struct held held;
    held_open(&held);
    pid_t parent = fork_starter(BROOD_OPTIONS(.argv = TARGET("sleep"), .in = HELD_IN(&held),
                                              .out = A_PIPE, .start_timeout_ms = SHORT_MS));
    pid_t pid = held_wait(parent);
    kill_starter(parent);
    CHECK_INT(lab_wait_gone(pid, KIT_BOUND_MS), 0);
}

/* ------------------------------------------------------------------ the new process dies */

static void kill_before_exec(int number, int64_t start_timeout_ms)
{
    static struct audit before;
    char why[1024];
    struct held held;
    held_open(&held);
    audit_take(&before);
    kit_attempt_begin(&held.attempt,
                      BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = HELD_IN(&held),
                                    .out = A_PIPE, .start_timeout_ms = start_timeout_ms));
    CHECK_INT(kill(held_wait(getpid()), number), 0);
    kit_attempt_end(&held.attempt);
    CHECK(held.attempt.result < 0);
    CHECK(held.attempt.child == NULL);
    CHECK_INT(held.attempt.error.stage, BROOD_STAGE_OPEN); /* where it stood */
    CHECK_INT(held.attempt.error.detail, BROOD_DETAIL_KILLED);
    CHECK_INT(held.attempt.error.number, number);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    CHECK_INT(unlink(held.fifo), 0);
}

/* SIGKILL alone: all others are blocked until the last step before exec. */
TEST(a10_killed_before_exec_reads_as_success)
{
    kill_before_exec(SIGKILL, 0);
    kill_before_exec(SIGKILL, 2 * KIT_BOUND_MS);
}

/* ------------------------------------------------------------------ the thread is cancelled */

/* A cancelled thread does not return from its frames, and the sanitizer would not notice. */
#define MAY_BE_CANCELLED __attribute__((no_sanitize_address))

struct cancelled {
    const struct brood_options *options;
    int type;
    struct brood_child *child;
    pid_t started; /* seen by the cleanup handler */
};

static void own_it(void *argument)
{
    struct cancelled *cancelled = argument;
    if (cancelled->child)
        cancelled->started = brood_child_pid(cancelled->child);
    cancelled->child = brood_child_free(cancelled->child);
}

MAY_BE_CANCELLED static void *start_and_be_cancelled(void *argument)
{
    struct cancelled *cancelled = argument;
    pthread_cleanup_push(own_it, cancelled);
    (void)pthread_setcanceltype(cancelled->type, NULL);
    (void)brood_start(cancelled->options, &cancelled->child, NULL);
    pthread_testcancel();
    FAIL("not cancelled");
    pthread_cleanup_pop(1);
    return NULL;
}

/* The start is finished first, then the thread ends, and its handler has the child. */
static void cancel_in_the_middle(int type, int64_t start_timeout_ms)
{
    static struct audit before;
    char why[1024];
    struct held held;
    pthread_t thread;
    void *end = NULL;
    held_open(&held);
    audit_take(&before);
    struct cancelled cancelled = {.type = type,
                                  .options = BROOD_OPTIONS(.argv = TARGET("sleep"),
                                                           .in = HELD_IN(&held), .out = A_PIPE,
                                                           .start_timeout_ms = start_timeout_ms)};
    REQUIRE(pthread_create(&thread, NULL, start_and_be_cancelled, &cancelled) == 0);
    pid_t pid = held_wait(getpid());
    CHECK_INT(pthread_cancel(thread), 0);
    CHECK_INT(kill(pid, 0), 0); /* it goes on */
    held_let_go(&held);
    CHECK_INT(pthread_join(thread, &end), 0);
    CHECK(end == PTHREAD_CANCELED);
    CHECK_INT(cancelled.started, pid);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    CHECK_INT(unlink(held.fifo), 0);
}

TEST(a18_cancelled_between_fork_and_registration)
{
    cancel_in_the_middle(PTHREAD_CANCEL_DEFERRED, 0);
    cancel_in_the_middle(PTHREAD_CANCEL_DEFERRED, 2 * KIT_BOUND_MS);
    cancel_in_the_middle(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
    cancel_in_the_middle(PTHREAD_CANCEL_ASYNCHRONOUS, 2 * KIT_BOUND_MS);
}
