/* SPDX-License-Identifier: MIT */
/*
 * A moment without room for another process: told as such, or tried again until there is room.
 *
 * Invariant: the room is made when the starter is seen to wait in its backoff, not after a time.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SOMEBODY = 64321, ROOMY = 64, RETRY_MS = 15000 };

/* A user that runs nothing else, and may have one process: this one. */
static void become_somebody_alone(void)
{
    const struct rlimit alone = {.rlim_cur = 1, .rlim_max = ROOMY};
    REQUIRE(lab_become(SOMEBODY) == 0);
    REQUIRE(setrlimit(RLIMIT_NPROC, &alone) == 0);
}

/* Waits until the main thread sleeps on the clock, by the number of its system call; then there is
 * room. */
static void *make_room(void *unused)
{
    const struct rlimit roomy = {.rlim_cur = ROOMY, .rlim_max = ROOMY};
    const char *path = lab_proc("self/task/%d/syscall", (int)getpid());
    char text[64];
    bool waits = false;
    for (int64_t end = lab_now_ms() + BOUND_MS; !waits && lab_now_ms() < end;)
        waits = lab_read_file(path, text, sizeof text) > 0 && atoi(text) == SYS_clock_nanosleep;
    CHECK(waits);
    CHECK_INT(setrlimit(RLIMIT_NPROC, &roomy), 0);
    return unused;
}

/* Starts as that user, and lets another thread make room once the start waits. */
static int start_until_there_is_room(const struct brood_options *options, struct brood_error *error)
{
    struct brood_child *child = NULL;
    pthread_t thread;
    become_somebody_alone();
    REQUIRE(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* or /proc is closed to this user */
    struct rlimit limit = {.rlim_cur = ROOMY, .rlim_max = ROOMY};
    REQUIRE(setrlimit(RLIMIT_NPROC, &limit) == 0);
    REQUIRE(pthread_create(&thread, NULL, make_room, NULL) == 0);
    limit.rlim_cur = 1;
    REQUIRE(setrlimit(RLIMIT_NPROC, &limit) == 0);
    int result = brood_start(options, &child, error);
    CHECK_INT(pthread_join(thread, NULL), 0);
    ends_with(child, 0);
    return result;
}

/* Runs `body` in a process that only root can make. */
static void as_root(void (*body)(void))
{
    if (geteuid() != 0)
        SKIP("needs root, to become a user that runs nothing else");
    REQUIRE(chmod(lab_directory(), 0777) == 0);
    IN_CHILD(body);
}

static void is_told(void)
{
    become_somebody_alone();
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    const struct refusal want = {
        .stage = BROOD_STAGE_CREATE,
        .code = EAGAIN,
        .sentence = "cannot start /bin/true: new process: Resource temporarily unavailable"};
    is_refused(
        "at once",
        BROOD_OPTIONS(.argv = WORDS("/bin/true"), .in = a_pipe, .out = a_pipe, .err = a_pipe),
        &want);
    is_refused("in vain", BROOD_OPTIONS(.argv = WORDS("/bin/true"), .retry_ms = 20), &want);
    const struct rlimit roomy = {.rlim_cur = ROOMY, .rlim_max = ROOMY};
    REQUIRE(setrlimit(RLIMIT_NPROC, &roomy) == 0);
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/true")), 0);
}

TEST(no_room_is_told)
{
    as_root(is_told);
}

static void starts_in_the_end(void)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_error error;
    int result = start_until_there_is_room(BROOD_OPTIONS(.argv = WORDS("/bin/true"),
                                                         .retry_ms = RETRY_MS, .in = a_pipe,
                                                         .out = {.kind = BROOD_FILE,
                                                                 .path = lab_file("new"),
                                                                 .flags = BROOD_FILE_EXCLUSIVE}),
                                           &error);
    CHECK_INT(result, 0);
    CHECK_INT(access(lab_file("new"), F_OK), 0);
}

TEST(it_starts_when_there_is_room)
{
    as_root(starts_in_the_end);
}

/* The first try made no process, so it opened nothing: the file that is there is another's. */
static void still_refuses_the_file(void)
{
    struct brood_error error = {.stage = -1};
    char got[16];
    REQUIRE(lab_write_file(lab_file("old"), "old", 3, 0666) == 0);
    int result =
        start_until_there_is_room(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .retry_ms = RETRY_MS,
                                                .out = {.kind = BROOD_FILE,
                                                        .path = lab_file("old"),
                                                        .flags = BROOD_FILE_EXCLUSIVE}),
                                  &error);
    CHECK_INT(result, -EEXIST);
    CHECK_INT(error.stage, BROOD_STAGE_OPEN);
    CHECK_INT(lab_read_file(lab_file("old"), got, sizeof got), 3);
}

TEST(an_exclusive_file_stays_exclusive)
{
    as_root(still_refuses_the_file);
}
