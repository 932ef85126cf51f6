/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of running scripts: C03, C08 and C22 of README.md.
 *
 * Invariant: what a script was given it tells by its output, word by word; nothing is known of it
 * from brood.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 600, LINE_BYTES = 300 };

/* Prints its own name and each argument in brackets. */
static const char bare[] = "printf '[%s]' \"$0\" \"$@\"\nexit 5\n";

static const char *script(const char *name, const char *text, mode_t mode)
{
    REQUIRE(lab_write_file(lab_file(name), text, strlen(text), mode) == 0);
    return lab_file(name);
}

/* Runs, checks its exit code, and gives what it printed. */
static const char *prints(struct brood_options *options, int code)
{
    static char got[65536];
    got[0] = '\0';
    options->out.kind = BROOD_PIPE;
    struct brood_child *child = start(options);
    if (!child)
        return "";
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS) >= 0);
    ends_with(child, code);
    return got;
}

/* ------------------------------------------------------------------ C03 */

/* A script without a first line of #!: whether a shell runs it must not depend on the way it was
 * found or on the C library, only on what was asked. */
TEST(c03_a_script_without_a_first_line_is_refused)
{
    const char *path = script("bare", bare, 0755);
    char *const *env = WORDS(say("PATH=/no/such:%s", lab_directory()));
    const struct refusal want = {.stage = BROOD_STAGE_EXEC,
                                 .code = ENOEXEC,
                                 .detail = BROOD_DETAIL_NOT_A_PROGRAM,
                                 .subject = path};
    is_refused("by its path", BROOD_OPTIONS(.argv = WORDS(path)), &want);
    is_refused("by a search", BROOD_OPTIONS(.argv = WORDS("bare"), .env = env), &want);
    is_refused("of another name", BROOD_OPTIONS(.argv = WORDS("x"), .program = "bare", .env = env),
               &want);
}

TEST(c03_a_script_without_a_first_line_by_a_shell)
{
    const char *path = script("bare", bare, 0755), *want = say("[%s][a b][][$0]", path);
    char *const *env = WORDS(say("PATH=/no/such:%s", lab_directory()));
    const uint64_t by_shell = BROOD_SCRIPT_SHELL;
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS(path, "a b", "", "$0"), .flags = by_shell), 5),
              want);
    CHECK_STR(
        prints(BROOD_OPTIONS(.argv = WORDS("bare", "a b", "", "$0"), .env = env, .flags = by_shell),
               5),
        want);
    /* What has a first line, or is a program, is not the shell's. */
    CHECK_STR(
        prints(BROOD_OPTIONS(.argv = WORDS(script("cat", "#!/bin/cat\n", 0755)), .flags = by_shell),
               0),
        "#!/bin/cat\n");
    CHECK_STR(prints(BROOD_OPTIONS(.argv = TARGET("print", "x"), .flags = by_shell), 0), "x");
}

/* The arguments that the shell gets are one more than those given: no size of the list is too long
 * for the room that was made, and the caller's own list is not written to. */
TEST(c03_the_shells_arguments_have_room)
{
    static char numbers[MANY][8];
    const char *argv[MANY + 2], *copy[MANY + 2];
    char want[MANY * 8 + LINE_BYTES];
    const char *path = script("bare", bare, 0755);
    argv[0] = path;
    for (size_t i = 0; i < MANY; i++)
        (void)snprintf(numbers[i], sizeof numbers[i], "%zu", i);
    for (size_t count = 0; count <= MANY; count = count < 20 ? count + 1 : count * 3) {
        int at = snprintf(want, sizeof want, "[%s]", path);
        for (size_t i = 0; i < count; i++) {
            argv[i + 1] = numbers[i];
            at += snprintf(want + at, sizeof want - (size_t)at, "[%s]", numbers[i]);
        }
        argv[count + 1] = NULL;
        memcpy(copy, argv, sizeof copy);
        CHECK_STR(prints(BROOD_OPTIONS(.argv = words(argv), .flags = BROOD_SCRIPT_SHELL), 5), want);
        CHECK_MEM(argv, copy, (count + 2) * sizeof *argv);
    }
}

/* ------------------------------------------------------------------ C08 */

static void refuse(const char *program, int code, int detail, const char *subject)
{
    is_refused(
        program, BROOD_OPTIONS(.argv = WORDS(program), .cwd = lab_directory()),
        REFUSAL(.stage = BROOD_STAGE_EXEC, .code = code, .detail = detail, .subject = subject));
}

/* Three files that are missing, one errno: the error says which. */
TEST(c08_missing_script_or_missing_interpreter)
{
    const char *path = script("script", "#!/no/such/interpreter -u\nexit 0\n", 0755);
    const char *gone = lab_file("gone");
    refuse(gone, ENOENT, BROOD_DETAIL_NONE, gone);
    refuse(path, ENOENT, BROOD_DETAIL_INTERPRETER, "/no/such/interpreter");
    is_refused("in words", BROOD_OPTIONS(.argv = WORDS(path)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT,
                       .detail = BROOD_DETAIL_INTERPRETER,
                       .sentence = say("cannot start %s: the file is there, but its interpreter "
                                       "/no/such/interpreter: No such file or directory",
                                       path)));
    const char *outer = script("outer", say("#!%s\n", path), 0755);
    refuse(outer, ENOENT, BROOD_DETAIL_INTERPRETER, "/no/such/interpreter");
}

/* The interpreter of a script is looked up from the directory of the child, as the script is. */
TEST(c08_a_relative_interpreter)
{
    const char *text = "#!sub/interpreter\n";
    (void)script("script", text, 0755);
    REQUIRE(mkdir(lab_file("sub"), 0755) == 0);
    refuse("./script", ENOENT, BROOD_DETAIL_INTERPRETER, "sub/interpreter");
    (void)script("sub/interpreter", "no program\n", 0644);
    refuse("./script", EACCES, BROOD_DETAIL_INTERPRETER, "sub/interpreter");
    REQUIRE(unlink(lab_file("sub/interpreter")) == 0);
    REQUIRE(symlink("/bin/cat", lab_file("sub/interpreter")) == 0);
    CHECK_STR(prints(BROOD_OPTIONS(.argv = WORDS("./script"), .cwd = lab_directory()), 0), text);
}

/* As long as a kernel reads it, and longer: either it runs, or the error does not tell of a
 * missing interpreter that is there. */
TEST(c08_a_long_first_line)
{
    enum { LONG = 250 };
    char deep[LINE_BYTES];
    const char *base = lab_file("d");
    REQUIRE(mkdir(base, 0755) == 0);
    for (size_t length = LONG / 2; length < LONG + 40; length += 11) {
        int room = (int)length - (int)strlen(base) - 3;
        if (room < 1 || room > NAME_MAX)
            continue;
        (void)snprintf(deep, sizeof deep, "%s/%0*d", base, room, 7);
        REQUIRE(symlink("/bin/cat", deep) == 0);
        const char *text = say("#!%s\n", deep), *path = script("script", text, 0755);
        struct brood_child *child = NULL;
        struct brood_error error;
        if (brood_start(BROOD_OPTIONS(.argv = WORDS(path), .out = {.kind = BROOD_NULL}), &child,
                        &error) == 0)
            ends_with(child, 0);
        else
            CHECK_SAY(error.code == ENOEXEC && error.detail != BROOD_DETAIL_INTERPRETER,
                      "%zu: code %d, detail %d", length, error.code, error.detail);
    }
}

/* ------------------------------------------------------------------ C22 */

/* A program that is named by a descriptor: /proc/self/fd/N. The kernel reads a program itself, so
 * the descriptor may be hidden from it; a script is opened once more by its interpreter. */
static struct brood_options by_descriptor(int fd, const struct brood_fd_map *map,
                                          const char *const *argv)
{
    static char name[32];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", map ? map->to : fd);
    return (struct brood_options){.size = sizeof(struct brood_options),
                                  .program = name,
                                  .argv = words(argv),
                                  .fds = map,
                                  .fd_count = map ? 1 : 0,
                                  .err = {.kind = BROOD_NULL}};
}

TEST(c22_a_program_by_a_descriptor_that_closes_on_exec)
{
    int fd = open(lab_child_program(), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2);
    const char *const argv[] = {"by descriptor", "print", "x", NULL};
    struct brood_options options = by_descriptor(fd, NULL, argv);
    CHECK_STR(prints(&options, 0), "x");
    const struct brood_fd_map map = {fd, 40};
    options = by_descriptor(fd, &map, argv);
    CHECK_STR(prints(&options, 0), "x");
    CHECK_INT(close(fd), 0);
}

/* Closed on exec: that is the interpreter's failure, after a start that went well, and never one
 * that is told as a missing script. Given to the child it works, whatever the caller's own has. */
TEST(c22_a_script_by_a_descriptor)
{
    int fd = open(script("script", "#!/bin/sh\nprintf x\nexit 6\n", 0755), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2);
    const char *const argv[] = {"by descriptor", NULL};
    const struct brood_fd_map map = {fd, 40}, same = {fd, fd};
    struct brood_options options = by_descriptor(fd, &map, argv);
    CHECK_STR(prints(&options, 6), "x");
    options = by_descriptor(fd, &same, argv);
    CHECK_STR(prints(&options, 6), "x");
    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);

    options = by_descriptor(fd, NULL, argv);
    struct brood_child *child = NULL;
    struct brood_error error;
    struct brood_exit end = {.kind = 0};
    int result = brood_start(&options, &child, &error);
    if (CHECK_SAY(result == 0, "%d", result)) {
        CHECK_INT(brood_child_wait(child, BOUND_MS, &end), 0);
        CHECK(end.kind == BROOD_EXITED && end.code != 0 && end.code != 6);
    }
    (void)brood_child_free(child);
    CHECK_INT(close(fd), 0);
}
