/* SPDX-License-Identifier: MIT */
/*
 * Writing to a child and reading from it: bounds, partial counts, end-of-file, and never a SIGPIPE,
 * on a kernel that knows how and on an older one.
 *
 * Room tests. Invariant: SIGPIPE has its default disposition, so one that is raised ends the test.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHORT_MS = 150, SOON_MS = 5000, MUCH = 1 << 20 };

static char much[MUCH];

static bool pipe_is_pending(void)
{
    sigset_t pending;
    (void)sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

static void block_pipe(int how)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(how, &set, NULL);
}

static struct brood_child *deaf_child(uint32_t kind)
{
    struct brood_child *child =
        START(.argv = TARGET("close-stdin"), .in = {.kind = kind}, .out = A_PIPE);
    (void)READY(child);
    return child;
}

static void broken_pipe(uint32_t kind)
{
    struct brood_child *child = deaf_child(kind);
    CHECK_INT(brood_child_write(child, "x", 1, SOON_MS), -EPIPE);
    CHECK_INT(brood_child_write(child, much, sizeof much, BROOD_FOREVER), -EPIPE);
    block_pipe(SIG_BLOCK);
    CHECK_INT(brood_child_write(child, "x", 1, SOON_MS), -EPIPE);
    CHECK(!pipe_is_pending());
    block_pipe(SIG_UNBLOCK);
    brood_child_free(child);
}

/* Somebody else's SIGPIPE waits already: it still waits afterwards. */
static void pending_stays(void)
{
    struct brood_child *child = deaf_child(BROOD_PIPE);
    block_pipe(SIG_BLOCK);
    (void)pthread_kill(pthread_self(), SIGPIPE);
    CHECK(pipe_is_pending());
    CHECK_INT(brood_child_write(child, "x", 1, SOON_MS), -EPIPE);
    CHECK(pipe_is_pending());
    sigset_t set;
    int number = 0;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    CHECK_INT(sigwait(&set, &number), 0);
    CHECK(!pipe_is_pending());
    block_pipe(SIG_UNBLOCK);
    brood_child_free(child);
}

static void full_pipe(uint32_t flags)
{
    struct brood_child *child =
        START(.argv = TARGET("sleep"), .in = {.kind = BROOD_PIPE, .flags = flags}, .out = A_PIPE);
    (void)READY(child);
    int64_t before = lab_now_ms();
    ssize_t count = brood_child_write(child, much, sizeof much, SHORT_MS);
    int64_t took = lab_now_ms() - before;
    CHECK_SAY(count > 0 && count < MUCH, "%zd written", count);
    CHECK_SAY(took >= SHORT_MS - 1 && took < SOON_MS, "%d ms", (int)took);
    CHECK_INT(brood_child_write(child, "x", 1, 0), -ETIMEDOUT);
    CHECK_INT(brood_child_write(child, much, sizeof much, SHORT_MS), -ETIMEDOUT);
    int file_flags = fcntl(brood_child_stream(child, BROOD_IN), F_GETFL);
    CHECK_INT(!!(file_flags & O_NONBLOCK), flags != 0);
    brood_child_free(child);
}

/* A reader that takes a little and goes: the count of what went, then EPIPE. */
static void reader_that_goes(void)
{
    struct brood_child *child = START(.argv = TARGET("read", "10"), .in = A_PIPE);
    ssize_t count = brood_child_write(child, much, sizeof much, SOON_MS);
    CHECK_SAY(count >= 10 && count < MUCH, "%zd written", count);
    CHECK_EXITED(END_OF(child), 0);
    CHECK_INT(brood_child_write(child, "x", 1, SOON_MS), -EPIPE);
    brood_child_free(child);
}

struct writing {
    pthread_t thread;
    struct brood_child *child;
    ssize_t count;
};

static void *write_much(void *argument)
{
    struct writing *writing = argument;
    writing->count = brood_child_write(writing->child, much, sizeof much, KIT_BOUND_MS);
    CHECK_INT(brood_child_close_stream(writing->child, BROOD_IN), 0);
    return NULL;
}

/* Through cat and back, byte for byte, with another thread writing. */
static void through_cat(uint32_t flags)
{
    static char back[MUCH + 1];
    struct writing writing = {.child = START(.argv = TARGET("cat"),
                                             .in = {.kind = BROOD_PIPE, .flags = flags},
                                             .out = {.kind = BROOD_PIPE, .flags = flags})};
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)(i * 7 + i / 251);
    REQUIRE(pthread_create(&writing.thread, NULL, write_much, &writing) == 0);
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0) {
        got = brood_child_read(writing.child, BROOD_OUT, back + length, sizeof back - length,
                               KIT_BOUND_MS);
        length += got > 0 ? (size_t)got : 0;
    }
    CHECK_INT(got, 0);
    CHECK_INT(pthread_join(writing.thread, NULL), 0);
    CHECK_INT(writing.count, MUCH);
    CHECK_INT(length, MUCH);
    CHECK_MEM(back, much, sizeof much);
    CHECK_INT(brood_child_read(writing.child, BROOD_OUT, back, 1, 0), 0); /* it stays ended */
    CHECK_EXITED(END_OF(writing.child), 0);
    brood_child_free(writing.child);
}

static void all_of_it(void)
{
    broken_pipe(BROOD_PIPE);
    broken_pipe(BROOD_SOCKET);
    pending_stays();
    full_pipe(0);
    full_pipe(BROOD_STREAM_NONBLOCK);
    reader_that_goes();
    through_cat(0);
    through_cat(BROOD_STREAM_NONBLOCK);
}

TEST(on_this_kernel)
{
    all_of_it();
}

/* As before Linux 6.18, by each of the answers that such a kernel or a filter may give. */
TEST_TIMEOUT(on_an_older_kernel, 60)
{
    static const int codes[] = {EOPNOTSUPP, EINVAL, ENOSYS};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            kit_refuse_call(SYS_pwritev2, codes[i]);
            all_of_it();
            _exit(0);
        }
        CHECK_CHILD(pid, 0);
    }
}
