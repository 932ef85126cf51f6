/* SPDX-License-Identifier: MIT */
/*
 * Ids that may not be had: the stage, the errno and the words, for a plain user and for a user with
 * too many processes.
 *
 * Invariant: a start that is refused has changed nobody.
 */
#include "starting.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const uint32_t same = UINT32_MAX;

#define CREDENTIALS(...) (&(const struct brood_credentials){__VA_ARGS__})
#define TRUE WORDS("/bin/true")

/* A user that nothing else in the system runs as. */
static uint32_t plain_user(void)
{
    enum { FIRST = 200000 };
    return FIRST + (uint32_t)getpid();
}

/* In a process that is a plain user, whoever runs the tests. */
static void as_plain_user(void (*body)(uint32_t user))
{
    uint32_t user = geteuid() == 0 ? plain_user() : geteuid();
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(lab_become(user) == 0);
        body(user);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static void refuse(const struct brood_credentials *wanted, const char *subject, int64_t number)
{
    for (int detached = 0; detached < 2; detached++)
        is_refused(subject,
                   BROOD_OPTIONS(.argv = TRUE, .credentials = wanted, .in = {.kind = BROOD_PIPE},
                                 .flags = detached ? BROOD_DETACHED : 0),
                   REFUSAL(.stage = BROOD_STAGE_CREDENTIALS, .code = EPERM, .has_number = true,
                           .number = number, .subject = subject,
                           .sentence = say("cannot start /bin/true: setting the %s: Operation not "
                                           "permitted",
                                           subject)));
}

static void ask_for_more(uint32_t user)
{
    static const uint32_t groups[] = {0};
    refuse(CREDENTIALS(.uid = same, .gid = same), "supplementary groups", -1);
    refuse(CREDENTIALS(.uid = same, .gid = same, .groups = groups, .group_count = 1),
           "supplementary groups", -1);
    refuse(CREDENTIALS(.uid = 0, .gid = same, .flags = BROOD_KEEP_GROUPS), "uid", 0);
    refuse(CREDENTIALS(.uid = user + 1, .gid = same, .flags = BROOD_KEEP_GROUPS), "uid", user + 1);
    refuse(CREDENTIALS(.uid = same, .gid = 0, .flags = BROOD_KEEP_GROUPS), "gid", 0);
    refuse(CREDENTIALS(.uid = 0, .gid = 0, .flags = BROOD_KEEP_GROUPS), "gid", 0);
}

TEST(what_a_plain_user_may_not)
{
    as_plain_user(ask_for_more);
}

static void ask_for_the_same(uint32_t user)
{
    runs(BROOD_OPTIONS(.argv = TRUE, .credentials = CREDENTIALS(.uid = user, .gid = getgid(),
                                                                .flags = BROOD_KEEP_GROUPS)),
         0);
    runs(BROOD_OPTIONS(.argv = TRUE, .credentials = CREDENTIALS(.uid = same, .gid = same,
                                                                .flags = BROOD_KEEP_GROUPS)),
         0);
}

TEST(what_a_plain_user_is_already)
{
    as_plain_user(ask_for_the_same);
}

/* ------------------------------------------------------------------ too many processes */

static const char too_many[] = "uid: that user has too many processes (limit nproc)";

/* The kernel counts those that the user has already. */
static struct brood_child *start_sleeper(const struct brood_credentials *credentials,
                                         const char *seconds)
{
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sleep", seconds), .credentials = credentials));
    REQUIRE(child);
    return child;
}

TEST(a_user_with_too_many_processes)
{
    if (geteuid() != 0)
        SKIP("needs root, to become somebody else");
    const uint32_t user = plain_user();
    const struct brood_credentials credentials = {.uid = user, .gid = user};
    const struct brood_rlimit none = {.resource = RLIMIT_NPROC};
    struct brood_child *first = start_sleeper(&credentials, "60");
    for (int detached = 0; detached < 2; detached++)
        is_refused("too many processes",
                   BROOD_OPTIONS(.argv = TRUE, .credentials = &credentials, .rlimits = &none,
                                 .rlimit_count = 1, .flags = detached ? BROOD_DETACHED : 0),
                   REFUSAL(.stage = BROOD_STAGE_CREDENTIALS, .code = EAGAIN, .subject = too_many,
                           .sentence = "cannot start /bin/true: setting the uid: that user has too "
                                       "many processes (limit nproc): Resource temporarily "
                                       "unavailable"));
    /* Root itself has no such limit. */
    runs(BROOD_OPTIONS(.argv = TRUE, .credentials = CREDENTIALS(.uid = 0, .gid = user),
                       .rlimits = &none, .rlimit_count = 1),
         0);
    CHECK(!brood_child_free(first));
}

static void *see_it_end(void *child)
{
    CHECK_INT(brood_child_wait(child, BOUND_MS, NULL), 0);
    return NULL;
}

/* It passes when they end. With a limit of 0 nobody would ever pass before Linux 5.14, which
 * counted the new process too; newer ones refuse the one after the limit, so two are there. */
TEST(trying_again_until_there_is_room)
{
    if (geteuid() != 0)
        SKIP("needs root, to become somebody else");
    const uint32_t user = plain_user();
    const struct brood_credentials credentials = {.uid = user, .gid = user};
    const struct brood_rlimit one = {.resource = RLIMIT_NPROC, .soft = 1, .hard = 1};
    pthread_t threads[2];
    struct brood_child *first[2] = {start_sleeper(&credentials, "1"),
                                    start_sleeper(&credentials, "1")};
    struct brood_options *options = BROOD_OPTIONS(.argv = TRUE, .credentials = &credentials,
                                                  .rlimits = &one, .rlimit_count = 1);
    is_refused("one too many", options,
               REFUSAL(.stage = BROOD_STAGE_CREDENTIALS, .code = EAGAIN, .subject = too_many));
    options->retry_ms = BOUND_MS;
    options->out = (struct brood_stream){.kind = BROOD_FILE, /* of the first try's own making */
                                         .path = lab_file("new"),
                                         .flags = BROOD_FILE_EXCLUSIVE};
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, see_it_end, first[i]) == 0);
    ends_with(start(options), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        ends_with(first[i], 0);
    }
}
