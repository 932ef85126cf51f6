/* SPDX-License-Identifier: MIT */
/*
 * B: which descriptor of the caller becomes which of the child's: equal numbers, swaps, cycles,
 * numbers that the library itself might use, and a limit below them.
 *
 * Room tests. Invariant: what counts is where bytes arrive: each child writes its numbers' names,
 * and each source says what came to it.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct brood_stream a_pipe = {.kind = BROOD_PIPE};

/* A file of its own as descriptor `fd`, appended to by all who have it. */
static void open_source(int fd, int flags)
{
    int opened = open(lab_file(say("source%d", fd)), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(opened >= 0);
    if (opened != fd)
        REQUIRE(dup3(opened, fd, O_CLOEXEC) == fd && close(opened) == 0);
    REQUIRE(fcntl(fd, F_SETFD, flags) == 0);
}

/* What has come to it since the last look. */
static const char *came_to(int fd)
{
    static char got[8][256];
    static unsigned next;
    char *text = got[next++ % 8];
    CHECK(lab_read_file(lab_file(say("source%d", fd)), text, sizeof got[0]) >= 0);
    REQUIRE(ftruncate(fd, 0) == 0);
    return text;
}

/* Runs a child that writes into each descriptor from `low` to `high` that number. */
static void write_numbers(struct brood_options *options, int low, int high)
{
    char script[256] = "";
    for (int fd = low; fd <= high; fd++)
        strcat(script, say("echo %d >&%d;", fd, fd));
    options->argv = WORDS("/bin/sh", "-c", script);
    runs(options, 0);
}

/* ------------------------------------------------------------------ B04 */

TEST(b04_equal_numbers_keep_close_on_exec)
{
    for (int fd = 3; fd <= 9; fd++) {
        const struct brood_fd_map same = {fd, fd};
        open_source(fd, FD_CLOEXEC);
        write_numbers(BROOD_OPTIONS(.fds = &same, .fd_count = 1), fd, fd);
        CHECK_STR(came_to(fd), say("%d\n", fd));
        /* Beside streams of ours, whose ends are made at that time. */
        write_numbers(BROOD_OPTIONS(.fds = &same, .fd_count = 1, .in = a_pipe, .out = a_pipe), fd,
                      fd);
        CHECK_STR(came_to(fd), say("%d\n", fd));
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        CHECK_INT(close(fd), 0);
    }
}

TEST(b04_equal_numbers_of_the_standard_streams)
{
    int saved = fcntl(1, F_DUPFD_CLOEXEC, 30);
    REQUIRE(saved >= 30);
    open_source(1, FD_CLOEXEC);
    write_numbers(BROOD_OPTIONS(.out = {.kind = BROOD_FD, .fd = 1}), 1, 1);
    CHECK_STR(came_to(1), "1\n");
    const struct brood_fd_map same = {1, 1};
    write_numbers(BROOD_OPTIONS(.fds = &same, .fd_count = 1), 1, 1);
    CHECK_STR(came_to(1), "1\n");
    CHECK_INT(fcntl(1, F_GETFD), FD_CLOEXEC);
    CHECK_INT(dup2(saved, 1), 1);
    CHECK_INT(close(saved), 0);
}

/* ------------------------------------------------------------------ B05 */

/* The child's 0, 1 and 2 are the caller's a, b and c, by each of the 27 ways. */
static void permute_standard_streams(unsigned way)
{
    const int from[3] = {(int)(way % 3), (int)(way / 3 % 3), (int)(way / 9)};
    write_numbers(BROOD_OPTIONS(.in = {.kind = BROOD_FD, .fd = from[0]},
                                .out = {.kind = BROOD_FD, .fd = from[1]},
                                .err = {.kind = BROOD_FD, .fd = from[2]}),
                  0, 2);
    for (int source = 0; source < 3; source++) {
        char want[16] = "";
        for (int fd = 0; fd < 3; fd++)
            if (from[fd] == source)
                strcat(want, say("%d\n", fd));
        const char *got = came_to(source);
        CHECK_SAY(strcmp(got, want) == 0, "[%d,%d,%d]: to %d came '%s', not '%s'", from[0], from[1],
                  from[2], source, got, want);
    }
}

TEST(b05_permuted_standard_streams)
{
    int saved[3];
    for (int fd = 0; fd <= 2; fd++)
        REQUIRE((saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 30)) >= 30);
    for (int fd = 0; fd <= 2; fd++)
        open_source(fd, 0);
    for (unsigned way = 0; way < 27; way++)
        permute_standard_streams(way);
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(dup2(saved[fd], fd), fd);
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(close(saved[fd]), 0);
}

/* Every permutation of four numbers beside a fifth that is also a source elsewhere. */
static void permute(const int order[4])
{
    struct brood_fd_map map[5] = {{9, 8}};
    for (int i = 0; i < 4; i++)
        map[i + 1] = (struct brood_fd_map){4 + order[i], 4 + i};
    write_numbers(BROOD_OPTIONS(.fds = map, .fd_count = 5), 4, 8);
    for (int i = 0; i < 4; i++)
        CHECK_STR(came_to(4 + order[i]), say("%d\n", 4 + i));
    CHECK_STR(came_to(9), "8\n");
}

TEST(b05_permuted_numbers)
{
    for (int fd = 4; fd <= 9; fd++)
        open_source(fd, FD_CLOEXEC);
    for (int code = 0; code < 256; code++) {
        const int order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        if ((1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3]) == 15)
            permute(order);
    }
    for (int fd = 4; fd <= 9; fd++)
        CHECK_INT(close(fd), 0);
}

/* ------------------------------------------------------------------ B06 */

/* Each number in turn belongs to the child; if a way back of the failure lay there, exec's failure
 * would be taken for success, and the other way round. */
TEST(b06_way_back_overwritten)
{
    open_source(9, FD_CLOEXEC);
    for (int to = 0; to <= 48; to++) {
        const struct brood_fd_map map = {9, to};
        is_refused(say("to %d", to),
                   BROOD_OPTIONS(.argv = WORDS("/no/such"), .fds = &map, .fd_count = 1),
                   REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such"));
        runs(BROOD_OPTIONS(.argv = TARGET("exit", "7"), .fds = &map, .fd_count = 1), 7);
    }
    CHECK_INT(close(9), 0);
}

/* All of them at once, in a cycle that needs a number more. */
TEST(b06_way_back_overwritten_by_all_at_once)
{
    enum { LAST = 48 };
    struct brood_fd_map map[LAST + 1];
    open_source(9, FD_CLOEXEC);
    open_source(10, FD_CLOEXEC);
    for (int to = 3; to <= LAST; to++)
        map[to - 3] = (struct brood_fd_map){to == 9 ? 10 : 9, to};
    const size_t count = LAST - 2;
    is_refused("all",
               BROOD_OPTIONS(.argv = WORDS("/no/such"), .fds = map, .fd_count = count, .in = a_pipe,
                             .out = a_pipe, .err = a_pipe),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such"));
    is_refused(
        "all",
        BROOD_OPTIONS(.argv = TARGET("exit", "0"), .fds = map, .fd_count = count,
                      .cwd = "/no/such/directory", .in = a_pipe),
        REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT, .subject = "/no/such/directory"));
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "7"), .fds = map, .fd_count = count), 7);
    CHECK_INT(close(9) + close(10), 0);
}

/* ------------------------------------------------------------------ B10 */

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* Foreign descriptors below, between and above, none of them close-on-exec; the list is the list.
 */
TEST(b10_wrong_set_inherited)
{
    enum { FOREIGN = 120 };
    for (int fd = 3; fd < FOREIGN; fd++)
        REQUIRE(dup2(0, fd) == fd);
    for (int count = 0; count <= 6; count++) {
        struct brood_fd_map map[6];
        for (int i = 0; i < count; i++)
            map[i] = (struct brood_fd_map){10 + 7 * i, 200 - 30 * i};
        const char *told =
            tells(BROOD_OPTIONS(.fds = map, .fd_count = (size_t)count, .out = a_pipe), "fds");
        CHECK_SAY(count_lines(told) == 3U + (size_t)count, "%d asked for:\n%s", count, told);
        for (int i = 0; i < count; i++) {
            CHECK_HAS(line_of(told, say("%d ", map[i].to)), "/dev/null");
            CHECK_STR(line_of(told, say("%d ", map[i].from)), "");
        }
    }
    for (int fd = 3; fd < FOREIGN; fd++)
        CHECK_INT(close(fd), 0);
}

/* ------------------------------------------------------------------ B16 */

/* Whatever limit the program is to have, its descriptors get their numbers. */
TEST(b16_limit_applied_before_the_moves)
{
    const struct brood_fd_map map[] = {{9, 20}, {9, 30}, {20, 9}};
    open_source(9, FD_CLOEXEC);
    open_source(20, FD_CLOEXEC);
    for (uint64_t soft = 0; soft <= 31; soft++) {
        const struct brood_rlimit limit = {.resource = RLIMIT_NOFILE, .soft = soft, .hard = 4096};
        struct brood_options *options =
            BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "exit 5"), .in = a_pipe, .out = a_pipe,
                          .err = {.kind = BROOD_FILE, .path = lab_file("err")}, .fds = map,
                          .fd_count = 3, .rlimits = &limit, .rlimit_count = 1);
        if (soft < 8) { /* too few for a dynamic program to load: it begins, which is our part */
            struct brood_child *child = start(options);
            REQUIRE(child && brood_child_wait(child, BOUND_MS, NULL) == 0);
            CHECK(!brood_child_free(child));
            continue;
        }
        const char *told = tells(options, "fds");
        CHECK_HAS(line_of(told, "20 "), "/source9");
        CHECK_HAS(line_of(told, "30 "), "/source9");
        CHECK_HAS(line_of(told, "9 "), "/source20");
        CHECK_STR(line_of(tells(options, "limits"), say("%d ", RLIMIT_NOFILE)),
                  say("%d %d 4096", RLIMIT_NOFILE, (int)soft));
    }
    CHECK_INT(close(9) + close(20), 0);
}
