/* SPDX-License-Identifier: MIT */
/*
 * A program file that is still open for writing: told at once, or tried again for as long as was
 * asked.
 *
 * Invariant: the writer closes when it has seen a try, not after a time: inotify(7) tells of the
 * open that exec makes. (Kernels that refuse before they tell are given a bound instead.)
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { SEEN_MS = 300, RETRY_MS = 10000, SHORT_RETRY_MS = 60 };

static const char script[] = "#!/bin/sh\nexit 6\n";

/* The program, still open for writing. */
static int open_busy(const char *path)
{
    REQUIRE(lab_write_file(path, script, sizeof script - 1, 0755) == 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    REQUIRE(fd > 2);
    return fd;
}

static const struct refusal *busy(const char *path)
{
    static struct refusal want;
    want = (struct refusal){.stage = BROOD_STAGE_EXEC,
                            .code = ETXTBSY,
                            .subject = path,
                            .sentence = say("cannot start %s: %s: Text file busy", path, path)};
    return &want;
}

TEST(busy_is_told_at_once)
{
    const char *path = lab_file("program");
    int fd = open_busy(path);
    is_refused("no retry", BROOD_OPTIONS(.argv = WORDS(path)), busy(path));
    CHECK_INT(close(fd), 0);
    runs(BROOD_OPTIONS(.argv = WORDS(path)), 6);
}

TEST(busy_for_ever_ends_at_the_bound)
{
    const char *path = lab_file("program");
    int fd = open_busy(path);
    int64_t begun = lab_now_ms();
    is_refused("retry in vain", BROOD_OPTIONS(.argv = WORDS(path), .retry_ms = SHORT_RETRY_MS),
               busy(path));
    int64_t took = lab_now_ms() - begun;
    CHECK_SAY(took >= SHORT_RETRY_MS && took < BOUND_MS, "%lld ms", (long long)took);
    CHECK_INT(close(fd), 0);
}

/* One bound for all tries: the time for the start ends them, long before that for retries. */
TEST(busy_for_ever_ends_at_the_bound_of_the_start)
{
    enum { START_MS = 200, SOON_MS = 2000 };
    const char *path = lab_file("program");
    int fd = open_busy(path);
    int64_t begun = lab_now_ms();
    struct brood_child *child = NULL;
    struct brood_error error = {0};
    int result = brood_start(
        BROOD_OPTIONS(.argv = WORDS(path), .retry_ms = RETRY_MS, .start_timeout_ms = START_MS),
        &child, &error);
    /* The last try ends busy, or the bound comes while it is made. */
    bool is_busy = result == -ETXTBSY && error.stage == BROOD_STAGE_EXEC;
    bool is_late = result == -ETIMEDOUT && error.stage == BROOD_STAGE_TIMEOUT;
    CHECK_SAY(is_busy || is_late, "result %d, stage %d", result, error.stage);
    int64_t took = lab_now_ms() - begun;
    CHECK_SAY(took >= START_MS - 1 && took < SOON_MS, "%lld ms", (long long)took);
    CHECK_INT(close(fd), 0);
}

struct writer {
    int watch_fd, fd;
};

static void *close_when_tried(void *argument)
{
    const struct writer *writer = argument;
    struct pollfd event = {.fd = writer->watch_fd, .events = POLLIN};
    (void)poll(&event, 1, SEEN_MS);
    (void)close(writer->fd);
    return NULL;
}

/* Starts while a thread holds the program open until the first try. */
static void start_while_busy(struct brood_options *options, int code)
{
    const char *path = lab_file("program");
    struct writer writer = {.watch_fd = inotify_init1(IN_CLOEXEC), .fd = open_busy(path)};
    pthread_t thread;
    REQUIRE(writer.watch_fd > 2 && inotify_add_watch(writer.watch_fd, path, IN_OPEN) >= 0);
    REQUIRE(pthread_create(&thread, NULL, close_when_tried, &writer) == 0);
    options->argv = WORDS(path);
    options->retry_ms = RETRY_MS;
    ends_with(start(options), code);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(close(writer.watch_fd), 0);
}

TEST(busy_is_tried_again)
{
    start_while_busy(BROOD_OPTIONS(.flags = 0), 6);
}

/* The first try created the file; that must not make the second one fail. */
TEST(a_second_try_finds_what_the_first_created)
{
    const struct brood_stream exclusive = {
        .kind = BROOD_FILE, .path = lab_file("out"), .flags = BROOD_FILE_EXCLUSIVE};
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    start_while_busy(BROOD_OPTIONS(.in = a_pipe, .out = exclusive, .err = a_pipe), 6);
    CHECK_INT(access(lab_file("out"), F_OK), 0);
}

/* Other failures are not tried again. */
TEST(a_missing_program_is_not_waited_for)
{
    int64_t begun = lab_now_ms();
    is_refused("missing", BROOD_OPTIONS(.argv = WORDS("/no/such"), .retry_ms = 10 * RETRY_MS),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT));
    is_refused("exclusive",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .retry_ms = 10 * RETRY_MS,
                             .out = {.kind = BROOD_FILE,
                                     .path = "/dev/null",
                                     .flags = BROOD_FILE_EXCLUSIVE}),
               REFUSAL(.stage = BROOD_STAGE_OPEN, .code = EEXIST, .subject = "/dev/null"));
    CHECK(lab_now_ms() - begun < RETRY_MS);
}
