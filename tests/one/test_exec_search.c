/* SPDX-License-Identifier: MIT */
/*
 * Finding the program: in which PATH, in which order, and which of several failures is told.
 *
 * Invariant: every program here is a script that prints which one it is; the directories are the
 * test's own, so nothing installed can be found by chance.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of the test with a program "tool" that prints its directory's name. */
static const char *tool_in(const char *directory, mode_t mode)
{
    const char *path = lab_file(directory);
    const char *script = say("#!/bin/sh\nprintf %%s %s\n", directory);
    REQUIRE(mkdir(path, 0755) == 0);
    REQUIRE(lab_write_file(lab_file(say("%s/tool", directory)), script, strlen(script), mode) == 0);
    return path;
}

/* Runs `options` with what PATH the child has, and gives what it printed. */
static const char *prints(const char *path, struct brood_options *options)
{
    const char *const set[] = {say("PATH=%s", path ? path : ""), NULL};
    const char *const unset[] = {"PATH", NULL};
    char got[256] = "";
    options->out.kind = BROOD_PIPE;
    if (path)
        options->env_set = words(set);
    else
        options->env_unset = words(unset);
    struct brood_child *child = start(options);
    if (!child)
        return "";
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS) >= 0);
    ends_with(child, 0);
    return say("%s", got);
}

#define TOOL BROOD_OPTIONS(.argv = WORDS("tool"))

TEST(the_first_directory_wins)
{
    const char *a = tool_in("a", 0755), *b = tool_in("b", 0755);
    CHECK_STR(prints(say("%s:%s", a, b), TOOL), "a");
    CHECK_STR(prints(say("%s:%s", b, a), TOOL), "b");
    CHECK_STR(prints(say("/no/such:%s", b), TOOL), "b");
    CHECK_STR(prints(say("%s/", b), TOOL), "b");
}

TEST(program_is_searched_and_argv0_is_free)
{
    const char *a = tool_in("a", 0755);
    CHECK_STR(prints(a, BROOD_OPTIONS(.program = "tool", .argv = WORDS("another", "name"))), "a");
}

/* In PATH of the child's environment, or the caller's, or nowhere. */
TEST(which_environment)
{
    const char *a = tool_in("a", 0755), *b = tool_in("b", 0755);
    char *old = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    REQUIRE(setenv("PATH", a, 1) == 0);
    CHECK_STR(prints(b, BROOD_OPTIONS(.argv = WORDS("tool"))), "b");
    CHECK_STR(prints(b, BROOD_OPTIONS(.argv = WORDS("tool"), .search = BROOD_SEARCH_CALLER)), "a");
    const char *const set[] = {say("PATH=%s", a), NULL};
    is_refused(
        "none",
        BROOD_OPTIONS(.argv = WORDS("tool"), .search = BROOD_SEARCH_NONE, .env_set = words(set)),
        REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "tool",
                .sentence = "cannot start tool: tool: No such file or directory"));
    CHECK_STR(
        prints(b, BROOD_OPTIONS(.argv = WORDS("tool"), .search = BROOD_SEARCH_NONE, .cwd = a)),
        "a");
    if (old)
        REQUIRE(setenv("PATH", old, 1) == 0);
    else
        REQUIRE(unsetenv("PATH") == 0);
    free(old);
}

/* An empty element is the directory that the child is in. */
TEST(empty_elements)
{
    const char *a = tool_in("a", 0755);
    static const char *const paths[] = {"", ":", ":/no/such", "/no/such:", "/no/such::/no/other"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        CHECK_STR(prints(paths[i], BROOD_OPTIONS(.argv = WORDS("tool"), .cwd = a)), "a");
}

TEST(relative_elements_start_at_the_childs_directory)
{
    (void)tool_in("a", 0755);
    CHECK_STR(prints("a", BROOD_OPTIONS(.argv = WORDS("tool"), .cwd = lab_directory())), "a");
    CHECK_STR(prints("./a", BROOD_OPTIONS(.argv = WORDS("tool"), .cwd = lab_directory())), "a");
    CHECK_STR(prints("../a", BROOD_OPTIONS(.argv = WORDS("tool"), .cwd = lab_file("a"))), "a");
}

/* Without PATH there is a default, and /bin/sh is in it. */
TEST(no_path_at_all)
{
    CHECK_STR(prints(NULL, BROOD_OPTIONS(.argv = WORDS("sh", "-c", "printf found"))), "found");
    is_refused("not there either", BROOD_OPTIONS(.argv = WORDS("no-such-tool"), .env = NO_WORDS),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .detail = BROOD_DETAIL_NOT_FOUND,
                       .subject = "/bin:/usr/bin",
                       .sentence = "cannot start no-such-tool: not found in PATH /bin:/usr/bin"));
}

/* Directories and files that only look like the program are passed over. */
TEST(what_is_passed_over)
{
    const char *a = tool_in("a", 0644), *b = tool_in("b", 0755), *c = lab_file("c");
    REQUIRE(mkdir(c, 0755) == 0 && mkdir(lab_file("c/tool"), 0755) == 0);
    const char *plain = lab_file("plain");
    REQUIRE(lab_write_file(plain, "", 0, 0644) == 0);
    CHECK_STR(prints(say("%s:%s", a, b), TOOL), "b");
    CHECK_STR(prints(say("%s:%s", c, b), TOOL), "b");
    CHECK_STR(prints(say("%s:%s", plain, b), TOOL), "b");
    CHECK_STR(prints(say("%s:%s:%s:%s", plain, c, a, b), TOOL), "b");
}

TEST(over_long_elements_are_passed_over)
{
    const char *b = tool_in("b", 0755);
    char *path = malloc(6000);
    REQUIRE(path);
    memset(path, 'x', 5000);
    memcpy(path, "/", 1);
    path[5000] = ':';
    memcpy(path + 5001, b, strlen(b) + 1);
    char *set_entry = malloc(6100);
    REQUIRE(set_entry);
    memcpy(set_entry, "PATH=", 5);
    memcpy(set_entry + 5, path, strlen(path) + 1);
    const char *const set[] = {set_entry, NULL};
    struct brood_child *child = start(
        BROOD_OPTIONS(.argv = WORDS("tool"), .env_set = words(set), .out = {.kind = BROOD_NULL}));
    ends_with(child, 0);
    set_entry[5005] = '\0'; /* that element alone: there is nothing to try */
    is_refused(
        "over-long alone", BROOD_OPTIONS(.argv = WORDS("tool"), .env_set = words(set)),
        REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .detail = BROOD_DETAIL_NOT_FOUND));
    free(path);
    free(set_entry);
}

/* ------------------------------------------------------------------ which failure is told */

static void refuse_tool(const char *path, int code, int detail, const char *subject,
                        const char *sentence)
{
    const char *const set[] = {say("PATH=%s", path), NULL};
    is_refused(path, BROOD_OPTIONS(.argv = WORDS("tool"), .env_set = words(set)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = code, .detail = detail,
                       .subject = subject, .sentence = say("cannot start tool: %s", sentence)));
}

/* "May not be executed" is more than "not there", wherever in PATH it stood; the first of them. */
TEST(a_refusal_outranks_an_absence)
{
    const char *a = tool_in("a", 0644), *b = lab_file("b"), *c = tool_in("c", 0644);
    REQUIRE(mkdir(b, 0755) == 0 && mkdir(lab_file("b/tool"), 0755) == 0);
    const char *tool = say("%s/tool", a), *directory = say("%s/tool", b);
    const char *words_of_it = say("%s may not be executed: Permission denied (chmod +x?)", tool);
    refuse_tool(say("%s:/no/such", a), EACCES, BROOD_DETAIL_NOT_EXECUTABLE, tool, words_of_it);
    refuse_tool(say("/no/such:%s", a), EACCES, BROOD_DETAIL_NOT_EXECUTABLE, tool, words_of_it);
    refuse_tool(say("%s:%s", a, c), EACCES, BROOD_DETAIL_NOT_EXECUTABLE, tool, words_of_it);
    refuse_tool(say("%s:%s", b, a), EACCES, BROOD_DETAIL_IS_DIRECTORY, directory,
                say("%s is a directory", directory));
}

/* Any other failure ends the search: what comes after is not tried. */
TEST(another_failure_ends_the_search)
{
    const char *a = lab_file("a"), *b = tool_in("b", 0755), *loop = lab_file("loop");
    REQUIRE(mkdir(a, 0755) == 0);
    const char *tool = lab_file("a/tool");
    REQUIRE(lab_write_file(tool, "neither\n", 8, 0755) == 0);
    refuse_tool(say("%s:%s", a, b), ENOEXEC, BROOD_DETAIL_NOT_A_PROGRAM, tool,
                say("%s is neither a program that runs here nor a script with #!", tool));
    REQUIRE(symlink("loop", loop) == 0);
    refuse_tool(say("%s:%s", loop, b), ELOOP, BROOD_DETAIL_NONE, say("%s/tool", loop),
                say("%s/tool: Too many levels of symbolic links", loop));
}

TEST(nowhere)
{
    const char *a = lab_file("a"), *plain = lab_file("plain");
    REQUIRE(mkdir(a, 0755) == 0 && lab_write_file(plain, "", 0, 0644) == 0);
    refuse_tool(a, ENOENT, BROOD_DETAIL_NOT_FOUND, a, say("not found in PATH %s", a));
    refuse_tool("/no/such:/no/other", ENOENT, BROOD_DETAIL_NOT_FOUND, "/no/such:/no/other",
                "not found in PATH /no/such:/no/other");
    refuse_tool(say("%s:%s", a, plain), ENOTDIR, BROOD_DETAIL_NOT_FOUND, NULL,
                say("not found in PATH %s:%s", a, plain));
}

/* Found, but its interpreter is missing: not the same as not found, in a search too. */
TEST(a_missing_interpreter_in_a_search)
{
    const char *a = lab_file("a");
    REQUIRE(mkdir(a, 0755) == 0);
    REQUIRE(lab_write_file(lab_file("a/tool"), "#!/no/such/shell\n", 17, 0755) == 0);
    refuse_tool(say("/no/such:%s", a), ENOENT, BROOD_DETAIL_INTERPRETER, "/no/such/shell",
                "the file is there, but its interpreter /no/such/shell: No such file or directory");
    /* A good one further on is run, as execvp(3) does. */
    const char *b = tool_in("b", 0755);
    CHECK_STR(prints(say("%s:%s", a, b), TOOL), "b");
}

/* ------------------------------------------------------------------ names with a slash */

TEST(a_name_with_a_slash_is_a_path)
{
    (void)tool_in("a", 0755);
    const char *there = lab_directory();
    CHECK_STR(prints("/no/such", BROOD_OPTIONS(.argv = WORDS("a/tool"), .cwd = there)), "a");
    CHECK_STR(prints("/no/such", BROOD_OPTIONS(.argv = WORDS("./tool"), .cwd = lab_file("a"))),
              "a");
    CHECK_STR(prints("/no/such", BROOD_OPTIONS(.argv = WORDS("../a/tool"), .cwd = lab_file("a"))),
              "a");
    is_refused("from the caller's directory", BROOD_OPTIONS(.argv = WORDS("a/tool")),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "a/tool",
                       .sentence = "cannot start a/tool: a/tool: No such file or directory"));
}

TEST(an_empty_name)
{
    const char *a = tool_in("a", 0755);
    const char *const set[] = {say("PATH=%s", a), NULL};
    is_refused("empty", BROOD_OPTIONS(.argv = WORDS(""), .env_set = words(set)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT,
                       .sentence = "cannot start '': No such file or directory"));
}

/* A name that is longer than any can be. */
TEST(an_over_long_name)
{
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    is_refused("300 bytes", BROOD_OPTIONS(.argv = WORDS(name)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENAMETOOLONG));
}

/* A program may be named by a descriptor that the child is given. */
TEST(a_name_that_is_a_descriptor)
{
    (void)tool_in("a", 0755);
    int fd = open(lab_file("a/tool"), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2);
    const struct brood_fd_map map = {fd, 9};
    CHECK_STR(
        prints("/no/such", BROOD_OPTIONS(.argv = WORDS("/dev/fd/9"), .fds = &map, .fd_count = 1)),
        "a");
    CHECK_INT(close(fd), 0);
}
