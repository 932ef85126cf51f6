/* SPDX-License-Identifier: MIT */
/*
 * H: a reader that has gone, a pipe that takes little at a time, a reader that the child has left
 * behind.
 *
 * Room tests. Invariant: what writes is seen on this kernel and on one that knows no write without
 * a signal.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { MUCH = 1 << 20, ROUNDS = 8 };

static char much[MUCH];

/* In processes of their own, as what they install and refuse stays with them. */
static void on_each_kernel(void (*body)(void))
{
    for (int older = 0; older < 2; older++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            if (older)
                kit_refuse_call(SYS_pwritev2, EOPNOTSUPP);
            body();
            _exit(0);
        }
        CHECK_SAY(CHECK_CHILD(pid, 0), "%s", older ? "an older kernel" : "this kernel");
    }
}

/* ------------------------------------------------------------------ H02 */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    (void)number;
    caught = caught + 1;
}

static void write_to_deaf(uint32_t kind)
{
    struct brood_child *child =
        START(.argv = TARGET("close-stdin"), .in = {.kind = kind}, .out = A_PIPE);
    (void)READY(child);
    CHECK_INT(brood_child_write(child, "x", 1, KIT_BOUND_MS), -EPIPE);
    CHECK_INT(brood_child_write(child, much, sizeof much, BROOD_FOREVER), -EPIPE);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT); /* it is alive, only deaf */
    brood_child_free(child);
}

/* It goes in the middle of a write. Beside other starts the first refusal may be late, as a new
 * process has a copy of every descriptor until its exec; once it is there it stays. */
static void write_to_leaving(uint32_t kind)
{
    struct brood_child *child =
        START(.argv = WORDS("head", "-c", "70000"), .in = {.kind = kind}, .out = A_NULL);
    ssize_t count = brood_child_write(child, much, sizeof much, BROOD_FOREVER);
    CHECK_SAY(count >= 70000 && count < MUCH, "%zd written", count);
    CHECK_INT(brood_child_write(child, much, sizeof much, BROOD_FOREVER), -EPIPE);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

static void run_a_deaf_one(void)
{
    struct brood_result result;
    RUN(&result, .argv = WORDS("/bin/sh", "-c", "exec <&-; echo deaf"), .out = A_MEMORY,
        .in = {.kind = BROOD_MEMORY, .input = much, .input_length = sizeof much});
    CHECK_EXITED(result.exit, 0);
    CHECK_STR(result.out, "deaf\n");
    brood_result_clear(&result);
}

static void *write_beside(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        write_to_leaving(BROOD_PIPE);
        write_to_leaving(BROOD_SOCKET);
    }
    return unused;
}

static void all_broken(void)
{
    (void)write_beside(NULL);
    run_a_deaf_one();
}

/* By default it would end the caller. */
static void broken_by_default(void)
{
    REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    write_to_deaf(BROOD_PIPE);
    write_to_deaf(BROOD_SOCKET);
    all_broken();
}

/* Nor does a handler see it, of this thread or of another one. */
static void broken_with_a_handler(void)
{
    pthread_t thread;
    REQUIRE(signal(SIGPIPE, on_signal) != SIG_ERR);
    write_to_deaf(BROOD_PIPE);
    write_to_deaf(BROOD_SOCKET);
    REQUIRE(pthread_create(&thread, NULL, write_beside, NULL) == 0);
    all_broken();
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_INT(caught, 0);
    CHECK(raise(SIGPIPE) == 0 && caught == 1); /* it is still there */
}

TEST(h02_broken_pipe_ends_the_caller)
{
    on_each_kernel(broken_by_default);
    on_each_kernel(broken_with_a_handler);
}

/* ------------------------------------------------------------------ H07 */

struct writing {
    pthread_t thread;
    struct brood_child *child;
    size_t length;
};

static void *write_and_close(void *argument)
{
    struct writing *writing = argument;
    CHECK_INT(brood_child_write(writing->child, much, writing->length, KIT_BOUND_MS),
              writing->length);
    CHECK_INT(brood_child_close_stream(writing->child, BROOD_IN), 0);
    return NULL;
}

static void through_a_page(size_t length, uint32_t flags)
{
    static char back[MUCH];
    struct writing writing = {.length = length};
    const struct brood_stream stream = {.kind = BROOD_PIPE, .flags = flags};
    writing.child = START(.argv = TARGET("cat"), .in = stream, .out = stream);
    CHECK_INT(fcntl(brood_child_stream(writing.child, BROOD_IN), F_SETPIPE_SZ, 4096), 4096);
    CHECK_INT(fcntl(brood_child_stream(writing.child, BROOD_OUT), F_SETPIPE_SZ, 4096), 4096);
    /* Empty: the bound's answer, not the descriptor's. */
    CHECK_INT(brood_child_read(writing.child, BROOD_OUT, back, sizeof back, 0), -ETIMEDOUT);
    REQUIRE(pthread_create(&writing.thread, NULL, write_and_close, &writing) == 0);
    size_t got = 0;
    ssize_t count;
    while ((count = brood_child_read(writing.child, BROOD_OUT, back + got, sizeof back - got,
                                     KIT_BOUND_MS)) > 0)
        got += (size_t)count;
    CHECK_INT(count, 0);
    REQUIRE(pthread_join(writing.thread, NULL) == 0);
    if (CHECK_INT(got, length))
        CHECK_MEM(back, much, length);
    CHECK_EXITED(END_OF(writing.child), 0);
    brood_child_free(writing.child);
}

/* Calls are cut short by signals all the while. */
static void little_at_a_time(void)
{
    static const size_t lengths[] = {1, 4095, 4096, 4097, 8192, 100001, MUCH - 1};
    const struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    const struct itimerval often = {{.tv_usec = 1000}, {.tv_usec = 1000}}, never = {0};
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)(i * 13 + i / 509);
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        through_a_page(lengths[i], 0);
        through_a_page(lengths[i], BROOD_STREAM_NONBLOCK);
    }
    REQUIRE(setitimer(ITIMER_REAL, &never, NULL) == 0);
    NOTE("%d signals", (int)caught);
}

TEST(h07_parts_and_refusals_of_our_own_end)
{
    on_each_kernel(little_at_a_time);
}

/* ------------------------------------------------------------------ H08 */

/* The child ends and leaves one behind that holds its input and reads nothing yet. */
static const char leaves_a_reader[] =
    "exec 3<&0; (exec >&- 2>&-; read go <\"$1/fifo\"; exec cat <&3 >\"$1/copy\") & "
    "echo $! >\"$1/pid\"; exit 7";

static void make_fifo(void)
{
    char path[PATH_MAX];
    REQUIRE(mkfifo(lab_path(path, sizeof path, "fifo"), 0600) == 0);
}

/* Lets it read and waits until it has ended. Returns how much it read. */
static ssize_t let_read(char *copy, size_t size)
{
    char path[PATH_MAX], text[32] = "";
    int fd = open(lab_path(path, sizeof path, "fifo"), O_WRONLY | O_CLOEXEC);
    CHECK(fd > 2 && write(fd, "go\n", 3) == 3 && close(fd) == 0);
    CHECK(lab_read_file(lab_path(path, sizeof path, "pid"), text, sizeof text) > 0);
    REQUIRE(atoi(text) > 1);
    CHECK_INT(lab_wait_gone(atoi(text), KIT_BOUND_MS), 0);
    return lab_read_file(lab_path(path, sizeof path, "copy"), copy, size);
}

/* More than any pipe holds is no reason for a run to stay, and is there for who was left. */
TEST(h08_writer_stalls_after_the_end)
{
    static char copy[MUCH + 1];
    struct brood_result result;
    make_fifo();
    memset(much, 'm', sizeof much);
    RUN(&result, .argv = WORDS("/bin/sh", "-c", leaves_a_reader, "sh", lab_directory()),
        .in = {.kind = BROOD_MEMORY, .input = much, .input_length = sizeof much}, .out = A_MEMORY,
        .drain_ms = KIT_BOUND_MS);
    CHECK_EXITED(result.exit, 7);
    CHECK_INT(result.exit.cause, BROOD_CAUSE_OWN);
    CHECK_INT(result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    brood_result_clear(&result);
    CHECK_INT(let_read(copy, sizeof copy), MUCH);
    CHECK_MEM(copy, much, MUCH);
}

/* By hand, the bound of the write is the bound; the child's end is told meanwhile. */
TEST(h08_writer_stalls_after_the_end_by_hand)
{
    static char copy[MUCH];
    make_fifo();
    struct brood_child *child =
        START(.argv = WORDS("/bin/sh", "-c", leaves_a_reader, "sh", lab_directory()), .in = A_PIPE,
              .out = A_NULL);
    CHECK_EXITED(END_OF(child), 7);
    ssize_t count = brood_child_write(child, much, sizeof much, 50);
    CHECK_SAY(count > 0 && count < MUCH, "%zd written", count);
    CHECK_INT(brood_child_write(child, much, sizeof much, 0), -ETIMEDOUT);
    brood_child_free(child); /* our end goes with it, so the reader comes to its end */
    CHECK_INT(let_read(copy, sizeof copy), count);
}
