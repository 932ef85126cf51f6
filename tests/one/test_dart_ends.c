/* SPDX-License-Identifier: MIT */
/*
 * The behaviour that users of Dart's Process know, for the start and the end of one child; each
 * test is named after the one there that it was written anew from.
 */
#include "starting.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* process_exit_test: by start and by run, nothing on the streams. */
TEST(exit_code)
{
    char got[16];
    struct brood_result result;
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE}, memory = {.kind = BROOD_MEMORY};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("exit", "99"), .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS), 0);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_ERR), got, sizeof got, BOUND_MS), 0);
    ends_with(child, 99);
    REQUIRE(brood_run(BROOD_OPTIONS(.argv = TARGET("exit", "99"), .out = memory, .err = memory),
                      &result, NULL) == 0);
    CHECK_INT(result.exit.code, 99);
    CHECK_STR(result.out, "");
    CHECK_STR(result.err, "");
    brood_result_clear(&result);
}

/* process_sync_test, co19 exitCode: the low eight bits, as the system keeps them. */
TEST(exit_codes)
{
    for (int code = 0; code < 256; code++)
        ends_with(start(BROOD_OPTIONS(.argv = TARGET("exit", say("%d", code)))), code);
    ends_with(start(BROOD_OPTIONS(.argv = TARGET("exit", "256"))), 0);
    ends_with(start(BROOD_OPTIONS(.argv = TARGET("exit", "-1"))), 255);
    ends_with(start(BROOD_OPTIONS(.argv = TARGET("exit", "-255"))), 1);
}

/* process_pid_test */
TEST(pid)
{
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("session"), .out = {.kind = BROOD_PIPE}));
    REQUIRE(child);
    pid_t pid = brood_child_pid(child);
    CHECK(pid > 1 && pid != getpid());
    char told[256];
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), told, sizeof told, BOUND_MS) > 0);
    CHECK_HAS(told, say("pid %d ppid %d ", (int)pid, (int)getpid()));
    ends_with(child, 0);
}

static void ends_by(struct brood_child *child, int number)
{
    struct brood_exit end;
    REQUIRE(child);
    CHECK_INT(brood_child_wait(child, BOUND_MS, &end), 0);
    CHECK_INT(end.kind, BROOD_SIGNALLED);
    CHECK_INT(end.code, number);
    CHECK_INT(brood_exit_code(&end), 128 + number);
    CHECK(WIFSIGNALED(end.wait_status) && WTERMSIG(end.wait_status) == number);
}

/* process_kill_test, co19 kill: it hits a waiting child; after the end it hits nobody and says so.
 * */
TEST(kill_child)
{
    static const int numbers[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGUSR1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct brood_child *child =
            start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = {.kind = BROOD_PIPE}));
        REQUIRE(child);
        CHECK_INT(brood_child_signal(child, numbers[i]), 0);
        ends_by(child, numbers[i]);
        CHECK_INT(brood_child_signal(child, numbers[i]), -ESRCH);
        CHECK_INT(brood_child_signal(child, 0), -ESRCH);
        CHECK(!brood_child_free(child));
    }
}

/* process_segfault_test */
TEST(segfault)
{
    char got[16];
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_child *child = start(
        BROOD_OPTIONS(.argv = TARGET("echo", "1", "0", "0", "1"), .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS), 0);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_ERR), got, sizeof got, BOUND_MS), 0);
    ends_by(child, SIGSEGV);
    CHECK(!brood_child_free(child));
}

/* process_start_exception_test: the same from start and from run. */
TEST(start_exception)
{
    const struct refusal want = {.stage = BROOD_STAGE_EXEC,
                                 .code = ENOENT,
                                 .subject = "/__path_to_something_that_is_not_there__",
                                 .sentence = "cannot start "
                                             "/__path_to_something_that_is_not_there__: "
                                             "/__path_to_something_that_is_not_there__: No such "
                                             "file or directory"};
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = WORDS("/__path_to_something_that_is_not_there__"));
    is_refused("start", options, &want);
    run_is_refused("run", options, &want);
}

/* process_detached_test: a directory is not a program. */
TEST(a_directory_as_executable)
{
    const struct refusal want = {.stage = BROOD_STAGE_EXEC,
                                 .code = EACCES,
                                 .detail = BROOD_DETAIL_IS_DIRECTORY,
                                 .subject = lab_directory()};
    is_refused("start", BROOD_OPTIONS(.argv = WORDS(lab_directory())), &want);
    run_is_refused("run", BROOD_OPTIONS(.argv = WORDS(lab_directory())), &want);
}

/* process_invalid_arguments_test: refused before any process. */
TEST(invalid_arguments)
{
    const struct refusal want = {
        .stage = BROOD_STAGE_OPTIONS, .code = EINVAL, .detail = BROOD_DETAIL_TEXT};
    is_refused("no words", BROOD_OPTIONS(.argv = NO_WORDS), &want);
    is_refused("no argv", BROOD_OPTIONS(.program = "true"), &want);
    is_refused("environment", BROOD_OPTIONS(.argv = WORDS("true"), .env = WORDS("x")), &want);
    run_is_refused("kind", BROOD_OPTIONS(.argv = WORDS("true"), .in = {.kind = 99}), &want);
}

/* process_shell_test: bad programs are the shell's matter, and end with its codes. */
TEST(shell_of_bad_executables)
{
    const struct brood_stream null = {.kind = BROOD_NULL};
    runs(BROOD_OPTIONS(.argv = WORDS("/no/such/program"), .flags = BROOD_SHELL, .err = null), 127);
    runs(BROOD_OPTIONS(.argv = WORDS("a'b\"c"), .flags = BROOD_SHELL, .err = null), 127);
    runs(BROOD_OPTIONS(.argv = WORDS("$HOME"), .flags = BROOD_SHELL, .err = null), 127);
}

/* stdio_implicit_close_test: the child's end-of-file comes when it ends, without our doing. */
TEST(stdio_implicit_close)
{
    char got[64];
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "exec >&-; read line; echo $line >&2"),
                            .in = a_pipe, .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS), 0);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT); /* closed, and alive */
    CHECK_INT(brood_child_write(child, "still here\n", 11, BOUND_MS), 11);
    CHECK_INT(lab_read_all(brood_child_stream(child, BROOD_ERR), got, sizeof got, BOUND_MS), 11);
    CHECK_STR(got, "still here\n");
    ends_with(child, 0);
}

/* co19 stdin: what was written before it was closed all arrives; end-of-file follows. */
TEST(stdin_is_delivered_before_it_closes)
{
    static char sent[200000], got[200001];
    struct brood_result result;
    memset(sent, 's', sizeof sent);
    REQUIRE(
        brood_run(
            BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "cat | wc -c; cat | wc -c"),
                          .in = {.kind = BROOD_MEMORY, .input = sent, .input_length = sizeof sent},
                          .out = {.kind = BROOD_MEMORY}),
            &result, NULL) == 0);
    CHECK_INT(sscanf(result.out, "%200000s", got), 1);
    CHECK_STR(got, "200000");
    CHECK_INT(atoi((const char *)result.out + strlen(got)), 0);
    brood_result_clear(&result);
}
