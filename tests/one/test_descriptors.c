/* SPDX-License-Identifier: MIT */
/*
 * Maps of descriptors: swaps, cycles, equal numbers, targets that are numbers of our own, and
 * that the child has what was asked for and nothing else.
 *
 * Invariant: each source is a file of its own, so the child's table of descriptors tells which
 * went where.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAPS = 16 };

/* Opens "file<number>" of the test's directory as descriptor `fd`. */
static void open_as(int fd, int number, int flags)
{
    char path[PATH_MAX];
    int opened = open(lab_path(path, sizeof path, say("file%d", number)),
                      O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(opened >= 0);
    REQUIRE(opened == fd || (dup3(opened, fd, flags) == fd && close(opened) == 0));
    if (opened == fd)
        REQUIRE(fcntl(fd, F_SETFD, flags ? FD_CLOEXEC : 0) == 0);
}

/* What the child has under `fd`: the number of the file, or -1. */
static int file_under(const char *told, int fd)
{
    const char *line = line_of(told, say("%d ", fd)), *at = strstr(line, "/file");
    return at && !strstr(line, "cloexec=1") ? atoi(at + 5) : -1;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* The child has for each map what its source was, and no descriptor besides, 0 to 2 excepted. */
static void check_map(const struct brood_fd_map *map, size_t count, struct brood_options *options)
{
    size_t standard = 3;
    options->fds = map;
    options->fd_count = count;
    const char *told = tells(options, "fds");
    for (size_t i = 0; i < count; i++) {
        CHECK_SAY(file_under(told, map[i].to) == map[i].from, "map %zu: %d to %d gave %s", i,
                  map[i].from, map[i].to, line_of(told, say("%d ", map[i].to)));
        if (map[i].to <= 2)
            standard--;
    }
    CHECK_SAY(count_lines(told) == count + standard, "%zu maps gave:\n%s", count, told);
}

static void open_range(int from, int to, int flags)
{
    for (int fd = from; fd <= to; fd++)
        open_as(fd, fd, flags);
}

static void close_range_of(int from, int to)
{
    for (int fd = from; fd <= to; fd++)
        CHECK_INT(close(fd), 0);
}

/* ------------------------------------------------------------------ shapes of maps */

static void all_maps_of_three(const struct brood_options *given)
{
    int saved[3];
    for (int fd = 0; fd <= 2; fd++)
        REQUIRE((saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 30)) >= 30);
    open_range(0, 2, 0);
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            for (int c = 0; c < 3; c++) {
                struct brood_options options = *given;
                const struct brood_fd_map map[] = {{a, 0}, {b, 1}, {c, 2}};
                check_map(map, 3, &options);
            }
        }
    }
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(dup2(saved[fd], fd), fd);
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(close(saved[fd]), 0);
}

TEST(all_maps_of_the_standard_three)
{
    all_maps_of_three(BROOD_OPTIONS(.argv = NULL));
}

/* The same wishes in the words of streams. */
TEST(all_streams_from_the_standard_three)
{
    int saved[3];
    for (int fd = 0; fd <= 2; fd++)
        REQUIRE((saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 30)) >= 30);
    open_range(0, 2, 0);
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            for (int c = 0; c < 3; c++) {
                const char *told = tells(BROOD_OPTIONS(.in = {.kind = BROOD_FD, .fd = a},
                                                       .out = {.kind = BROOD_FD, .fd = b},
                                                       .err = {.kind = BROOD_FD, .fd = c}),
                                         "fds");
                CHECK_INT(file_under(told, 0), a);
                CHECK_INT(file_under(told, 1), b);
                CHECK_INT(file_under(told, 2), c);
                CHECK_INT(count_lines(told), 3);
            }
        }
    }
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(dup2(saved[fd], fd), fd);
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(close(saved[fd]), 0);
}

static const struct {
    const char *name;
    size_t count;
    struct brood_fd_map map[MAPS];
} shapes[] = {
    {"none", 0, {{0}}},
    {"equal", 1, {{5, 5}}},
    {"moved up", 1, {{5, 17}}},
    {"moved down", 1, {{9, 3}}},
    {"swap", 2, {{5, 6}, {6, 5}}},
    {"cycle of five", 5, {{5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 5}}},
    {"cycle of five, the other way", 5, {{6, 5}, {9, 8}, {5, 9}, {8, 7}, {7, 6}}},
    {"two cycles", 5, {{5, 6}, {6, 5}, {7, 8}, {8, 9}, {9, 7}}},
    {"one source, many targets", 5, {{5, 5}, {5, 6}, {5, 7}, {5, 3}, {5, 40}}},
    {"chain up", 4, {{5, 6}, {6, 7}, {7, 8}, {8, 30}}},
    {"chain down", 4, {{9, 8}, {8, 7}, {7, 6}, {6, 3}}},
    {"cycle with a branch", 4, {{5, 6}, {6, 5}, {5, 10}, {6, 11}}},
    {"equal beside a swap", 3, {{7, 7}, {8, 9}, {9, 8}}},
    {"all of the sixteen", 5, {{9, 3}, {8, 4}, {7, 5}, {6, 6}, {5, 7}}},
};

static void all_shapes(int source_flags, struct brood_options *options)
{
    open_range(5, 9, source_flags);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct brood_options shaped = *options;
        check_map(shapes[i].map, shapes[i].count, &shaped);
        for (int fd = 5; fd <= 9; fd++)
            CHECK_SAY(fcntl(fd, F_GETFD) == (source_flags ? FD_CLOEXEC : 0), "%s changed %d",
                      shapes[i].name, fd);
    }
    close_range_of(5, 9);
}

TEST(shapes_from_plain_sources)
{
    all_shapes(0, BROOD_OPTIONS(.argv = NULL));
}

TEST(shapes_from_sources_that_close_on_exec)
{
    all_shapes(O_CLOEXEC, BROOD_OPTIONS(.argv = NULL));
}

/* Pipes of ours, files that the child opens, memory: their numbers are among the targets. */
TEST(shapes_beside_three_pipes)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    all_shapes(O_CLOEXEC, BROOD_OPTIONS(.in = a_pipe, .out = a_pipe, .err = a_pipe));
}

TEST(shapes_beside_files_and_memory)
{
    all_shapes(O_CLOEXEC,
               BROOD_OPTIONS(.in = {.kind = BROOD_MEMORY, .input = "x", .input_length = 1},
                             .out = {.kind = BROOD_FILE, .path = lab_file("out")},
                             .err = {.kind = BROOD_NULL}));
}

/* ------------------------------------------------------------------ numbers of our own */

/* Every number that a pipe, the memory file or the child's own opens could have. */
TEST(a_target_at_every_number)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    open_as(60, 60, O_CLOEXEC);
    for (int to = 3; to <= 40; to++) {
        const struct brood_fd_map map = {60, to};
        check_map(&map, 1, BROOD_OPTIONS(.in = a_pipe, .out = a_pipe, .err = a_pipe));
        check_map(&map, 1,
                  BROOD_OPTIONS(.in = {.kind = BROOD_NULL}, .err = {.kind = BROOD_MERGE},
                                .out = {.kind = BROOD_FILE, .path = lab_file("out")}));
    }
    close_range_of(60, 60);
}

/* What the child opens has to wait here until the standard streams have been read, while the target
 * is already written: the opened file must not lie there. */
TEST(a_target_at_every_number_while_opened_files_wait)
{
    REQUIRE(lab_write_file(lab_file("file77"), "", 0, 0600) == 0);
    open_as(60, 60, O_CLOEXEC);
    for (int to = 3; to <= 40; to++) {
        const struct brood_fd_map map[] = {{60, to}, {0, 50}, {1, 51}, {2, 52}};
        const char *told =
            tells(BROOD_OPTIONS(.in = {.kind = BROOD_FILE, .path = lab_file("file77")},
                                .out = {.kind = BROOD_FILE, .path = lab_file("file77")},
                                .err = {.kind = BROOD_NULL}, .fds = map, .fd_count = 4),
                  "fds");
        CHECK_INT(file_under(told, 0), 77);
        CHECK_INT(file_under(told, 1), 77);
        CHECK_HAS(line_of(told, "2 "), "/dev/null");
        CHECK_INT(file_under(told, to), 60);
        CHECK_INT(count_lines(told), 7);
    }
    close_range_of(60, 60);
}

/* The way back of a failure is not in the targets' way. */
TEST(a_missing_program_with_a_target_at_every_number)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    open_as(60, 60, O_CLOEXEC);
    for (int to = 3; to <= 40; to++) {
        const struct brood_fd_map map = {60, to};
        is_refused(say("target %d", to),
                   BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = a_pipe, .out = a_pipe,
                                 .err = a_pipe, .fds = &map, .fd_count = 1),
                   REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such",
                           .sentence = "cannot start /no/such: /no/such: No such file or "
                                       "directory"));
    }
    close_range_of(60, 60);
}

TEST(forty_targets_at_once)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_fd_map map[40];
    open_as(60, 60, O_CLOEXEC);
    for (int i = 0; i < 40; i++)
        map[i] = (struct brood_fd_map){60, 3 + i};
    check_map(map, 40, BROOD_OPTIONS(.in = a_pipe, .out = a_pipe, .err = a_pipe));
    check_map(map, 40,
              BROOD_OPTIONS(.in = {.kind = BROOD_NULL}, .err = {.kind = BROOD_MERGE},
                            .out = {.kind = BROOD_FILE, .path = lab_file("out")}));
    close_range_of(60, 60);
}

/* Every target but the last is still another's source, so each move frees the one before it. */
TEST(a_chain_of_three_hundred_in_the_worst_order)
{
    enum { LINKS = 300, FIRST = 100 };
    struct brood_fd_map map[LINKS];
    open_range(FIRST, FIRST + LINKS - 1, O_CLOEXEC);
    for (int i = 0; i < LINKS; i++)
        map[i] = (struct brood_fd_map){FIRST + i, FIRST + i + 1};
    check_map(map, LINKS, BROOD_OPTIONS(.argv = NULL));
    close_range_of(FIRST, FIRST + LINKS - 1);
}

/* ------------------------------------------------------------------ nothing else */

TEST(three_hundred_foreign_descriptors_stay_here)
{
    enum { FOREIGN = 300 };
    int fds[FOREIGN];
    for (int i = 0; i < FOREIGN; i++)
        REQUIRE((fds[i] = dup(0)) > 2);
    CHECK_INT(count_lines(tells(BROOD_OPTIONS(.argv = NULL), "fds")), 3);
    const struct brood_fd_map map[] = {{fds[7], fds[7]}, {fds[8], 900}};
    const char *told = tells(BROOD_OPTIONS(.fds = map, .fd_count = 2), "fds");
    CHECK_INT(count_lines(told), 5);
    CHECK_HAS(line_of(told, say("%d ", fds[7])), "/dev/null");
    CHECK_HAS(line_of(told, "900 "), "/dev/null");
    for (int i = 0; i < FOREIGN; i++) {
        CHECK_INT(fcntl(fds[i], F_GETFD), 0);
        (void)close(fds[i]);
    }
}

/* A descriptor above a limit that was lowered afterwards is still open, and still hidden. */
TEST(descriptors_above_a_lowered_limit_stay_here)
{
    struct rlimit old, low;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &old) == 0 && dup2(0, 900) == 900);
    low = old;
    low.rlim_cur = 256;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK_INT(count_lines(tells(BROOD_OPTIONS(.argv = NULL), "fds")), 3);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
    CHECK_INT(close(900), 0);
}

TEST(all_can_be_kept)
{
    REQUIRE(dup2(0, 50) == 50 && dup3(0, 51, O_CLOEXEC) == 51);
    const struct brood_fd_map map = {51, 52};
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    const char *told = tells(BROOD_OPTIONS(.flags = BROOD_KEEP_ALL_FDS, .fds = &map, .fd_count = 1,
                                           .in = a_pipe, .out = a_pipe, .err = a_pipe),
                             "fds");
    CHECK_HAS(line_of(told, "50 "), "/dev/null");
    CHECK_STR(line_of(told, "51 "), "");
    CHECK_HAS(line_of(told, "52 "), "/dev/null");
    CHECK_INT(count_lines(told), 5);
    CHECK_INT(close(50) + close(51), 0);
}

/* A map that gives a standard stream counts for what is merged with it. */
TEST(a_merge_follows_the_map)
{
    open_as(9, 9, O_CLOEXEC);
    const struct brood_fd_map to_out = {9, 1}, to_err = {9, 2};
    const char *told =
        tells(BROOD_OPTIONS(.fds = &to_out, .fd_count = 1, .err = {.kind = BROOD_MERGE}), "fds");
    CHECK_INT(file_under(told, 1), 9);
    CHECK_INT(file_under(told, 2), 9);
    told = tells(BROOD_OPTIONS(.fds = &to_err, .fd_count = 1, .out = {.kind = BROOD_MERGE}), "fds");
    CHECK_INT(file_under(told, 1), 9);
    CHECK_INT(file_under(told, 2), 9);
    CHECK_INT(close(9), 0);
}

/* Inheriting is what exec(2) does: a standard stream that is close-on-exec is closed there, and so
 * is what is merged into it. */
TEST(standard_streams_that_close_on_exec_are_closed_there)
{
    int saved = fcntl(1, F_DUPFD_CLOEXEC, 30);
    REQUIRE(saved >= 30);
    open_as(1, 1, O_CLOEXEC);
    const char *told = tells(BROOD_OPTIONS(.err = {.kind = BROOD_MERGE}), "fds");
    CHECK_STR(line_of(told, "1 "), "");
    CHECK_STR(line_of(told, "2 "), "");
    /* Asked for by number, it is there. */
    const struct brood_fd_map kept = {1, 1};
    told = tells(BROOD_OPTIONS(.err = {.kind = BROOD_FD, .fd = 1}, .fds = &kept, .fd_count = 1),
                 "fds");
    CHECK_INT(file_under(told, 1), 1);
    CHECK_INT(file_under(told, 2), 1);
    CHECK_INT(fcntl(1, F_GETFD), FD_CLOEXEC);
    CHECK_INT(dup2(saved, 1), 1);
    CHECK_INT(close(saved), 0);
}
