/* SPDX-License-Identifier: MIT */
/*
 * The child's environment, and that the caller's stays as it is.
 *
 * Invariant: `target env` tells every entry; what is compared is the whole list, in its order.
 */
#include "starting.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

static const char *environment(struct brood_options *options)
{
    return tells(options, "env");
}

/* The entries of a list, one a line. */
static const char *lines(char *const *entries)
{
    static char text[65536];
    size_t at = 0;
    text[0] = '\0';
    for (; *entries && at + strlen(*entries) + 2 < sizeof text; entries++) {
        memcpy(text + at, *entries, strlen(*entries));
        at += strlen(*entries);
        memcpy(text + at, "\n", 2);
        at++;
    }
    return text;
}

TEST(by_default_the_callers)
{
    REQUIRE(setenv("BROOD_TEST", "with space", 1) == 0);
    CHECK_STR(environment(BROOD_OPTIONS(.argv = NULL)), lines(environ));
    CHECK_HAS(environment(BROOD_OPTIONS(.argv = NULL)), "BROOD_TEST=with space\n");
    REQUIRE(unsetenv("BROOD_TEST") == 0);
}

TEST(replaced)
{
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("B=2", "A=1", "EMPTY="))),
              "B=2\nA=1\nEMPTY=\n");
    CHECK_STR(environment(BROOD_OPTIONS(.env = NO_WORDS)), "");
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1=2==", "B=\t \xff"))),
              "A=1=2==\nB=\t \xff\n");
}

TEST(set_and_unset)
{
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1", "B=2", "C=3"),
                                        .env_set = WORDS("B=new", "D=4"))),
              "A=1\nC=3\nB=new\nD=4\n");
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1", "B=2", "C=3"),
                                        .env_unset = WORDS("B", "NOT_THERE"))),
              "A=1\nC=3\n");
    /* Taken out before the new ones are laid over it. */
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1", "B=2"), .env_unset = WORDS("A", "B"),
                                        .env_set = WORDS("A=new"))),
              "A=new\n");
    CHECK_STR(environment(
                  BROOD_OPTIONS(.env = WORDS("A=1"), .env_unset = WORDS("A"), .env_set = NO_WORDS)),
              "");
}

/* A name is the whole of what stands before the first '='. */
TEST(names_that_begin_alike)
{
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1", "AB=2", "ABC=3"),
                                        .env_unset = WORDS("AB"), .env_set = WORDS("A=new"))),
              "ABC=3\nA=new\n");
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1"), .env_set = WORDS("a=2", "A =3"))),
              "A=1\na=2\nA =3\n");
}

TEST(odd_names)
{
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("a.b=1", "1=2", "\xc3\xa4=3", "with space=4",
                                                     "BASH_FUNC_x%%=() { :; }"))),
              "a.b=1\n1=2\n\xc3\xa4=3\nwith space=4\nBASH_FUNC_x%%=() { :; }\n");
}

/* The last of what was set wins; what stands twice in a given environment is the caller's matter.
 * */
TEST(duplicates)
{
    CHECK_STR(
        environment(BROOD_OPTIONS(.env = WORDS("A=0"), .env_set = WORDS("A=1", "B=x", "A=2"))),
        "B=x\nA=2\n");
    CHECK_STR(environment(BROOD_OPTIONS(.env = WORDS("A=1", "A=2"))), "A=1\nA=2\n");
    CHECK_STR(
        environment(BROOD_OPTIONS(.env = WORDS("A=1", "A=2", "B=3"), .env_set = WORDS("A=9"))),
        "B=3\nA=9\n");
    CHECK_STR(
        environment(BROOD_OPTIONS(.env = WORDS("A=1", "A=2", "B=3"), .env_unset = WORDS("A"))),
        "B=3\n");
}

/* Entries of the caller's own environment that are not NAME=VALUE pass as they are. */
TEST(odd_entries_of_the_caller_pass)
{
    char **old = environ;
    static char odd[] = "NO_EQUALS_SIGN", good[] = "GOOD=1", empty_name[] = "=x";
    char *entries[] = {odd, good, empty_name, NULL};
    environ = entries;
    const char *told = environment(BROOD_OPTIONS(.env_set = WORDS("B=2")));
    environ = old;
    CHECK_STR(told, "NO_EQUALS_SIGN\nGOOD=1\n=x\nB=2\n");
}

/* clearenv(3) may leave no list at all. */
TEST(a_caller_without_environment)
{
    char **old = environ;
    environ = NULL;
    const char *none = environment(BROOD_OPTIONS(.argv = NULL));
    CHECK_STR(none, "");
    CHECK_STR(environment(BROOD_OPTIONS(.env_set = WORDS("A=1"), .env_unset = WORDS("B"))),
              "A=1\n");
    CHECK(environ == NULL);
    environ = old;
}

TEST(the_callers_own_is_not_touched)
{
    char **list = environ, *first = environ[0];
    size_t count = 0;
    while (list[count])
        count++;
    REQUIRE(count > 0);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)(uintptr_t)list[i] * (i + 1);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .env_set = WORDS("A=1", "PATH=/x"),
                       .env_unset = WORDS("HOME")),
         0);
    CHECK(environ == list && environ[0] == first && !list[count]);
    for (size_t i = 0; i < count; i++)
        sum -= (uint64_t)(uintptr_t)list[i] * (i + 1);
    CHECK_INT(sum, 0);
    CHECK(getenv("A") == NULL);
}

TEST(many_entries)
{
    enum { MANY = 2000 };
    static char entries[MANY][24];
    static const char *env[MANY + 1], *set[MANY + 1];
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(entries[i], sizeof entries[i], "N%zu=%zu", i, i);
        if (i < MANY / 2)
            env[i] = entries[i];
        else
            set[i - MANY / 2] = entries[i];
    }
    struct brood_options *options = BROOD_OPTIONS(.env = words(env), .env_set = words(set));
    const char *told = environment(options);
    for (size_t i = 0; i < MANY; i++)
        REQUIRE(strcmp(line_of(told, say("N%zu=", i)), entries[i]) == 0);
}
