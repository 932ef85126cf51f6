/* SPDX-License-Identifier: MIT */
/*
 * The behaviour that users of Dart's Process know, for the streams, arguments and surroundings
 * of one child; each test is named after the one there that it was written anew from.
 *
 * Invariant: `target echo` plays the part of that suite's helper: lines of stdin come back on
 * stream 0 (both), 1 or 2, then an exit code or a crash.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a run collected is compared and cleared. */
static void run_gives(struct brood_options *options, int code, const char *out, const char *err)
{
    struct brood_result result;
    struct brood_error error;
    char text[512];
    options->out.kind = options->err.kind = BROOD_MEMORY;
    int started = brood_run(options, &result, &error);
    if (!CHECK_SAY(started == 0, "%s", brood_error_text(&error, text, sizeof text)))
        return;
    CHECK_INT(result.exit.kind, BROOD_EXITED);
    CHECK_INT(result.exit.code, code);
    CHECK_STR(result.out, out);
    CHECK_STR(result.err, err);
    CHECK_INT(result.out_length, strlen(out));
    CHECK_INT(result.err_length, strlen(err));
    brood_result_clear(&result);
}

static void give_input(struct brood_options *options, const void *input, size_t length)
{
    options->in =
        (struct brood_stream){.kind = BROOD_MEMORY, .input = input, .input_length = length};
}

/* process_check_arguments_test */
TEST(check_arguments)
{
    static const struct {
        const char *argument[3];
        const char *told;
    } rows[] = {
        {{"a", NULL}, "1 a\n"},
        {{"a", "b", NULL}, "1 a\n1 b\n"},
        {{" a b ", "c\td", NULL}, "5  a b \n3 c\td\n"},
        {{"", "", NULL}, "0 \n0 \n"},
        {{"\"a\"", "'b'", NULL}, "3 \"a\"\n3 'b'\n"},
        {{"\\\"a\\\"", "\\\\", NULL}, "5 \\\"a\\\"\n2 \\\\\n"},
        {{"\\", "a\\", NULL}, "1 \\\n2 a\\\n"},
        {{"$PATH", "`ls`", NULL}, "5 $PATH\n4 `ls`\n"},
        {{"\xc3\xa6\xc3\xb8\xc3\xa5", "\"\\\t ", NULL}, "6 \xc3\xa6\xc3\xb8\xc3\xa5\n4 \"\\\t \n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const argv[] = {lab_child_program(), "echo-args", rows[i].argument[0],
                                    rows[i].argument[1], NULL};
        run_gives(BROOD_OPTIONS(.argv = words(argv)), 0, rows[i].told, "");
    }
}

/* process_stdout_test, process_stderr_test */
TEST(echoes_on_out_and_err)
{
    static const char *const streams[] = {"0", "1", "2"};
    for (size_t i = 0; i < 3; i++) {
        struct brood_options *options =
            BROOD_OPTIONS(.argv = TARGET("echo", streams[i], "1", "99", "0"));
        give_input(options, "0123456789\nignored\n", 19);
        run_gives(options, 99, i == 2 ? "" : "0123456789\n", i == 1 ? "" : "0123456789\n");
    }
}

/* The same by hand: one line there, one line back, while the child lives. */
TEST(echoes_line_by_line)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_child *child = start(BROOD_OPTIONS(.argv = TARGET("echo", "0", "-1", "7", "0"),
                                                    .in = a_pipe, .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    for (int i = 0; i < 50; i++) {
        char line[64];
        const char *sent = say("line %d\n", i);
        CHECK_INT(brood_child_write(child, sent, strlen(sent), BOUND_MS), strlen(sent));
        for (uint32_t index = BROOD_OUT; index <= BROOD_ERR; index++) {
            CHECK(lab_read_line(brood_child_stream(child, index), line, sizeof line, BOUND_MS) > 0);
            CHECK_STR(line, say("line %d", i));
        }
    }
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    ends_with(child, 7);
}

/* process_run_output_test, process_run_test: bytes, whatever they mean. */
TEST(run_output_is_bytes)
{
    static const char *const texts[] = {"abc", "\xe6\xf8\xe5\n", "\xc3\xa6\xc3\xb8\xc3\xa5",
                                        "\r\n\x01\xff\xfe\x80", ""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        run_gives(BROOD_OPTIONS(.argv = TARGET("print", texts[i], "")), 0, texts[i], "");
        run_gives(BROOD_OPTIONS(.argv = TARGET("print", "", texts[i])), 0, "", texts[i]);
        run_gives(BROOD_OPTIONS(.argv = TARGET("print", texts[i], texts[i])), 0, texts[i],
                  texts[i]);
    }
}

/* Zero bytes too. */
TEST(run_output_with_zero_bytes)
{
    static const char bytes[] = "a\0b\0\0c";
    struct brood_result result;
    struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("cat"), .out = {.kind = BROOD_MEMORY});
    give_input(options, bytes, sizeof bytes);
    REQUIRE(brood_run(options, &result, NULL) == 0);
    CHECK_INT(result.out_length, sizeof bytes);
    CHECK_MEM(result.out, bytes, sizeof bytes);
    CHECK(result.err == NULL && result.err_length == 0);
    brood_result_clear(&result);
}

/* process_set_exit_code_test */
TEST(set_exit_code)
{
    run_gives(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c",
                                          "printf 'standard out'; printf 'standard error' >&2; "
                                          "exit 25")),
              25, "standard out", "standard error");
}

/* process_sync_test: sizes about a pipe's capacity, on both streams, with every edge of exit codes.
 * */
TEST(sizes_on_both_streams)
{
    static const size_t sizes[] = {0, 1, 10, 100, 1000, 16383, 16384, 16385, 65536, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct brood_result result;
        REQUIRE(
            brood_run(BROOD_OPTIONS(.argv = TARGET("both", say("%zu", sizes[i])),
                                    .out = {.kind = BROOD_MEMORY}, .err = {.kind = BROOD_MEMORY}),
                      &result, NULL) == 0);
        CHECK_INT(result.out_length, sizes[i]);
        CHECK_INT(result.err_length, sizes[i]);
        CHECK_INT(strspn(result.out, "o"), sizes[i]);
        CHECK_INT(strspn(result.err, "e"), sizes[i]);
        brood_result_clear(&result);
    }
}

/* process_broken_pipe_test, process_stdin_broken_pipe_test: a value each time, and no signal. */
TEST(stdin_broken_pipe)
{
    static const uint32_t kinds[] = {BROOD_PIPE, BROOD_SOCKET};
    for (size_t i = 0; i < 2; i++) {
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = WORDS("false"), .in = {.kind = kinds[i]}));
        REQUIRE(child);
        CHECK_INT(brood_child_wait(child, BOUND_MS, NULL), 0);
        for (int write_number = 0; write_number < 20; write_number++)
            CHECK_INT(brood_child_write(child, "bytes", 5, BOUND_MS), -EPIPE);
        ends_with(child, 1);
    }
}

/* process_stdin_transform_unsubscribe_test: the child stops reading, and ends well. */
TEST(the_child_stops_reading)
{
    static char much[1 << 20];
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("read", "5"), .in = {.kind = BROOD_PIPE},
                            .out = {.kind = BROOD_NULL}));
    REQUIRE(child);
    ssize_t put = brood_child_write(child, much, sizeof much, BOUND_MS);
    CHECK_SAY(put == -EPIPE || (put > 0 && put < (ssize_t)sizeof much), "%zd", put);
    ends_with(child, 0);
}

/* process_inherit_stdio_test: a grandchild's output arrives on the inherited stdout. */
TEST(inherit_stdio)
{
    char got[64] = "";
    int log = open(lab_file("log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int out = fcntl(1, F_DUPFD_CLOEXEC, 10);
    REQUIRE(log > 2 && out > 2 && dup2(log, 1) == 1);
    const char *script = say("%s print grandchild; exit 3", lab_child_program());
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", script)), 3);
    CHECK_INT(dup2(out, 1), 1);
    CHECK_INT(close(out) + close(log), 0);
    CHECK(lab_read_file(lab_file("log"), got, sizeof got) > 0);
    CHECK_STR(got, "grandchild");
}

/* process_environment_test */
TEST(environment)
{
    REQUIRE(setenv("BROOD_TEST", "here", 1) == 0);
    run_gives(BROOD_OPTIONS(.argv = TARGET("env", "BROOD_TEST")), 0, "here\n", "");
    run_gives(BROOD_OPTIONS(.argv = TARGET("env", "ADDED"), .env_set = WORDS("ADDED=value")), 0,
              "value\n", "");
    run_gives(BROOD_OPTIONS(.argv = TARGET("env", "BROOD_TEST"), .env_set = WORDS("BROOD_TEST=x")),
              0, "x\n", "");
    run_gives(BROOD_OPTIONS(.argv = TARGET("env", "PATH"), .env = WORDS("OTHER=1")), 1, "(unset)\n",
              "");
    REQUIRE(unsetenv("BROOD_TEST") == 0);
}

/* process_path_test, process_path_environment_test */
TEST(path)
{
    runs(BROOD_OPTIONS(.argv = WORDS("true")), 0);
    runs(BROOD_OPTIONS(.argv = WORDS("true"), .env_set = WORDS("FOO=bar")), 0);
    runs(BROOD_OPTIONS(.argv = WORDS("true"), .env = WORDS("PATH=/usr/bin:/bin")), 0);
    runs(BROOD_OPTIONS(.argv = WORDS("true"), .env = WORDS("FOO=bar")), 0);
}

/* process_working_directory_test */
TEST(working_directory)
{
    REQUIRE(mkdir(lab_file("valid"), 0755) == 0);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "99"), .cwd = lab_file("valid")), 99);
    is_refused(
        "missing", BROOD_OPTIONS(.argv = TARGET("exit", "99"), .cwd = lab_file("missing")),
        REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT, .subject = lab_file("missing")));
}

/* process_non_ascii_test: directory, script and a file it makes. */
TEST(non_ascii)
{
    static const char script[] = "#!/bin/sh\nprintf x >\xc3\xa6\xc3\xb8\xc3\xa5; exit 4\n";
    const char *directory = lab_file("\xc3\xa6\xe2\x82\xac");
    REQUIRE(mkdir(directory, 0755) == 0);
    const char *program = lab_file("\xc3\xa6\xe2\x82\xac/\xe4\xbd\xa0.sh");
    REQUIRE(lab_write_file(program, script, sizeof script - 1, 0755) == 0);
    runs(BROOD_OPTIONS(.argv = WORDS("./\xe4\xbd\xa0.sh"), .cwd = directory), 4);
    CHECK_INT(access(lab_file("\xc3\xa6\xe2\x82\xac/\xc3\xa6\xc3\xb8\xc3\xa5"), F_OK), 0);
}

/* file_leak_test: a file that is open here is not open there, and closes here. */
TEST(file_leak)
{
    int fd = open(lab_file("open"), O_RDWR | O_CREAT, 0600); /* not close-on-exec */
    REQUIRE(fd > 2);
    CHECK(!strstr(tells(BROOD_OPTIONS(.argv = NULL), "fds"), "/open"));
    CHECK_INT(fcntl(fd, F_GETFD), 0);
    CHECK_INT(close(fd), 0);
}
