/* SPDX-License-Identifier: MIT */
/*
 * The candidates of a program search, as a table after execvp(3): what is tried, and in which
 * order.
 */
#include "harness.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <plan/search.h>

enum { MOST = 6 };

static const struct {
    const char *program, *path;
    const char *candidates[MOST];
} rows[] = {
    {"git", NULL, {"git"}},
    {"/bin/git", NULL, {"/bin/git"}},
    {"", NULL, {""}},
    {"git", "/bin", {"/bin/git"}},
    {"git", "/bin:/usr/bin", {"/bin/git", "/usr/bin/git"}},
    {"git", "", {"git"}},
    {"git", ":", {"git", "git"}},
    {"git", ":/bin", {"git", "/bin/git"}},
    {"git", "/bin:", {"/bin/git", "git"}},
    {"git", "/bin::/usr/bin", {"/bin/git", "git", "/usr/bin/git"}},
    {"git", "bin:../x", {"bin/git", "../x/git"}},
    {"git", "/", {"//git"}},
    {"git", "/bin/:/bin", {"/bin//git", "/bin/git"}},
    {"git", "/a b:/c'd", {"/a b/git", "/c'd/git"}},
};

TEST(candidates)
{
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct bd_arena arena = {NULL};
        const char *const *got = NULL;
        int count = bd_search_candidates(&arena, rows[row].program, rows[row].path, &got);
        int want = 0;
        while (want < MOST && rows[row].candidates[want])
            want++;
        CHECK_SAY(count == want, "row %zu: %d candidates", row, count);
        for (int i = 0; i < count && i < want; i++)
            CHECK_STR(got[i], rows[row].candidates[i]);
        bd_arena_done(&arena);
    }
}

/* An element that no path can hold is passed over; the others are tried. */
TEST(over_long_elements_are_passed_over)
{
    char *path = calloc(1, PATH_MAX + 16);
    REQUIRE(path);
    struct bd_arena arena = {NULL};
    const char *const *got = NULL;
    memset(path, 'x', PATH_MAX);
    CHECK_INT(bd_search_candidates(&arena, "git", path, &got), 0);
    memcpy(path + PATH_MAX, ":/bin", 6);
    CHECK_INT(bd_search_candidates(&arena, "git", path, &got), 1);
    CHECK_STR(got[0], "/bin/git");
    path[PATH_MAX - 1] = ':';
    memcpy(path + PATH_MAX, "/bin", 5);
    CHECK_INT(bd_search_candidates(&arena, "git", path, &got), 2);
    CHECK_INT(strlen(got[0]), PATH_MAX - 1 + strlen("/git"));
    CHECK_STR(got[1], "/bin/git");
    bd_arena_done(&arena);
    free(path);
}

TEST(many_elements)
{
    enum { ELEMENTS = 5000 };
    static char path[2 * ELEMENTS];
    for (size_t i = 0; i < ELEMENTS; i++)
        memcpy(path + 2 * i, "d:", 2);
    path[sizeof path - 1] = '\0';
    struct bd_arena arena = {NULL};
    const char *const *got = NULL;
    REQUIRE(bd_search_candidates(&arena, "p", path, &got) == ELEMENTS);
    for (size_t i = 0; i < ELEMENTS; i++)
        REQUIRE(strcmp(got[i], "d/p") == 0);
    bd_arena_done(&arena);
}
