/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of finding a program in PATH: C04 to C07 of README.md.
 *
 * Invariant: what is right is asked of the C library's own exec for every sequence of up to three
 * kinds of elements (plain.h); only what that leaves open, or gets wrong itself, is said by hand.
 */
#include "plain.h"
#include "starting.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the surroundings */

enum { IN_CALLERS = 1, IN_CHILDS = 2, IN_HERE = 3, NOT_FOUND = -ENOENT };

/* A directory with a program that tells where it was found (programs/where.c). */
static void make_tool(const char *directory)
{
    char where[PATH_MAX];
    (void)lab_built_program(where, sizeof where, "conformance/where");
    REQUIRE(mkdir(lab_file(directory), 0755) == 0);
    REQUIRE(symlink(where, lab_file(say("%s/tool", directory))) == 0);
}

static void make_directory(const char *name)
{
    REQUIRE(mkdir(lab_file(name), 0755) == 0);
}

/* One directory for each way in which an element can be good or bad. at3 is the child's own. */
static void make_surroundings(void)
{
    make_tool("at1");
    make_tool("at2");
    make_tool("at3");
    make_tool("at4");
    make_directory("plain");
    make_directory("empty");
    make_directory("dangling");
    make_directory("dir");
    make_directory("dir/tool");
    REQUIRE(lab_write_file(lab_file("plain/tool"), "", 0, 0644) == 0);
    REQUIRE(lab_write_file(lab_file("file"), "", 0, 0755) == 0);
    REQUIRE(symlink("/no/such/goal", lab_file("dangling/tool")) == 0);
    REQUIRE(symlink("loop", lab_file("loop")) == 0);
    REQUIRE(chmod(lab_file("at4"), 0) == 0); /* stops all but root */
}

/* The search for "tool" in this PATH, NULL for none at all, from the directory at3. */
static int search(const char *path, struct brood_error *error)
{
    char *const *env = path ? WORDS(say("PATH=%s", path)) : WORDS("OTHER=x");
    return plain_agree(path ? path : "no PATH",
                       BROOD_OPTIONS(.argv = WORDS("tool"), .env = env, .cwd = lab_file("at3")),
                       error);
}

/* Every sequence of `length` of these elements; returns how many there were. */
static unsigned search_all(const char *const *kinds, size_t count, size_t length)
{
    unsigned total = 1, failed = 0;
    for (size_t i = 0; i < length; i++)
        total *= (unsigned)count;
    for (unsigned number = 0; number < total; number++) {
        const char *path = kinds[number % count];
        unsigned left = number;
        for (size_t i = 1; i < length; i++) {
            left /= (unsigned)count;
            path = say("%s:%s", path, kinds[left % count]);
        }
        struct brood_error error;
        int result = search(path, &error);
        if (result < 0) {
            failed++;
            CHECK_INT(error.stage, BROOD_STAGE_EXEC);
        }
    }
    CHECK(failed > 0 && failed < total);
    return total;
}

static void search_up_to_three(const char *const *kinds, size_t count)
{
    unsigned total = 0;
    make_surroundings();
    for (size_t length = 1; length <= 3; length++)
        total += search_all(kinds, count, length);
    NOTE("%u paths, each searched by exec and by brood", total);
}

/* ------------------------------------------------------------------ C04 */

struct place {
    uint32_t search;
    bool env, set, unset; /* the child's PATH comes from there: at2; unset: it has none */
    int want;
};

TEST(c04_path_of_the_wrong_environment)
{
    static const struct place rows[] = {
        {BROOD_SEARCH_CHILD, false, false, false, IN_CALLERS},
        {BROOD_SEARCH_CHILD, true, false, false, IN_CHILDS},
        {BROOD_SEARCH_CHILD, false, true, false, IN_CHILDS},
        {BROOD_SEARCH_CHILD, true, true, false, IN_HERE},
        {BROOD_SEARCH_CHILD, false, false, true, NOT_FOUND},
        {BROOD_SEARCH_CHILD, true, false, true, NOT_FOUND},
        {BROOD_SEARCH_CHILD, true, true, true, IN_HERE},
        {BROOD_SEARCH_CALLER, false, false, false, IN_CALLERS},
        {BROOD_SEARCH_CALLER, true, false, false, IN_CALLERS},
        {BROOD_SEARCH_CALLER, true, true, false, IN_CALLERS},
        {BROOD_SEARCH_CALLER, true, false, true, IN_CALLERS},
        {BROOD_SEARCH_NONE, true, true, false, NOT_FOUND},
    };
    make_surroundings();
    char *old = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    REQUIRE(setenv("PATH", lab_file("at1"), 1) == 0);
    const char *childs = say("PATH=%s", lab_file("at2")), *other = say("PATH=%s", lab_file("at3"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct place *row = &rows[i];
        char *const *set = row->env ? WORDS(other) : WORDS(childs);
        int got = plain_brood(BROOD_OPTIONS(.argv = WORDS("tool"), .search = row->search,
                                            .env = row->env ? WORDS(childs) : NULL,
                                            .env_set = row->set ? set : NULL,
                                            .env_unset = row->unset ? WORDS("PATH") : NULL),
                              NULL);
        CHECK_SAY(got == row->want, "row %zu: %d, not %d", i, got, row->want);
        CHECK_STR(getenv("PATH"), lab_file("at1"));
    }
    REQUIRE((old ? setenv("PATH", old, 1) : unsetenv("PATH")) == 0);
    free(old);
}

/* An environment may name PATH twice. What is searched is what the program would itself look at. */
TEST(c04_path_named_twice)
{
    make_surroundings();
    const char *one = say("PATH=%s", lab_file("at1")), *two = say("PATH=%s", lab_file("at2"));
    CHECK_INT(plain_agree("one, two",
                          BROOD_OPTIONS(.argv = WORDS("tool"), .env = WORDS(one, "A=1", two)),
                          NULL),
              1);
    CHECK_INT(
        plain_agree("two, one", BROOD_OPTIONS(.argv = WORDS("tool"), .env = WORDS(two, one)), NULL),
        2);
    /* Names that only begin or end like it are not it. */
    CHECK_INT(plain_agree("near",
                          BROOD_OPTIONS(.argv = WORDS("tool"),
                                        .env = WORDS(say("PATHS=%s", lab_file("at1")),
                                                     say("XPATH=%s", lab_file("at1")),
                                                     say("path=%s", lab_file("at1")), two)),
                          NULL),
              2);
}

/* ------------------------------------------------------------------ C05 */

TEST(c05_odd_paths)
{
    static const char *const kinds[] = {"", "../at1", "../empty", "."};
    search_up_to_three(kinds, sizeof kinds / sizeof *kinds);
}

/* Without PATH there is a default, and the current directory is not in it. */
TEST(c05_no_path_is_not_the_current_directory)
{
    struct brood_error error;
    make_surroundings();
    CHECK_INT(search(NULL, &error), NOT_FOUND);
    CHECK_INT(error.detail, BROOD_DETAIL_NOT_FOUND);
    CHECK_INT(plain_agree("sh", BROOD_OPTIONS(.argv = WORDS("sh", "-c", "exit 9"), .env = NO_WORDS),
                          NULL),
              9);
}

/* An element that no file name can hold counts for nothing: neither as an end of the search nor,
 * cut off or emptied, as another directory. */
TEST(c05_an_over_long_element)
{
    enum { LONG = 5000, ROOM = 8000 };
    static const struct {
        const char *before, *after;
        int want;
    } rows[] = {
        {"", ":../at2", 2},          {"", "", NOT_FOUND},       {"", ":../empty", NOT_FOUND},
        {"../empty:", ":../at1", 1}, {"../at1:", ":../at2", 1}, {"../empty:", "", NOT_FOUND},
        {"", ":", IN_HERE}};
    make_surroundings();
    char *path = calloc(1, ROOM);
    REQUIRE(path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char fill[LONG + 1];
        memset(fill, 'x', LONG);
        fill[LONG] = '\0';
        fill[0] = '/';
        int length = snprintf(path, ROOM, "PATH=%s%s%s", rows[i].before, fill, rows[i].after);
        REQUIRE(length > LONG && length < ROOM);
        const char *const env[] = {path, NULL};
        int got = plain_brood(
            BROOD_OPTIONS(.argv = WORDS("tool"), .env = words(env), .cwd = lab_file("at3")), NULL);
        CHECK_SAY(got == rows[i].want, "row %zu: %d, not %d", i, got, rows[i].want);
    }
    free(path);
}

/* Hundreds of elements; a name that is just as long as a name may be, and one byte more. */
TEST(c05_many_elements_and_long_names)
{
    enum { ELEMENTS = 800, NAME = 255, ROOM = 64 * 1024 };
    char name[NAME + 2];
    make_surroundings();
    char *path = calloc(1, ROOM);
    REQUIRE(path);
    int at = snprintf(path, ROOM, "PATH=");
    for (unsigned i = 0; i < ELEMENTS; i++)
        at += snprintf(path + at, (size_t)(ROOM - at), "/no/such/directory/%u:", i);
    (void)snprintf(path + at, (size_t)(ROOM - at), "%s", lab_file("at2"));
    const char *const env[] = {path, NULL};
    CHECK_INT(plain_agree("800", BROOD_OPTIONS(.argv = WORDS("tool"), .env = words(env)), NULL), 2);
    free(path);

    memset(name, 'n', sizeof name);
    name[NAME] = '\0';
    REQUIRE(rename(lab_file("at1/tool"), lab_file(say("at1/%s", name))) == 0);
    char *const *here = WORDS(say("PATH=/no/such:%s", lab_file("at1")));
    CHECK_INT(plain_agree("255", BROOD_OPTIONS(.argv = WORDS(name), .env = here), NULL), 1);
    name[NAME] = 'n';
    name[NAME + 1] = '\0';
    CHECK_INT(plain_agree("256", BROOD_OPTIONS(.argv = WORDS(name), .env = here), NULL),
              -ENAMETOOLONG);
}

/* ------------------------------------------------------------------ C06 */

TEST(c06_directories_and_files_in_the_way)
{
    static const char *const kinds[] = {"../dir", "../file", "../at1", "../file/below",
                                        "../dangling"};
    search_up_to_three(kinds, sizeof kinds / sizeof *kinds);
}

/* A directory of the program's name is no program, and does not stop the search. */
TEST(c06_a_directory_named_like_the_program)
{
    struct brood_error error;
    make_surroundings();
    CHECK_INT(search(say("%s:%s", lab_file("dir"), lab_file("at2")), NULL), 2);
    CHECK_INT(search(say("%s:%s:%s", lab_file("dir"), lab_file("file"), lab_file("at1")), NULL), 1);
    CHECK_INT(search(lab_file("dir"), &error), -EACCES);
    CHECK_INT(error.detail, BROOD_DETAIL_IS_DIRECTORY);
    CHECK_STR(error.subject, lab_file("dir/tool"));
}

/* ------------------------------------------------------------------ C07 */

TEST(c07_which_failure_is_told)
{
    static const char *const kinds[] = {"../plain", "../empty", "../file",
                                        "../loop",  "../at4",   "../at2"};
    search_up_to_three(kinds, sizeof kinds / sizeof *kinds);
}

/* A file that may not be executed is the news, wherever it stands; the first of them is named. */
TEST(c07_a_refusal_is_named_before_an_absence)
{
    static const char *const rows[] = {"plain:empty:/no/such", "empty:plain:/no/such",
                                       "/no/such:file:plain", "plain:dir", "file:plain:dir:empty"};
    make_surroundings();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct brood_error error;
        char *const *env = WORDS(say("PATH=%s", rows[i]));
        int got = plain_agree(
            rows[i], BROOD_OPTIONS(.argv = WORDS("tool"), .env = env, .cwd = lab_directory()),
            &error);
        CHECK_INT(got, -EACCES);
        CHECK_INT(error.detail, BROOD_DETAIL_NOT_EXECUTABLE);
        CHECK_STR(error.subject, "plain/tool");
    }
}
