/* SPDX-License-Identifier: MIT */
/*
 * What is refused before anything is made of it: every contradiction and malformed value, with the
 * whole sentence that the caller reads; and the rules of size for older and newer callers.
 *
 * Invariant: a row is options and a sentence; the same function runs each through brood_start(),
 * brood_run() and brood_plan_text(), whichever shall refuse it.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BY_START = 1, BY_RUN = 2, BY_PRINT = 4, BY_ALL = 7 };

/* What the sentences begin with: options that cannot be read do not tell their program. */
static const char *named = "true";

/* The sentence after "cannot start true: ". */
static void refuse_by(int calls, const struct brood_options *options, int code,
                      const char *sentence, const struct refusal *numbered)
{
    struct refusal want = {.stage = BROOD_STAGE_OPTIONS,
                           .code = code,
                           .detail = BROOD_DETAIL_TEXT,
                           .subject = sentence,
                           .sentence = say("cannot start %s: %s", named, sentence)};
    if (numbered) {
        want.has_number = true;
        want.number = numbered->number;
    }
    if (calls & BY_START)
        is_refused(sentence, options, &want);
    if (calls & BY_RUN)
        run_is_refused(sentence, options, &want);
    if (calls & BY_PRINT) {
        struct brood_error error;
        char text[64] = "untouched", said[512];
        CHECK_INT(brood_plan_text(options, text, sizeof text, &error), -code);
        CHECK_STR(text, "untouched");
        CHECK_STR(brood_error_text(&error, said, sizeof said), want.sentence);
        CHECK_INT(brood_plan_text(options, NULL, 0, NULL), -code);
    }
}

#define ROW(calls, sentence, ...)                                                                  \
    refuse_by(calls, BROOD_OPTIONS(.argv = WORDS("true"), __VA_ARGS__), EINVAL, sentence, NULL)

TEST(words)
{
    refuse_by(BY_ALL, BROOD_OPTIONS(.program = "true"), EINVAL, "argv must have at least one word",
              NULL);
    refuse_by(BY_ALL, BROOD_OPTIONS(.program = "true", .argv = NO_WORDS), EINVAL,
              "argv must have at least one word", NULL);
    ROW(BY_ALL, "BROOD_SHELL runs /bin/sh: leave program out", .program = "true",
        .flags = BROOD_SHELL);
    ROW(BY_ALL, "env: not NAME=VALUE: 'FOO'", .env = WORDS("A=1", "FOO"));
    ROW(BY_ALL, "env: not NAME=VALUE: '=x'", .env = WORDS("=x"));
    ROW(BY_ALL, "env: not NAME=VALUE: ''", .env = WORDS(""));
    ROW(BY_ALL, "env_set: not NAME=VALUE: 'FOO'", .env_set = WORDS("FOO"));
    ROW(BY_ALL, "env_set: not NAME=VALUE: '=x'", .env_set = WORDS("A=", "=x"));
    ROW(BY_ALL, "env_unset: not a name: 'A=1'", .env_unset = WORDS("A=1"));
    ROW(BY_ALL, "env_unset: not a name: ''", .env_unset = WORDS("A", ""));
}

TEST(flags_and_choices)
{
    for (unsigned bit = 12; bit < 64; bit++)
        ROW(BY_ALL, "flags has unknown bits", .flags = UINT64_C(1) << bit);
    for (unsigned bit = 2; bit < 32; bit++)
        ROW(BY_ALL, "signals has unknown bits", .signals = UINT32_C(1) << bit);
    ROW(BY_ALL, "search is not a known value", .search = 3);
    ROW(BY_ALL, "scope is not a known value", .scope = 2);
    ROW(BY_ALL, "scope group needs BROOD_NEW_GROUP or BROOD_NEW_SESSION",
        .scope = BROOD_SCOPE_GROUP);
    ROW(BY_ALL, "BROOD_NEW_SESSION makes a group itself: leave out BROOD_NEW_GROUP",
        .flags = BROOD_NEW_SESSION | BROOD_NEW_GROUP);
    ROW(BY_ALL, "join_group is not a process group", .join_group = -5);
    ROW(BY_ALL, "join_group is not a process group", .join_group = 1);
    ROW(BY_ALL, "join_group contradicts a new session or group", .join_group = 2,
        .flags = BROOD_NEW_GROUP);
    ROW(BY_ALL, "join_group contradicts a new session or group", .join_group = 2,
        .flags = BROOD_NEW_SESSION);
    ROW(BY_ALL, "BROOD_FOREGROUND needs BROOD_NEW_GROUP or join_group", .flags = BROOD_FOREGROUND);
}

/* What makes a session itself contradicts groups, asked for with it or not. */
TEST(sessions_of_their_own)
{
    static const char detached[] =
        "BROOD_DETACHED makes a session itself: leave out groups and BROOD_FOREGROUND";
    static const char terminal[] =
        "a pseudoterminal makes a session itself: leave out groups and BROOD_FOREGROUND";
    ROW(BY_ALL, detached, .flags = BROOD_DETACHED | BROOD_NEW_GROUP);
    ROW(BY_ALL, detached, .flags = BROOD_DETACHED | BROOD_FOREGROUND);
    ROW(BY_ALL, detached, .flags = BROOD_DETACHED, .join_group = 2);
    ROW(BY_ALL, "a detached process has no scope but itself", .flags = BROOD_DETACHED,
        .scope = BROOD_SCOPE_GROUP);
    ROW(BY_RUN, "brood_run() stays until the end: nothing is detached", .flags = BROOD_DETACHED);
    ROW(BY_ALL, terminal, .flags = BROOD_NEW_GROUP, .in = {.kind = BROOD_PTY});
    ROW(BY_ALL, terminal, .flags = BROOD_NEW_GROUP | BROOD_FOREGROUND, .out = {.kind = BROOD_PTY});
    ROW(BY_ALL, terminal, .join_group = 2, .err = {.kind = BROOD_PTY});
}

TEST(credentials)
{
#define CREDENTIALS(...)                                                                           \
    .credentials = &(const struct brood_credentials)                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
    const uint32_t groups[1] = {0};
    for (unsigned bit = 1; bit < 32; bit++)
        ROW(BY_ALL, "credentials.flags has unknown bits", CREDENTIALS(.flags = UINT32_C(1) << bit));
    for (unsigned i = 0; i < 3; i++)
        ROW(BY_ALL, "a reserved member is not zero", CREDENTIALS(.reserved = {[2] = i + 1}));
    ROW(BY_ALL, "group_count without groups", CREDENTIALS(.group_count = 1));
    ROW(BY_ALL, "BROOD_KEEP_GROUPS contradicts a list of groups",
        CREDENTIALS(.groups = groups, .group_count = 1, .flags = BROOD_KEEP_GROUPS));
    ROW(BY_ALL, "group_count is above 65536", CREDENTIALS(.groups = groups, .group_count = 65537));
#undef CREDENTIALS
}

TEST(where_and_how_it_runs)
{
    static const uint64_t none[1024];
    ROW(BY_ALL, "oom_score_adj is not within -1000..1000", .flags = BROOD_SET_OOM_SCORE_ADJ,
        .oom_score_adj = 1001);
    ROW(BY_ALL, "oom_score_adj is not within -1000..1000", .flags = BROOD_SET_OOM_SCORE_ADJ,
        .oom_score_adj = INT32_MIN);
    ROW(BY_ALL, "cgroup is empty", .cgroup = "");
    ROW(BY_ALL, "cpu_words without cpus", .cpu_words = 1);
    ROW(BY_ALL, "cpu_words is above 1024", .cpus = none, .cpu_words = 1025);
    ROW(BY_ALL, "cpus has no processor in it", .cpus = none, .cpu_words = 1024);
    ROW(BY_ALL, "cpus has no processor in it", .cpus = none, .cpu_words = 0);
}

TEST(values)
{
    const struct brood_rlimit reserved = {.resource = RLIMIT_CORE, .reserved = 1};
    const struct brood_rlimit crossed = {.resource = RLIMIT_CORE, .soft = 2, .hard = 1};
    ROW(BY_ALL, "umask is not within 0..0777", .flags = BROOD_SET_UMASK, .umask = 01000);
    ROW(BY_ALL, "nice is not within -20..19", .flags = BROOD_SET_NICE, .nice = 20);
    ROW(BY_ALL, "nice is not within -20..19", .flags = BROOD_SET_NICE, .nice = -21);
    ROW(BY_ALL, "SIGKILL and SIGSTOP cannot be ignored",
        .ignore_signals = UINT64_C(1) << (SIGKILL - 1));
    ROW(BY_ALL, "SIGKILL and SIGSTOP cannot be ignored",
        .ignore_signals = UINT64_C(1) << (SIGSTOP - 1));
    ROW(BY_ALL, "a soft limit is above its hard limit", .rlimits = &crossed, .rlimit_count = 1);
    ROW(BY_ALL, "a reserved member is not zero", .rlimits = &reserved, .rlimit_count = 1);
    ROW(BY_ALL, "a reserved member is not zero", .reserved = 1);
    ROW(BY_ALL, "a reserved member is not zero", .reserved1 = 1);
}

/* What would be without effect. */
TEST(values_that_nothing_reads)
{
    ROW(BY_ALL, "umask is given without BROOD_SET_UMASK", .umask = 022);
    ROW(BY_ALL, "nice is given without BROOD_SET_NICE", .nice = -1);
    ROW(BY_ALL, "cwd_fd is given without BROOD_SET_CWD_FD", .cwd_fd = 3);
    ROW(BY_ALL, "oom_score_adj is given without BROOD_SET_OOM_SCORE_ADJ", .oom_score_adj = 1,
        .flags = BROOD_SET_NICE);
    ROW(BY_ALL, "user is given without before_exec", .user = &named);
    static const char fd[] = "fd is for a stream of kind BROOD_FD";
    ROW(BY_ALL, fd, .in = {.fd = 1});
    ROW(BY_ALL, fd, .out = {.kind = BROOD_NULL, .fd = -1});
    static const char path[] = "path is for a stream of kind BROOD_FILE";
    ROW(BY_ALL, path, .out = {.path = "x"});
    ROW(BY_ALL, path, .err = {.kind = BROOD_MERGE, .path = "x"});
    static const char mode[] = "create_mode is for a BROOD_FILE that is written";
    ROW(BY_ALL, mode, .in = {.kind = BROOD_FILE, .path = "x", .create_mode = 0600});
    ROW(BY_ALL, mode, .out = {.kind = BROOD_PIPE, .create_mode = 0600});
    static const char input[] = "input is for in of kind BROOD_MEMORY";
    ROW(BY_ALL, input, .in = {.input = "x", .input_length = 1});
    ROW(BY_ALL, input, .in = {.kind = BROOD_NULL, .input_length = 1});
    ROW(BY_RUN, input, .out = {.kind = BROOD_MEMORY, .input = "x"});
    static const char limit[] = "output_limit is for out and err of kind BROOD_MEMORY";
    ROW(BY_ALL, limit, .in = {.kind = BROOD_MEMORY, .output_limit = 1});
    ROW(BY_ALL, limit, .err = {.kind = BROOD_NULL, .output_limit = 1});
}

TEST(durations)
{
    static const char negative[] = "a duration is negative: 0 is none";
    static const char stays[] =
        "timeout_ms, grace_ms and drain_ms need a call that stays: use brood_run()";
    ROW(BY_ALL, negative, .start_timeout_ms = -1);
    ROW(BY_ALL, negative, .retry_ms = -1);
    ROW(BY_ALL, negative, .timeout_ms = -1);
    ROW(BY_ALL, negative, .grace_ms = INT64_MIN);
    ROW(BY_ALL, negative, .drain_ms = -1);
    ROW(BY_ALL, "start_timeout_ms is above 10^12", .start_timeout_ms = INT64_MAX);
    ROW(BY_START, stays, .timeout_ms = 1);
    ROW(BY_START, stays, .grace_ms = 1);
    ROW(BY_START, stays, .drain_ms = 1);
}

TEST(streams)
{
    static const char kinds[] = "a stream has flags that its kind does not know";
    ROW(BY_ALL, "a stream has an unknown kind", .in = {.kind = 10});
    ROW(BY_ALL, "a stream has an unknown kind", .err = {.kind = UINT32_MAX});
    ROW(BY_ALL, kinds, .out = {.kind = BROOD_FILE, .path = "x", .flags = 64});
    ROW(BY_ALL, kinds, .out = {.flags = BROOD_FILE_APPEND});
    ROW(BY_ALL, kinds, .out = {.kind = BROOD_NULL, .flags = BROOD_STREAM_NONBLOCK});
    ROW(BY_ALL, kinds, .out = {.kind = BROOD_PIPE, .flags = BROOD_FILE_KEEP});
    ROW(BY_ALL, kinds, .out = {.kind = BROOD_CLOSED, .flags = BROOD_OUTPUT_DISCARD});
    ROW(BY_ALL, "a reserved member is not zero", .out = {.reserved = {0, 0, 1}});
    ROW(BY_START, "output to memory needs a call that stays: use brood_run()",
        .out = {.kind = BROOD_MEMORY});
    ROW(BY_START, "output to memory needs a call that stays: use brood_run()",
        .err = {.kind = BROOD_MEMORY});
    static const char nobody[] = "nobody could use our end of it during brood_run(): use "
                                 "BROOD_MEMORY, or brood_start()";
    ROW(BY_RUN, nobody, .in = {.kind = BROOD_PIPE});
    ROW(BY_RUN, nobody, .out = {.kind = BROOD_PIPE});
    ROW(BY_RUN, nobody, .err = {.kind = BROOD_SOCKET});
    ROW(BY_RUN, nobody, .in = {.kind = BROOD_PTY});
    ROW(BY_RUN, nobody, .err = {.kind = BROOD_PTY});
    static const char sized[] = "rows and columns are for a pseudoterminal";
    ROW(BY_ALL, sized, .in = {.kind = BROOD_NULL, .rows = 1});
    ROW(BY_ALL, sized, .out = {.columns = 1});
    ROW(BY_ALL, kinds, .out = {.kind = BROOD_PTY, .flags = BROOD_FILE_KEEP});
    ROW(BY_ALL, "input_length without input", .in = {.kind = BROOD_MEMORY, .input_length = 1});
    static const char output[] = "flags for output on input from memory";
    ROW(BY_ALL, output, .in = {.kind = BROOD_MEMORY, .flags = BROOD_OUTPUT_DISCARD});
    ROW(BY_ALL, output,
        .in = {
            .kind = BROOD_MEMORY, .input = "x", .input_length = 1, .flags = BROOD_OUTPUT_DISCARD});
    ROW(BY_ALL, "in cannot be merged: only out into err or err into out",
        .in = {.kind = BROOD_MERGE});
    ROW(BY_ALL, "out and err are each merged into the other", .out = {.kind = BROOD_MERGE},
        .err = {.kind = BROOD_MERGE});
}

TEST(files)
{
    ROW(BY_ALL, "a stream of kind file needs a path", .in = {.kind = BROOD_FILE});
    ROW(BY_ALL, "a stream of kind file needs a path", .in = {.kind = BROOD_FILE, .path = ""});
    ROW(BY_ALL, "flags for writing on a file that is read: 'x'",
        .in = {.kind = BROOD_FILE, .path = "x", .flags = BROOD_FILE_EXISTING});
    ROW(BY_ALL, "append and keep contradict each other on 'x'",
        .out = {.kind = BROOD_FILE, .path = "x", .flags = BROOD_FILE_APPEND | BROOD_FILE_KEEP});
    ROW(BY_ALL, "exclusive and existing contradict each other on 'x'",
        .err = {
            .kind = BROOD_FILE, .path = "x", .flags = BROOD_FILE_EXCLUSIVE | BROOD_FILE_EXISTING});
    ROW(BY_ALL, "create_mode is not within 0..07777",
        .out = {.kind = BROOD_FILE, .path = "x", .create_mode = 010000});
}

static void refuse_map(const struct brood_fd_map *map, size_t count, int code, int64_t number,
                       const char *sentence)
{
    refuse_by(BY_ALL, BROOD_OPTIONS(.argv = WORDS("true"), .fds = map, .fd_count = count), code,
              sentence, number < 0 ? NULL : REFUSAL(.number = number));
}

TEST(descriptors)
{
    static const char at_limit[] = "fds: target at or above the limit of open descriptors:";
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    int64_t soft = (int64_t)limit.rlim_cur;
    const struct brood_fd_map negative[] = {{1, -1}}, above[] = {{1, (int32_t)soft}};
    const struct brood_fd_map twice[] = {{0, 7}, {1, 8}, {1, 7}}, closed[] = {{77, 7}};
    const struct brood_fd_map missing[] = {{-1, 7}}, given[] = {{1, 2}};
    refuse_map(negative, 1, EINVAL, -1, "fds: a target is negative");
    refuse_map(above, 1, EINVAL, soft, say("%s %lld", at_limit, (long long)soft));
    refuse_map(twice, 3, EINVAL, 7, "fds: two maps have the target 7");
    refuse_map(closed, 1, EBADF, 77, "the caller has no open descriptor 77");
    refuse_by(BY_ALL, BROOD_OPTIONS(.argv = WORDS("true"), .fds = missing, .fd_count = 1), EBADF,
              "the caller has no open descriptor -1", NULL);
    ROW(BY_ALL, "fds: a target is also given as in, out or err", .fds = given, .fd_count = 1,
        .err = {.kind = BROOD_NULL});
    refuse_by(BY_ALL, BROOD_OPTIONS(.argv = WORDS("true"), .out = {.kind = BROOD_FD, .fd = 77}),
              EBADF, "the caller has no open descriptor 77", REFUSAL(.number = 77));
    refuse_by(BY_ALL, BROOD_OPTIONS(.argv = WORDS("true"), .flags = BROOD_SET_CWD_FD, .cwd_fd = 78),
              EBADF, "the caller has no open descriptor 78", REFUSAL(.number = 78));
}

/* Nothing of ours may lie where the caller's descriptor was thought to be. */
TEST(a_closed_descriptor_is_not_one_of_our_own_pipes)
{
    for (int fd = 3; fd < 12; fd++)
        is_refused("a closed descriptor",
                   BROOD_OPTIONS(.argv = WORDS("true"), .in = {.kind = BROOD_PIPE},
                                 .out = {.kind = BROOD_FD, .fd = fd}, .err = {.kind = BROOD_PIPE}),
                   REFUSAL(.stage = BROOD_STAGE_OPTIONS, .code = EBADF, NUMBER(fd),
                           .detail = BROOD_DETAIL_TEXT));
}

/* ------------------------------------------------------------------ sizes */

enum { ROOM = sizeof(struct brood_options) + 64 };

/* Options at the very end of a readable page: what lies beyond `size` may not even be looked at. */
static struct brood_options *at_end_of_page(char *page, size_t page_size, size_t size,
                                            char *const *argv)
{
    struct brood_options whole = {.size = size, .argv = argv};
    char *at = page + page_size - size;
    memcpy(at, &whole, size < sizeof whole ? size : sizeof whole);
    return (void *)at;
}

TEST(size)
{
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    char *page =
        mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED && mprotect(page + page_size, page_size, PROT_NONE) == 0);
    size_t least = offsetof(struct brood_options, argv) + sizeof(char *const *);
    for (size_t size = 8; size <= ROOM; size += 8) {
        struct brood_error error = {.stage = -1};
        struct brood_child *child = NULL;
        char said[512];
        memset(page, 0, page_size);
        int result =
            brood_start(at_end_of_page(page, page_size, size, TARGET("exit", "0")), &child, &error);
        CHECK_SAY(result == (size < least ? -EINVAL : 0), "size %zu: %d", size, result);
        if (size < least)
            CHECK_HAS(brood_error_text(&error, said, sizeof said),
                      ": options.size is too small: use BROOD_OPTIONS() or brood_options_init()");
        ends_with(child, 0);
    }
    CHECK_INT(munmap(page, 2 * page_size), 0);
}

TEST(size_zero_is_too_small)
{
    struct brood_options none = {.argv = WORDS("true")};
    named = "''";
    refuse_by(BY_ALL, &none, EINVAL,
              "options.size is too small: use BROOD_OPTIONS() or brood_options_init()", NULL);
}

/* A newer caller's options: unknown members that are set are an error, unset ones are not. */
TEST(a_newer_callers_options)
{
    static union {
        struct brood_options options;
        unsigned char bytes[ROOM];
    } newer;
    brood_options_init(&newer.options, ROOM);
    newer.options.argv = WORDS("true");
    named = "''";
    for (size_t at = sizeof newer.options; at < ROOM; at += 21) {
        newer.bytes[at] = 1;
        refuse_by(BY_ALL, &newer.options, E2BIG,
                  "options of a newer version than this library are set", NULL);
        newer.bytes[at] = 0;
    }
    newer.options.argv = TARGET("exit", "5");
    runs(&newer.options, 5);
}

TEST(options_init)
{
    static union {
        struct brood_options options;
        unsigned char bytes[ROOM];
    } room;
    memset(&room, 0xff, sizeof room);
    brood_options_init(&room.options, sizeof room.options);
    CHECK_MEM(&room.options, BROOD_OPTIONS(.flags = 0), sizeof room.options);
    CHECK_INT(room.bytes[sizeof room.options], 0xff);
    brood_options_init(&room.options, ROOM);
    CHECK_INT(room.options.size, ROOM);
    CHECK_INT(room.bytes[ROOM - 1], 0);
    memset(&room, 0xff, sizeof room);
    brood_options_init(&room.options, 4);
    CHECK_INT(room.bytes[0], 0xff);
}

/* ------------------------------------------------------------------ NULL */

TEST(null_is_refused)
{
    struct brood_child *child = NULL;
    struct brood_result result;
    struct brood_error error = {.stage = -1};
    const struct brood_options *options = BROOD_OPTIONS(.argv = TARGET("exit", "0"));
    CHECK_INT(brood_start(NULL, &child, &error), -EINVAL);
    CHECK_INT(error.stage, BROOD_STAGE_OPTIONS);
    error.stage = -1;
    CHECK_INT(brood_start(options, NULL, &error), -EINVAL);
    CHECK_INT(error.stage, BROOD_STAGE_OPTIONS);
    error.stage = -1;
    CHECK_INT(brood_run(NULL, &result, &error), -EINVAL);
    CHECK_INT(error.stage, BROOD_STAGE_OPTIONS);
    error.stage = -1;
    CHECK_INT(brood_run(options, NULL, &error), -EINVAL);
    CHECK_INT(error.stage, BROOD_STAGE_OPTIONS);
    error.stage = -1;
    CHECK_INT(brood_plan_text(NULL, NULL, 0, &error), -EINVAL);
    CHECK_INT(error.stage, BROOD_STAGE_OPTIONS);
    CHECK_INT(brood_start(NULL, NULL, NULL), -EINVAL);
    CHECK(!brood_child_free(NULL));
    brood_result_clear(NULL);
}

TEST(null_lists_with_a_count_are_refused)
{
    is_refused("fds", BROOD_OPTIONS(.argv = WORDS("true"), .fd_count = 2),
               REFUSAL(.stage = BROOD_STAGE_OPTIONS, .code = EINVAL, .detail = BROOD_DETAIL_TEXT));
    is_refused("rlimits", BROOD_OPTIONS(.argv = WORDS("true"), .rlimit_count = 2),
               REFUSAL(.stage = BROOD_STAGE_OPTIONS, .code = EINVAL, .detail = BROOD_DETAIL_TEXT));
}

TEST(reterr_may_be_null)
{
    struct brood_child *child = NULL;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("true"), .search = 9), &child, NULL),
              -EINVAL);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, NULL), -ENOENT);
    CHECK(child == NULL);
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0")), &child, NULL), 0);
    ends_with(child, 0);
}

/* On success the error is as it was. */
TEST(reterr_is_written_on_failure_only)
{
    struct brood_child *child = NULL;
    struct brood_error error, as_it_was;
    memset(&error, 0x5a, sizeof error);
    as_it_was = error;
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0")), &child, &error), 0);
    ends_with(child, 0);
    CHECK_MEM(&error, &as_it_was, sizeof error);
}

/* Options are the caller's again when the call returns. */
TEST(options_are_borrowed_during_the_call_only)
{
    char *argv[5] = {NULL}, path[4096];
    struct brood_options *options = calloc(1, sizeof *options);
    struct brood_fd_map *map = calloc(1, sizeof *map);
    REQUIRE(options && map);
    (void)lab_path(path, sizeof path, "out");
    const char *const given[] = {lab_child_program(), "cat"};
    for (size_t i = 0; i < 2; i++)
        REQUIRE((argv[i] = strdup(given[i])));
    brood_options_init(options, sizeof *options);
    *map = (struct brood_fd_map){.from = 1, .to = 9};
    options->argv = argv;
    options->fds = map;
    options->fd_count = 1;
    options->in.kind = BROOD_PIPE;
    options->out = (struct brood_stream){.kind = BROOD_FILE, .path = path};
    struct brood_child *child = start(options);
    for (size_t i = 0; i < 2; i++) {
        memset(argv[i], '!', strlen(argv[i]));
        free(argv[i]);
    }
    memset(path, '!', sizeof path);
    free(map);
    free(options);
    CHECK_INT(brood_child_write(child, "words", 5, BOUND_MS), 5);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    ends_with(child, 0);
    CHECK(lab_read_file(lab_file("out"), path, sizeof path) == 5);
    CHECK_STR(path, "words");
}
