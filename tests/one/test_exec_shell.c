/* SPDX-License-Identifier: MIT */
/*
 * The shell, where it was asked for: each word quoted so that it arrives as it is, and scripts
 * without a first line that names their interpreter.
 */
#include "starting.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs, and gives what was printed. */
static const char *prints(struct brood_options *options, int code)
{
    char got[4096] = "";
    options->out.kind = BROOD_PIPE;
    struct brood_child *child = start(options);
    if (!child)
        return "";
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS) >= 0);
    ends_with(child, code);
    return say("%s", got);
}

/* ------------------------------------------------------------------ words that shells act on */

static const char *const nasty[] = {
    "",
    " ",
    "'",
    "''",
    "'\"'\"'",
    "\"",
    "a b",
    "a\tb",
    "a\nb",
    "line\n",
    "$HOME",
    "${HOME}",
    "$(id)",
    "`id`",
    "\\",
    "\\\\",
    "\\n",
    "*",
    "/*",
    "?",
    "[a-z]",
    "~",
    "!",
    "!!",
    "#comment",
    "a;b",
    "a&b",
    "a|b",
    "a>b",
    "<in",
    "(a)",
    "{a,b}",
    "-n",
    "--",
    "a=b",
    "%s%n",
    "\xc3\xa4\xe2\x82\xac",
    "\xff\xfe",
    "\x01\x1b[31m\x7f",
    "it's \"$(nasty)\" \\ 'enough'",
};

enum { NASTY = sizeof nasty / sizeof *nasty };

/* The helper program tells each argument with its length; so must it here. */
static void check_arguments(uint64_t flags)
{
    const char *argv[NASTY + 3] = {lab_child_program(), "echo-args"};
    char want[4096] = "";
    size_t at = 0;
    for (size_t i = 0; i < NASTY; i++) {
        const char *line = say("%zu %s\n", strlen(nasty[i]), nasty[i]);
        argv[i + 2] = nasty[i];
        memcpy(want + at, line, strlen(line) + 1);
        at += strlen(line);
    }
    CHECK_STR(prints(BROOD_OPTIONS(.argv = words(argv), .flags = flags), 0), want);
}

TEST(arguments_arrive_as_they_are)
{
    check_arguments(0);
}

TEST(arguments_arrive_as_they_are_through_the_shell)
{
    check_arguments(BROOD_SHELL);
}

/* brood_shell_quote() and the shell agree, word by word. */
TEST(quoted_words_are_one_word)
{
    for (size_t i = 0; i < NASTY; i++) {
        char quoted[256];
        REQUIRE(brood_shell_quote(nasty[i], quoted, sizeof quoted) < sizeof quoted);
        const char *script = say("%s echo-args %s", lab_child_program(), quoted);
        CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", script)), 0),
                  say("%zu %s\n", strlen(nasty[i]), nasty[i]));
    }
}

TEST(the_shell_runs_a_program_with_a_nasty_name)
{
    const char *path = lab_file("it's a $(program)");
    REQUIRE(lab_write_file(path, "#!/bin/sh\nprintf '%s,' \"$@\"\n", 29, 0755) == 0);
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS(path, "a b", "'"), .flags = BROOD_SHELL), 0),
              "a b,',");
}

/* The start is of /bin/sh, which works; a missing program is then its exit code. */
TEST(the_shell_does_not_find_a_program)
{
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("no-such-program"), .flags = BROOD_SHELL,
                                   .err = {.kind = BROOD_NULL}),
                     127),
              "");
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS(lab_directory()), .flags = BROOD_SHELL,
                                   .err = {.kind = BROOD_NULL}),
                     126),
              "");
}

/* Builtins and PATH are the shell's. The words stay words: no operator comes alive. */
TEST(the_shell_has_builtins_and_no_operators)
{
    CHECK_STR(
        prints(BROOD_OPTIONS(.argv = WORDS("echo", "a", "&&", "exit", "3"), .flags = BROOD_SHELL),
               0),
        "a && exit 3\n");
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("exit", "7"), .flags = BROOD_SHELL), 7), "");
}

/* PATH of the child decides what the shell finds, and /bin/sh itself needs none. */
TEST(the_shell_itself_is_not_searched)
{
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("echo", "here"), .flags = BROOD_SHELL,
                                   .env = WORDS("PATH=/no/such")),
                     0),
              "here\n");
}

/* ------------------------------------------------------------------ scripts without a first line
 * */

static const char *plain_script(void)
{
    static const char text[] = "printf '%s,' \"$0\" \"$@\"\nexit 4\n";
    const char *path = lab_file("plain");
    REQUIRE(lab_write_file(path, text, sizeof text - 1, 0755) == 0);
    return path;
}

TEST(a_script_without_a_first_line_is_no_program)
{
    const char *path = plain_script();
    is_refused("plain", BROOD_OPTIONS(.argv = WORDS(path, "a")),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOEXEC,
                       .detail = BROOD_DETAIL_NOT_A_PROGRAM, .subject = path));
}

TEST(a_script_without_a_first_line_by_the_shell)
{
    const char *path = plain_script();
    CHECK_STR(
        prints(BROOD_OPTIONS(.argv = WORDS(path, "a b", "", "$c"), .flags = BROOD_SCRIPT_SHELL), 4),
        say("%s,a b,,$c,", path));
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("another name"), .program = path,
                                   .flags = BROOD_SCRIPT_SHELL),
                     4),
              say("%s,", path));
}

TEST(it_is_found_in_a_search_too)
{
    const char *path = plain_script();
    const char *const set[] = {say("PATH=/no/such:%s", lab_directory()), NULL};
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("plain", "x"), .flags = BROOD_SCRIPT_SHELL,
                                   .env_set = words(set)),
                     4),
              say("%s,x,", path));
}

TEST(an_empty_script_by_the_shell)
{
    REQUIRE(lab_write_file(lab_file("empty"), "", 0, 0755) == 0);
    runs(BROOD_OPTIONS(.argv = WORDS(lab_file("empty")), .flags = BROOD_SCRIPT_SHELL), 0);
}

/* Only for ENOEXEC: anything else stays a failure of the start. */
TEST(the_shell_is_no_way_round_other_failures)
{
    REQUIRE(lab_write_file(lab_file("closed"), "exit 0\n", 7, 0644) == 0);
    is_refused(
        "0644", BROOD_OPTIONS(.argv = WORDS(lab_file("closed")), .flags = BROOD_SCRIPT_SHELL),
        REFUSAL(.stage = BROOD_STAGE_EXEC, .code = EACCES, .detail = BROOD_DETAIL_NOT_EXECUTABLE));
    is_refused("missing", BROOD_OPTIONS(.argv = WORDS("/no/such"), .flags = BROOD_SCRIPT_SHELL),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT));
}
