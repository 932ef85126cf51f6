/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of the moment between fork and exec, seen by others: C01, C02 and C18 of README.md.
 *
 * Invariant: what is slow here waits for the test and not for a time, so "meanwhile" is a fact.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MS = 10000, SHORT_MS = 100, SEEN_MS = 300, SEVEN = 7 };

static const char text[] = "#!/bin/sh\nexit 7\n";

/* ------------------------------------------------------------------ C01 */

/* A copy of this process that was made while the program was open for writing, and lives on until
 * `let_go` is closed: the writer's own close does not end the writing. */
struct copy {
    int let_go;
    pid_t pid;
};

static struct copy copy_with(const char *program)
{
    int gate[2], fd = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    REQUIRE(fd > 2 && write(fd, text, sizeof text - 1) == sizeof text - 1);
    REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
    struct copy copy = {.let_go = gate[1], .pid = fork()};
    REQUIRE(copy.pid >= 0);
    if (copy.pid == 0) {
        char byte;
        (void)close(gate[1]);
        _exit(read(gate[0], &byte, 1) != 0);
    }
    REQUIRE(close(gate[0]) + close(fd) == 0);
    return copy;
}

static void copy_ends(struct copy copy)
{
    CHECK_INT(close(copy.let_go), 0);
    CHECK_CHILD(copy.pid, 0);
}

/* The copy ends when the start is seen to have tried: then a later try must succeed. */
TEST(c01_text_busy_is_tried_again)
{
    char program[PATH_MAX];
    struct copy copy = copy_with(lab_path(program, sizeof program, "program"));
    int watch = inotify_init1(IN_CLOEXEC);
    REQUIRE(watch > 2 && inotify_add_watch(watch, program, IN_OPEN) >= 0);
    struct kit_attempt attempt;
    kit_attempt_begin(&attempt, BROOD_OPTIONS(.argv = WORDS(program), .retry_ms = RETRY_MS));
    struct pollfd tried = {.fd = watch, .events = POLLIN};
    (void)poll(&tried, 1, SEEN_MS); /* not every kernel tells of an open that it then refuses */
    copy_ends(copy);
    kit_attempt_end(&attempt);
    CHECK_INT(close(watch), 0);
    REQUIRE(attempt.result == 0);
    CHECK_EXITED(END_OF(attempt.child), SEVEN);
    brood_child_free(attempt.child);
}

/* Held for ever, the start says so, in bounded time, and as what it is. */
TEST(c01_text_busy_for_ever)
{
    static const int64_t bounds[] = {0, SHORT_MS};
    char program[PATH_MAX];
    struct copy copy = copy_with(lab_path(program, sizeof program, "program"));
    for (size_t i = 0; i < 2; i++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        int64_t begun = lab_now_ms();
        int result = brood_start(BROOD_OPTIONS(.argv = WORDS(program), .retry_ms = bounds[i]),
                                 &child, &error);
        CHECK_INT(result, -ETXTBSY);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
        CHECK(lab_now_ms() - begun < KIT_BOUND_MS);
    }
    copy_ends(copy);
    struct brood_child *child = START(.argv = WORDS(program));
    CHECK_EXITED(END_OF(child), SEVEN);
    brood_child_free(child);
}

enum { WRITERS = 4, PROGRAMS = 25 };

struct writer {
    pthread_t thread;
    char program[PATH_MAX];
    unsigned wrong;
};

static void *write_and_start(void *argument)
{
    struct writer *writer = argument;
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct brood_child *child = NULL;
        struct brood_exit end = {.kind = 0};
        int fd = open(writer->program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        bool is_written = fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1;
        (void)close(fd);
        int result = brood_start(
            BROOD_OPTIONS(.argv = WORDS(writer->program), .retry_ms = RETRY_MS), &child, NULL);
        if (result == 0)
            (void)brood_child_wait(child, KIT_BOUND_MS, &end);
        writer->wrong += !is_written || result < 0 || end.code != SEVEN;
        brood_child_free(child);
    }
    return NULL;
}

/* The race as it is met in the wild: each thread writes a program, closes it and starts it, and is
 * busy only because another one's start holds a copy of its descriptor for a moment. */
TEST_TIMEOUT(c01_text_busy_among_threads, 60)
{
    static struct writer writers[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "program%u", i);
        (void)lab_path(writers[i].program, PATH_MAX, name);
        REQUIRE(pthread_create(&writers[i].thread, NULL, write_and_start, &writers[i]) == 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_INT(pthread_join(writers[i].thread, NULL), 0);
        CHECK_INT(writers[i].wrong, 0);
    }
}

/* ------------------------------------------------------------------ C02 */

/* Once a start has returned, well or badly, no copy of the caller's descriptors is left in the new
 * process: the caller's close is then the last one, and what close reports is its own. */
static void is_the_last_close(const struct brood_options *options)
{
    int ends[2];
    struct brood_child *child = NULL;
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    (void)brood_start(options, &child, NULL);
    CHECK_INT(close(ends[1]), 0);
    /* exec lets go of the caller's memory a moment before its descriptors: hence a bound. */
    struct pollfd hung_up = {.fd = ends[0], .events = POLLIN};
    CHECK_INT(poll(&hung_up, 1, KIT_BOUND_MS), 1);
    CHECK_INT(hung_up.revents, POLLHUP);
    CHECK_INT(close(ends[0]), 0);
    if (child)
        CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT); /* it lives, and holds nothing */
    brood_child_free(child);
}

TEST(c02_a_close_after_a_start_is_the_last)
{
    char fifo[PATH_MAX];
    REQUIRE(mkfifo(lab_path(fifo, sizeof fifo, "fifo"), 0600) == 0);
    is_the_last_close(BROOD_OPTIONS(.argv = TARGET("sleep"), .out = A_NULL));
    is_the_last_close(BROOD_OPTIONS(.argv = TARGET("sleep"), .out = A_NULL, .retry_ms = 1,
                                    .start_timeout_ms = KIT_BOUND_MS));
    is_the_last_close(BROOD_OPTIONS(.argv = WORDS("/no/such/program")));
    is_the_last_close(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .start_timeout_ms = SHORT_MS,
                                    .in = {.kind = BROOD_FILE, .path = fifo}));
}

/* ------------------------------------------------------------------ C18 */

enum { STALLED = 4 };

/* Starts that hang between fork and exec, each in a thread of its own: their child opens a FIFO
 * that nobody writes to. Returns when all of them hang there. `older` is a child from before. */
static void stall(struct kit_attempt *attempts, const struct brood_options *options, pid_t older)
{
    pid_t pids[STALLED + 1];
    ssize_t count = 0;
    for (unsigned i = 0; i < STALLED; i++)
        kit_attempt_begin(&attempts[i], options);
    for (int64_t bound = lab_now_ms() + KIT_BOUND_MS; count <= STALLED && lab_now_ms() < bound;)
        count = audit_list_children(pids, STALLED + 1);
    REQUIRE(count == STALLED + 1);
    for (unsigned i = 0; i <= STALLED; i++)
        CHECK(pids[i] == older || kit_in_state(pids[i], "S"));
}

/* Opens the FIFO for writing, so that all of them go on. */
static void let_go(struct kit_attempt *attempts, const char *fifo)
{
    int fd = open(fifo, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    REQUIRE(fd > 2);
    for (unsigned i = 0; i < STALLED; i++) {
        kit_attempt_end(&attempts[i]);
        REQUIRE(attempts[i].result == 0);
        CHECK_EXITED(END_OF(attempts[i].child), SEVEN);
        brood_child_free(attempts[i].child);
    }
    CHECK_INT(close(fd), 0);
}

/* Everything that a program and the library do besides. */
static void live_on(struct brood_child *older)
{
    struct brood_result result;
    char line[16];
    CHECK(brood_child_write(older, "a\n", 2, KIT_BOUND_MS) == 2);
    CHECK(lab_read_line(brood_child_stream(older, BROOD_OUT), line, sizeof line, KIT_BOUND_MS) ==
          1);
    RUN(&result, .argv = TARGET("print", "out"), .out = A_MEMORY);
    CHECK_STR(result.out, "out");
    brood_result_clear(&result);
    struct brood_child *child = START(.argv = TARGET("sleep"), .out = A_PIPE, .in = A_PIPE);
    READY(child);
    CHECK_INT(brood_child_stop(child, KIT_BOUND_MS, NULL), 0);
    brood_child_free(child);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
    CHECK(brood_plan_text(BROOD_OPTIONS(.argv = TARGET("exit", "0")), NULL, 0, NULL) > 0);
    REQUIRE(setenv("C18", "1", 1) == 0 && unsetenv("C18") == 0);
    free(malloc(1 << 20));
}

/* No start waits for another one's exec, and nor does anything else: the stalled ones can only
 * return once the test opens their FIFO, which it does when all the rest is done. */
TEST_TIMEOUT(c18_a_slow_exec_is_slow_alone, 60)
{
    struct kit_attempt attempts[STALLED];
    char fifo[PATH_MAX];
    REQUIRE(mkfifo(lab_path(fifo, sizeof fifo, "fifo"), 0600) == 0);
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "7"), .in = {.kind = BROOD_FILE, .path = fifo});
    struct brood_child *older = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    stall(attempts, options, brood_child_pid(older));
    for (int i = 0; i < 10; i++)
        live_on(older);
    for (unsigned i = 0; i < STALLED; i++)
        CHECK_INT(pthread_tryjoin_np(attempts[i].thread, NULL), EBUSY); /* it still hangs there */
    let_go(attempts, fifo);
    CHECK_INT(brood_child_close_stream(older, BROOD_IN), 0);
    CHECK_EXITED(END_OF(older), 0);
    brood_child_free(older);
}
