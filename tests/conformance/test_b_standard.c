/* SPDX-License-Identifier: MIT */
/*
 * B: the standard numbers 0, 1 and 2, where the caller lacks some of them, and flags that live in a
 * description which two processes share.
 *
 * Room tests. Invariant: each combination lives in a forked process of the test, so the test's own
 * standard streams stay.
 */
#include "kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { COMBINATIONS = 8 };

static const struct brood_stream a_pipe = {.kind = BROOD_PIPE}, a_null = {.kind = BROOD_NULL};

static void close_some(unsigned closed)
{
    for (int fd = 0; fd <= 2; fd++)
        if (closed >> fd & 1)
            REQUIRE(close(fd) == 0);
}

/* Runs `body` in each of the eight, as a process of its own. */
static void without_some(void (*body)(unsigned closed))
{
    for (unsigned closed = 0; closed < COMBINATIONS; closed++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            close_some(closed);
            body(closed);
            _exit(0);
        }
        CHECK_SAY(CHECK_CHILD(pid, 0), "of 0, 1 and 2 are closed: 0%o", closed);
    }
}

/* What was closed is closed still, and the next descriptor of the caller's lands there. */
static void check_still_closed(unsigned closed)
{
    for (int fd = 0; fd <= 2; fd++)
        CHECK_INT(fcntl(fd, F_GETFD) < 0, closed >> fd & 1);
    int lowest = 0;
    while (lowest <= 2 && !(closed >> lowest & 1))
        lowest++;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    CHECK_INT(fd < 3 ? fd : 3, lowest);
    (void)close(fd);
}

/* ------------------------------------------------------------------ B03 */

/* While the child lives, not only afterwards; a tag goes through each stream. */
static void tags_go_through(unsigned closed)
{
    char got[32] = "";
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "read tag; echo $tag; echo e$tag >&2"),
                            .in = a_pipe, .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    check_still_closed(closed);
    CHECK_INT(brood_child_write(child, "t1\n", 3, BOUND_MS), 3);
    CHECK_INT(brood_child_read(child, BROOD_OUT, got, sizeof got, BOUND_MS), 3);
    CHECK_MEM(got, "t1\n", 3);
    CHECK_INT(brood_child_read(child, BROOD_ERR, got, sizeof got, BOUND_MS), 4);
    CHECK_MEM(got, "et1\n", 4);
    ends_with(child, 0);
    check_still_closed(closed);
}

static void a_failure_is_told(unsigned closed)
{
    static const struct brood_stream inherit = {0};
    const struct brood_stream *const kinds[] = {&inherit, &a_pipe, &a_null};
    for (size_t i = 0; i < 27; i++)
        is_refused("a missing program",
                   BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = *kinds[i % 3],
                                 .out = *kinds[i / 3 % 3], .err = *kinds[i / 9]),
                   REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such"));
    check_still_closed(closed);
}

TEST(b03_standard_streams_closed_in_the_caller)
{
    without_some(tags_go_through);
    without_some(a_failure_is_told);
}

/* ------------------------------------------------------------------ B11 */

static void closed_is_asked_for(unsigned closed)
{
    const struct brood_stream none = {.kind = BROOD_CLOSED};
    const char *const nowhere[] = {"", "", ""};
    struct brood_options *options = BROOD_OPTIONS(.in = none, .out = none, .err = none);
    (void)closed;
    kind_check(options, tells(options, "fds"), nowhere, "");
    options = BROOD_OPTIONS(.in = none, .out = none, .err = {.kind = BROOD_MERGE});
    kind_check(options, tells(options, "fds"), nowhere, "");
}

TEST(b11_closing_what_is_closed)
{
    without_some(closed_is_asked_for);
}

/* ------------------------------------------------------------------ B12 */

static bool is_null_device(const char *line)
{
    const char *path = strchr(line, '/');
    struct stat status;
    return path && stat(path, &status) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == makedev(1, 3);
}

/* The child's own open lands on the very number that it is meant for. */
static void null_at_its_own_number(unsigned closed)
{
    (void)closed;
    const char *told = tells(BROOD_OPTIONS(.in = a_null, .out = a_null, .err = a_null), "fds");
    for (int fd = 0; fd <= 2; fd++) {
        const char *line = line_of(told, say("%d ", fd));
        CHECK_SAY(is_null_device(line), "%d is '%s'", fd, line);
        CHECK_HAS(line, "cloexec=0");
    }
    /* It can be read to its end, and written. */
    runs(BROOD_OPTIONS(.argv = TARGET("cat"), .in = a_null, .out = a_null), 0);
    runs(BROOD_OPTIONS(.argv = TARGET("print", "a", "b"), .in = a_null, .out = a_null,
                       .err = a_null),
         0);
}

TEST(b12_open_gives_the_target_itself)
{
    without_some(null_at_its_own_number);
}

static void a_file_at_its_own_number(unsigned closed)
{
    char got[32];
    (void)closed;
    REQUIRE(lab_write_file(lab_file("in"), "from in", 7, 0600) == 0);
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "cat; echo e >&2"),
                       .in = {.kind = BROOD_FILE, .path = lab_file("in")},
                       .out = {.kind = BROOD_FILE, .path = lab_file("out")},
                       .err = {.kind = BROOD_FILE, .path = lab_file("err")}),
         0);
    CHECK(lab_read_file(lab_file("out"), got, sizeof got) > 0);
    CHECK_STR(got, "from in");
    CHECK(lab_read_file(lab_file("err"), got, sizeof got) > 0);
    CHECK_STR(got, "e\n");
}

TEST(b12_open_gives_the_target_itself_for_files)
{
    without_some(a_file_at_its_own_number);
}

/* ------------------------------------------------------------------ B13 */

/* A stream that is inherited from a closed number is closed: no pipe, no file, no memory of ours
 * that another stream needed meanwhile may be there. */
static void inherited_from_nothing(unsigned closed)
{
    static const uint32_t busy[] = {BROOD_PIPE, BROOD_SOCKET, BROOD_FILE, BROOD_NULL, BROOD_MEMORY};
    for (uint32_t index = 0; index <= 2; index++) {
        if (!(closed >> index & 1))
            continue;
        for (size_t kind = 0; kind < sizeof busy / sizeof *busy; kind++) {
            struct brood_options *options = BROOD_OPTIONS(.argv = NULL);
            REQUIRE(lab_write_file(lab_file("file0"), "", 0, 0600) == 0);
            for (uint32_t other = 0; other <= 2; other++)
                if (other != index && !kind_give(options, other, busy[kind], -1))
                    (void)kind_give(options, other, BROOD_PIPE, -1);
            const char *told = tells(options, "fds");
            CHECK_STR(line_of(told, say("%u ", index)), "");
        }
    }
}

TEST(b13_inherited_from_a_closed_number)
{
    without_some(inherited_from_nothing);
}

/* ------------------------------------------------------------------ B14 */

static int is_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : (flags & O_NONBLOCK) != 0;
}

static void child_blocks(uint32_t kind, uint32_t flags)
{
    char got[128];
    const struct brood_stream stream = {.kind = kind, .flags = flags};
    struct brood_child *child = start(
        BROOD_OPTIONS(.argv = TARGET("nonblock"), .in = stream, .out = stream, .err = stream));
    REQUIRE(child);
    for (uint32_t index = 0; index <= 2; index++)
        CHECK_INT(is_nonblocking(brood_child_stream(child, index)), flags != 0);
    /* Calls with a bound must not need the flag. */
    CHECK_INT(brood_child_read(child, BROOD_ERR, got, 0, BOUND_MS), 0);
    (void)brood_child_write(child, "x", 1, 0);
    ssize_t length = brood_child_read(child, BROOD_OUT, got, sizeof got - 1, BOUND_MS);
    got[length > 0 ? length : 0] = '\0';
    CHECK_STR(got, "0 blocking\n1 blocking\n2 blocking\n");
    for (uint32_t index = 0; index <= 2; index++)
        CHECK_INT(is_nonblocking(brood_child_stream(child, index)), flags != 0);
    ends_with(child, 0);
}

TEST(b14_nonblocking_reaches_the_child)
{
    child_blocks(BROOD_PIPE, 0);
    child_blocks(BROOD_PIPE, BROOD_STREAM_NONBLOCK);
    child_blocks(BROOD_SOCKET, BROOD_STREAM_NONBLOCK);
}

/* What the caller hands over has the flags that it has, before, in the child and after. */
static void flags_stay(int flags)
{
    int pipe_ends[2], sockets[2];
    REQUIRE(pipe2(pipe_ends, O_CLOEXEC | flags) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (flags ? SOCK_NONBLOCK : 0), 0,
                       sockets) == 0);
    const char *told = tells(BROOD_OPTIONS(.in = {.kind = BROOD_FD, .fd = sockets[0]},
                                           .out = {.kind = BROOD_FD, .fd = pipe_ends[1]},
                                           .err = {.kind = BROOD_FD, .fd = sockets[0]}),
                             "nonblock");
    const char *word = flags ? "nonblocking" : "blocking";
    CHECK_STR(told, say("0 %s\n1 %s\n2 %s\n", word, word, word));
    struct brood_result result;
    REQUIRE(
        brood_run(BROOD_OPTIONS(.argv = TARGET("print", "a", "b"), .out = {.kind = BROOD_MEMORY},
                                .in = {.kind = BROOD_FD, .fd = pipe_ends[0]},
                                .err = {.kind = BROOD_FD, .fd = pipe_ends[1]}),
                  &result, NULL) == 0);
    brood_result_clear(&result);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(is_nonblocking(pipe_ends[i]), flags != 0);
        CHECK_INT(is_nonblocking(sockets[i]), flags != 0);
        (void)close(pipe_ends[i]);
        (void)close(sockets[i]);
    }
}

TEST(b14_nonblocking_lives_in_the_description)
{
    flags_stay(0);
    flags_stay(O_NONBLOCK);
}
