/* SPDX-License-Identifier: MIT */
/*
 * Errors as data and as a sentence: every stage and detail, bounded and escaped, made from the
 * struct alone.
 *
 * Invariant: the structs are filled in by hand, so a sentence that no test can bring about on
 * this system is checked as well.
 */
#include "starting.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    int32_t stage;
    const char *name;
} stages[] = {
    {BROOD_STAGE_NONE, "none"},
    {BROOD_STAGE_OPTIONS, "options"},
    {BROOD_STAGE_MEMORY, "memory"},
    {BROOD_STAGE_PIPE, "pipe"},
    {BROOD_STAGE_OPEN, "open"},
    {BROOD_STAGE_CREATE, "create"},
    {BROOD_STAGE_SESSION, "session"},
    {BROOD_STAGE_GROUP, "group"},
    {BROOD_STAGE_DIRECTORY, "directory"},
    {BROOD_STAGE_DESCRIPTORS, "descriptors"},
    {BROOD_STAGE_SIGNALS, "signals"},
    {BROOD_STAGE_RESOURCE, "resource"},
    {BROOD_STAGE_EXEC, "exec"},
    {BROOD_STAGE_TIMEOUT, "timeout"},
    {BROOD_STAGE_TERMINAL, "terminal"},
    {BROOD_STAGE_CGROUP, "cgroup"},
    {BROOD_STAGE_CREDENTIALS, "credentials"},
    {BROOD_STAGE_HOOK, "hook"},
};

TEST(names_of_stages)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        CHECK_STR(brood_stage_name(stages[i].stage), stages[i].name);
    static const int32_t unknown[] = {-1, 3, 18, 20, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK_STR(brood_stage_name(unknown[i]), "unknown");
}

static const struct {
    struct brood_error error;
    const char *sentence;
} rows[] = {
    {{.stage = BROOD_STAGE_DIRECTORY,
      .code = ENOENT,
      .number = -1,
      .program = "git",
      .subject = "/srv/x"},
     "cannot start git: directory /srv/x: No such file or directory"},
    {{.stage = BROOD_STAGE_MEMORY, .code = ENOMEM, .number = -1, .program = "git"},
     "cannot start git: memory: Cannot allocate memory"},
    {{.stage = BROOD_STAGE_PIPE, .code = EMFILE, .number = 1, .program = "git"},
     "cannot start git: pipe for descriptor 1: Too many open files"},
    {{.stage = BROOD_STAGE_CREATE, .code = EAGAIN, .number = -1, .program = "git"},
     "cannot start git: new process: Resource temporarily unavailable"},
    {{.stage = BROOD_STAGE_SESSION, .code = EPERM, .number = -1, .program = "git"},
     "cannot start git: new session: Operation not permitted"},
    {{.stage = BROOD_STAGE_GROUP, .code = EPERM, .number = 77, .program = "git"},
     "cannot start git: process group 77: Operation not permitted"},
    {{.stage = BROOD_STAGE_DESCRIPTORS, .code = EMFILE, .number = 5, .program = "git"},
     "cannot start git: descriptor 5: Too many open files"},
    {{.stage = BROOD_STAGE_SIGNALS, .code = EINVAL, .number = -1, .program = "git"},
     "cannot start git: signals: Invalid argument"},
    {{.stage = BROOD_STAGE_RESOURCE,
      .code = EPERM,
      .number = 4,
      .program = "git",
      .subject = "limit core"},
     "cannot start git: setting the limit core: Operation not permitted"},
    {{.stage = BROOD_STAGE_TERMINAL,
      .code = ENXIO,
      .number = -1,
      .program = "git",
      .subject = "of the caller (/dev/tty)"},
     "cannot start git: terminal of the caller (/dev/tty): No such device or address"},
    {{.stage = BROOD_STAGE_TERMINAL,
      .code = ENOSPC,
      .number = -1,
      .program = "git",
      .subject = "of its own (/dev/ptmx)"},
     "cannot start git: terminal of its own (/dev/ptmx): No space left on device"},
    {{.stage = BROOD_STAGE_TERMINAL,
      .code = EPERM,
      .number = -1,
      .program = "git",
      .subject = "as controlling terminal"},
     "cannot start git: terminal as controlling terminal: Operation not permitted"},
    {{.stage = BROOD_STAGE_TERMINAL,
      .code = EMFILE,
      .number = -1,
      .program = "git",
      .subject = "foreground group"},
     "cannot start git: terminal foreground group: Too many open files"},
    {{.stage = BROOD_STAGE_CGROUP,
      .code = EBUSY,
      .number = -1,
      .program = "git",
      .subject = "/sys/fs/cgroup/a b"},
     "cannot start git: control group /sys/fs/cgroup/a b: Device or resource busy"},
    {{.stage = BROOD_STAGE_CREDENTIALS,
      .code = EPERM,
      .number = 0,
      .program = "git",
      .subject = "uid"},
     "cannot start git: setting the uid: Operation not permitted"},
    {{.stage = BROOD_STAGE_CREDENTIALS,
      .code = EINVAL,
      .number = -1,
      .program = "git",
      .subject = "supplementary groups"},
     "cannot start git: setting the supplementary groups: Invalid argument"},
    {{.stage = BROOD_STAGE_CREDENTIALS,
      .code = EINVAL,
      .number = -1,
      .program = "git",
      .subject = "no_new_privs flag"},
     "cannot start git: setting the no_new_privs flag: Invalid argument"},
    {{.stage = BROOD_STAGE_HOOK, .code = EACCES, .number = -1, .program = "git"},
     "cannot start git: before_exec: Permission denied"},
    {{.stage = BROOD_STAGE_TIMEOUT, .code = ETIMEDOUT, .number = 200, .program = "git"},
     "cannot start git: its program had not begun within 200 ms"},
    {{.stage = BROOD_STAGE_EXEC,
      .code = EINTR,
      .detail = BROOD_DETAIL_KILLED,
      .number = 15,
      .program = "git"},
     "cannot start git: the new process was killed by SIGTERM at stage exec, before its program "
     "began"},
    {{.stage = BROOD_STAGE_EXEC, .code = 9999, .number = -1, .program = "git", .subject = "/x"},
     "cannot start git: /x: unknown error 9999"},
    {{.stage = BROOD_STAGE_MEMORY,
      .code = ENOMEM,
      .number = -1,
      .unkillable_pid = 4711,
      .program = "git"},
     "cannot start git: memory: Cannot allocate memory; process 4711 could not be ended yet"},
    {{.stage = BROOD_STAGE_EXEC, .code = ENOENT, .number = -1},
     "cannot start '': No such file or directory"},
    {{.stage = BROOD_STAGE_OPEN,
      .code = EACCES,
      .number = -1,
      .program = "a\nb\x1b\x7f\\",
      .subject = "\tx\xc3\xa4"},
     "cannot start a\\x0ab\\x1b\\x7f\\x5c: file \\x09x\xc3\xa4: Permission denied"},
};

TEST(sentences)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[600];
        CHECK(brood_error_text(&rows[i].error, text, sizeof text) == text);
        CHECK_STR(text, rows[i].sentence);
    }
}

/* A detail or stage from a newer library is still a sentence. */
TEST(numbers_that_nobody_knows)
{
    char text[200];
    const struct brood_error newer = {
        .stage = 99, .detail = 99, .code = EPERM, .number = -1, .program = "git"};
    CHECK_HAS(brood_error_text(&newer, text, sizeof text), "cannot start git: ");
    CHECK_HAS(text, "Operation not permitted");
}

TEST(a_sentence_never_leaves_its_buffer)
{
    const char *sentence = rows[0].sentence;
    for (size_t size = 0; size <= strlen(sentence) + 2; size++) {
        char text[200];
        memset(text, '#', sizeof text);
        CHECK(brood_error_text(&rows[0].error, text, size) == text);
        size_t fits = size <= strlen(sentence) ? size : strlen(sentence) + 1;
        if (size > 0) {
            CHECK_MEM(text, sentence, fits - 1);
            CHECK_INT(text[fits - 1], '\0');
        }
        CHECK_INT(text[fits], '#');
    }
}

/* Text that is full to its last byte, every byte of it escaped, is bounded too. */
TEST(the_longest_error)
{
    struct brood_error error = {.stage = BROOD_STAGE_OPEN, .code = ENOENT, .number = -1};
    static char text[4096];
    memset(error.program, 1, sizeof error.program - 1);
    memset(error.subject, 2, sizeof error.subject - 1);
    (void)brood_error_text(&error, text, sizeof text);
    size_t length = strlen("cannot start : file : No such file or directory") +
                    4 * (sizeof error.program + sizeof error.subject - 2);
    CHECK_INT(strlen(text), length);
}

/* The program's name is that which was asked for, cut where it does not fit. */
TEST(the_program_in_an_error)
{
    struct brood_error error;
    struct brood_child *child = NULL;
    char name[300] = "/";
    memset(name + 1, 'n', 250);
    CHECK(brood_start(BROOD_OPTIONS(.argv = WORDS(name, "x")), &child, &error) < 0);
    CHECK_INT(strlen(error.program), sizeof error.program - 1);
    CHECK_MEM(error.program, name, sizeof error.program - 1);
    CHECK(brood_start(BROOD_OPTIONS(.program = "/no/such", .argv = WORDS("shown")), &child,
                      &error) < 0);
    CHECK_STR(error.program, "/no/such");
}

/* Reserved words are zero in what is given. */
TEST(reserved_words_are_zero)
{
    static const uint64_t zero[5];
    struct brood_error error;
    struct brood_child *child = NULL;
    memset(&error, 0xff, sizeof error);
    CHECK(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &child, &error) < 0);
    CHECK_MEM(error.reserved, zero, sizeof zero);
    CHECK_INT(error.unkillable_pid, 0);
    memset(&error, 0xff, sizeof error);
    CHECK(brood_start(BROOD_OPTIONS(.argv = NO_WORDS), &child, &error) < 0);
    CHECK_MEM(error.reserved, zero, sizeof zero);
}

/* A thousand failures of each kind leave nothing, no memory either. */
TEST_TIMEOUT(a_thousand_failures, 60)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_options *const kinds[] = {
        BROOD_OPTIONS(.argv = WORDS("/no/such")),
        BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = a_pipe, .out = a_pipe, .err = a_pipe),
        BROOD_OPTIONS(.argv = WORDS("true"), .cwd = "/no/such", .out = a_pipe),
        BROOD_OPTIONS(.argv = WORDS("true"), .in = {.kind = BROOD_FILE, .path = "/no/such"}),
        BROOD_OPTIONS(.argv = WORDS("no-such-program")),
        BROOD_OPTIONS(.argv = WORDS("true"), .search = 9),
    };
    static struct audit before;
    char why[1024] = "";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        for (int round = 0; round < 10; round++) /* what malloc keeps at hand is then there */
            REQUIRE(brood_start(kinds[i], &child, &error) < 0);
        audit_take(&before);
        size_t heap = heap_in_use();
        for (int round = 0; round < 1000; round++)
            REQUIRE(brood_start(kinds[i], &child, &error) < 0);
        CHECK_SAY(heap_in_use() == heap, "kind %zu: %zu bytes, then %zu", i, heap, heap_in_use());
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    }
}
