/* SPDX-License-Identifier: MIT */
/*
 * The plan in words: complete, in order, without secrets, and without starting anything.
 *
 * Invariant: all but the first line, which names this system's rung, is compared whole.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* The text after its first line; the process is as before. */
static const char *plan_of(const struct brood_options *options)
{
    static char text[16384];
    static struct audit before;
    char why[1024] = "";
    struct brood_error error;
    audit_take(&before);
    ssize_t length = brood_plan_text(options, text, sizeof text, &error);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    if (!CHECK_INT(length, strlen(text)))
        return "";
    CHECK_SAY(strncmp(text, "rung: ", 6) == 0 &&
                  (strstr(text, " memory, clone") || strstr(text, "portable, fork")),
              "%s", text);
    return text + strcspn(text, "\n") + 1;
}

TEST(the_barest_plan)
{
    CHECK_STR(plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS)),
              "environment:\n"
              "descriptors: hide descriptors from 3 on\n"
              "signals: every signal to default\n"
              "signals: block no signal\n"
              "exec: run /bin/true as '/bin/true'\n");
}

TEST(a_rich_plan)
{
    const struct brood_rlimit limits[] = {
        {.resource = RLIMIT_CORE, .soft = 0, .hard = UINT64_MAX},
        {.resource = RLIMIT_NOFILE, .soft = 64, .hard = 128},
        {.resource = RLIMIT_STACK, .soft = 1048576, .hard = 2097152},
    };
    REQUIRE(dup2(0, 5) == 5 && dup2(0, 6) == 6 && dup2(0, 7) == 7);
    const struct brood_fd_map map[] = {{5, 6}, {6, 5}, {7, 7}};
    CHECK_STR(
        plan_of(BROOD_OPTIONS(.argv = WORDS("git", "commit", "-m", "it's done"),
                              .env = WORDS("PATH=/bin:", "A=1"), .env_set = WORDS("TOKEN=secret"),
                              .cwd = "/srv/repo", .cwd_fd = 7,
                              .flags = BROOD_SET_UMASK | BROOD_SET_NICE | BROOD_SET_CWD_FD |
                                       BROOD_NEW_SESSION | BROOD_SCRIPT_SHELL,
                              .umask = 027, .nice = -3, .start_timeout_ms = 2500,
                              .signals = BROOD_KEEP_IGNORED | BROOD_KEEP_MASK,
                              .ignore_signals = 1 | 4, .in = {.kind = BROOD_NULL},
                              .out = {.kind = BROOD_FILE, .path = "log"},
                              .err = {.kind = BROOD_MERGE}, .fds = map, .fd_count = 3,
                              .rlimits = limits, .rlimit_count = 3)),
        "environment: PATH A TOKEN\n"
        "timeout: be killed unless the program begins within ms: 2500\n"
        "session: lead a new session\n"
        "resource: limit core soft 0 hard unlimited\n"
        "resource: limit stack soft 1048576 hard 2097152\n"
        "resource: umask 027\n"
        "resource: nice value -3\n"
        "directory: change to the directory of descriptor 7\n"
        "directory: change to /srv/repo\n"
        "open: open /dev/null\n"
        "open: open log to write, truncated, created 0666\n"
        "descriptors: hide descriptors from 3 on\n"
        "descriptors: keep descriptor 7\n"
        "descriptors: descriptor 0 becomes the opened /dev/null\n"
        "descriptors: descriptor 1 becomes the opened log\n"
        "descriptors: descriptor 2 becomes the opened log\n"
        "descriptors: save descriptor 6\n"
        "descriptors: descriptor 6 becomes descriptor 5\n"
        "descriptors: descriptor 5 becomes the saved descriptor\n"
        "descriptors: close the saved descriptor\n"
        "resource: limit nofile soft 64 hard 128\n"
        "signals: handled signals to default, ignored ones kept; ignore 1 3\n"
        "signals: keep the signal mask\n"
        "exec: run /bin/git or git (or by /bin/sh) as 'git' 'commit' '-m' 'it'\"'\"'s done'\n");
    CHECK_INT(close(5) + close(6) + close(7), 0);
}

static int never_called(void *user)
{
    (void)user;
    FAIL("a plan calls the hook");
    return 0;
}

/* Whom and what the process belongs to. */
TEST(a_plan_for_somebody_else)
{
    static const uint32_t groups[] = {7, 64301};
    static const uint64_t cpus[] = {5, 2};
    const struct brood_credentials somebody = {
        .uid = 64101, .gid = 64202, .groups = groups, .group_count = 2};
    CHECK_STR(
        plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS, .credentials = &somebody,
                              .cpus = cpus, .cpu_words = 2, .cgroup = "/sys/fs/cgroup/x\ny",
                              .before_exec = never_called, .join_group = 4321, .oom_score_adj = -17,
                              .flags =
                                  BROOD_SET_OOM_SCORE_ADJ | BROOD_NO_NEW_PRIVS | BROOD_FOREGROUND)),
        "environment:\n"
        "group: join process group 4321\n"
        "cgroup: unless born there, join by /sys/fs/cgroup/x\\x0ay/cgroup.procs\n"
        "resource: oom_score_adj -17\n"
        "resource: run on processors 0 2 65\n"
        "credentials: supplementary groups 7 64301\n"
        "credentials: gid 64202\n"
        "credentials: uid 64101\n"
        "credentials: see that the ids are as set\n"
        "descriptors: hide descriptors from 3 on\n"
        "terminal: its group gets the terminal\n"
        "credentials: exec grants nothing from here on\n"
        "signals: every signal to default\n"
        "signals: block no signal\n"
        "hook: call before_exec\n"
        "exec: run /bin/true as '/bin/true'\n");
    const struct brood_credentials nobody = {.uid = 4294967294U, .gid = UINT32_MAX};
    CHECK_STR(
        plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS, .credentials = &nobody)),
        "environment:\n"
        "credentials: no supplementary group\n"
        "credentials: uid 4294967294\n"
        "credentials: see that the ids are as set\n"
        "descriptors: hide descriptors from 3 on\n"
        "signals: every signal to default\n"
        "signals: block no signal\n"
        "exec: run /bin/true as '/bin/true'\n");
}

/* A hard limit above the caller's takes its rights, and the soft one waits for the moves. */
TEST(a_limit_of_descriptors_for_somebody_else)
{
    const struct brood_credentials somebody = {
        .uid = 1000, .gid = UINT32_MAX, .flags = BROOD_KEEP_GROUPS};
    const struct brood_rlimit limit = {.resource = RLIMIT_NOFILE, .soft = 7, .hard = 5000000};
    const char *text =
        plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS, .credentials = &somebody,
                              .rlimits = &limit, .rlimit_count = 1));
    const char *hard = strstr(text, "hard 5000000"), *ids = strstr(text, "uid 1000");
    const char *both = strstr(text, "soft 7 hard 5000000");
    REQUIRE(hard && ids && both);
    CHECK(hard < ids && ids < both);
}

TEST(a_plan_with_a_terminal)
{
    CHECK_STR(
        plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS,
                              .in = {.kind = BROOD_NULL}, .out = {.kind = BROOD_PTY, .rows = 50},
                              .err = {.kind = BROOD_PTY})),
        "environment:\n"
        "session: lead a new session\n"
        "open: open /dev/null\n"
        "descriptors: hide descriptors from 3 on\n"
        "descriptors: descriptor 0 becomes the opened /dev/null\n"
        "descriptors: descriptor 1 becomes the pseudoterminal\n"
        "descriptors: descriptor 2 becomes the pseudoterminal\n"
        "terminal: controlling terminal is descriptor 1, a pseudoterminal of 50 rows and 80 "
        "columns\n"
        "signals: every signal to default\n"
        "signals: block no signal\n"
        "exec: run /bin/true as '/bin/true'\n");
}

TEST(a_detached_plan)
{
    char text[4096] = "";
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS, .flags = BROOD_DETACHED);
    CHECK(brood_plan_text(options, text, sizeof text, NULL) > 0);
    CHECK_HAS(line_of(text, "rung: "), ", detached");
    CHECK_STR(plan_of(options), "environment:\n"
                                "session: lead a new session\n"
                                "open: open /dev/null\n"
                                "descriptors: hide descriptors from 3 on\n"
                                "descriptors: descriptor 0 becomes the opened /dev/null\n"
                                "descriptors: descriptor 1 becomes the opened /dev/null\n"
                                "descriptors: descriptor 2 becomes the opened /dev/null\n"
                                "signals: every signal to default\n"
                                "signals: block no signal\n"
                                "exec: run /bin/true as '/bin/true'\n");
    CHECK(brood_plan_text(BROOD_OPTIONS(.argv = WORDS("/bin/true")), text, sizeof text, NULL) > 0);
    CHECK(!strstr(line_of(text, "rung: "), "detached"));
}

/* What brood_start() and brood_run() would each refuse is shown all the same. */
TEST(streams_of_every_kind)
{
    CHECK_STR(plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = NO_WORDS, .timeout_ms = 5,
                                    .in = {.kind = BROOD_PIPE}, .out = {.kind = BROOD_MEMORY},
                                    .err = {.kind = BROOD_SOCKET}, .flags = BROOD_NEW_GROUP)),
              "environment:\n"
              "group: lead a new process group\n"
              "descriptors: hide descriptors from 3 on\n"
              "descriptors: descriptor 0 becomes the child's end of in\n"
              "descriptors: descriptor 1 becomes the child's end of out\n"
              "descriptors: descriptor 2 becomes the child's end of err\n"
              "signals: every signal to default\n"
              "signals: block no signal\n"
              "exec: run /bin/true as '/bin/true'\n");
    CHECK_STR(
        plan_of(BROOD_OPTIONS(.argv = WORDS("true"), .env = NO_WORDS, .join_group = 4321,
                              .search = BROOD_SEARCH_NONE, .flags = BROOD_KEEP_ALL_FDS,
                              .in = {.kind = BROOD_MEMORY, .input = "x", .input_length = 1},
                              .out = {.kind = BROOD_CLOSED}, .err = {.kind = BROOD_FD, .fd = 1})),
        "environment:\n"
        "group: join process group 4321\n"
        "descriptors: descriptor 0 becomes the child's end of in\n"
        "descriptors: descriptor 2 becomes descriptor 1\n"
        "descriptors: close descriptor 1\n"
        "signals: every signal to default\n"
        "signals: block no signal\n"
        "exec: run true as 'true'\n");
}

TEST(files_are_opened_in_words)
{
    static const struct {
        uint32_t flags, create_mode;
        const char *line;
    } modes[] = {
        {0, 0600, "open: open x to write, truncated, created 0600"},
        {BROOD_FILE_APPEND, 0, "open: open x to append, created 0666"},
        {BROOD_FILE_KEEP, 0, "open: open x to write, created 0666"},
        {BROOD_FILE_EXISTING, 0, "open: open x to write, truncated, must exist"},
        {BROOD_FILE_EXISTING | BROOD_FILE_APPEND, 0, "open: open x to append, must exist"},
        {BROOD_FILE_EXCLUSIVE | BROOD_FILE_KEEP, 0,
         "open: open x to write, must be new, created 0666"},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        const char *text = plan_of(
            BROOD_OPTIONS(.argv = WORDS("true"), .err = {.kind = BROOD_FILE,
                                                         .path = "x",
                                                         .flags = modes[i].flags,
                                                         .create_mode = modes[i].create_mode}));
        CHECK_STR(line_of(text, "open:"), modes[i].line);
    }
}

TEST(the_shell)
{
    const char *text =
        plan_of(BROOD_OPTIONS(.argv = WORDS("echo", "a b"), .env = NO_WORDS, .flags = BROOD_SHELL));
    CHECK_STR(line_of(text, "exec:"),
              "exec: run /bin/sh as '/bin/sh' '-c' ''\"'\"'echo'\"'\"' '\"'\"'a b'\"'\"''");
}

/* Values are secrets more often than not. */
TEST(no_value_of_the_environment_is_shown)
{
    REQUIRE(setenv("BROOD_TEST", "s3cret-inherited", 1) == 0);
    const char *text = plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/true"),
                                             .env_set = WORDS("TOKEN=s3cret-set", "X==s3cret")));
    CHECK_HAS(text, " BROOD_TEST");
    CHECK_HAS(text, " TOKEN X\n");
    CHECK(!strstr(text, "s3cret"));
    REQUIRE(unsetenv("BROOD_TEST") == 0);
}

/* Each step is one line, whatever the words are. */
TEST(words_from_outside_stay_on_their_line)
{
    const char *text =
        plan_of(BROOD_OPTIONS(.argv = WORDS("/bin/e\x1b[31mvil\n", "two\nlines\t", "back\\slash"),
                              .env = WORDS("A\nB=1"), .cwd = "/x\ny",
                              .in = {.kind = BROOD_FILE, .path = "a\rb"}));
    CHECK_STR(text, "environment: A\\x0aB\n"
                    "directory: change to /x\\x0ay\n"
                    "open: open a\\x0db to read\n"
                    "descriptors: hide descriptors from 3 on\n"
                    "descriptors: descriptor 0 becomes the opened a\\x0db\n"
                    "signals: every signal to default\n"
                    "signals: block no signal\n"
                    "exec: run /bin/e\\x1b[31mvil\\x0a as '/bin/e?[31mvil?' 'two?lines?' "
                    "'back\\slash'\n");
}

TEST(the_length_is_that_of_the_whole)
{
    static char whole[16384], part[16384];
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS("sh", "a\nb"), .env = WORDS("PATH=/bin:/usr/bin"));
    ssize_t length = brood_plan_text(options, whole, sizeof whole, NULL);
    REQUIRE(length > 100 && (size_t)length < sizeof whole);
    CHECK_INT(strlen(whole), length);
    CHECK_INT(brood_plan_text(options, NULL, 0, NULL), length);
    for (size_t size = 1; size <= (size_t)length + 2; size++) {
        memset(part, '#', (size_t)length + 4);
        if (!CHECK_INT(brood_plan_text(options, part, size, NULL), length))
            break;
        size_t fits = size - 1 < (size_t)length ? size - 1 : (size_t)length;
        if (strlen(part) != fits || memcmp(part, whole, fits) != 0 || part[size] != '#') {
            FAIL("size %zu: '%s'", size, part);
            break;
        }
    }
}
