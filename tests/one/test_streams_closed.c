/* SPDX-License-Identifier: MIT */
/*
 * A caller that itself runs with descriptors 0, 1 and 2 closed, in all eight combinations: none
 * of ours may land on a standard number and be taken for the caller's own.
 *
 * Invariant: every combination lives in a forked process of the test, whose checks count as
 * well.
 */
#include "facts.h"
#include "kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { COMBINATIONS = 8, OPEN_FROM = 20 };

/* Closes those of 0, 1 and 2 that `closed` has a bit for. The others are files with names. */
static void close_some(unsigned closed, const char *inherited[3])
{
    for (int fd = 0; fd <= 2; fd++) {
        inherited[fd] = closed >> fd & 1 ? "" : lab_file("inherited");
        int file = open(lab_file("inherited"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE(file >= 0 && (file == fd || dup2(file, fd) == fd));
        if (file != fd)
            REQUIRE(close(file) == 0);
    }
    for (int fd = 0; fd <= 2; fd++)
        if (closed >> fd & 1)
            REQUIRE(close(fd) == 0);
}

/* Runs `body` once for each combination, in a process of its own. */
static void in_every_combination(void (*body)(const char *const inherited[3]))
{
    for (unsigned closed = 0; closed < COMBINATIONS; closed++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            const char *inherited[3];
            close_some(closed, inherited);
            body(inherited);
            _exit(0);
        }
        if (!CHECK_CHILD(pid, 0))
            NOTE("closed: %s%s%s", closed & 1 ? "0 " : "", closed & 2 ? "1 " : "",
                 closed & 4 ? "2" : "");
    }
}

/* Fifty-six triples in which every kind of each stream meets every kind of each other. */
static bool give_triple(struct brood_options *options, unsigned number, int fd)
{
    static const uint32_t in_kinds[] = {BROOD_INHERIT, BROOD_NULL, BROOD_PIPE,   BROOD_SOCKET,
                                        BROOD_FILE,    BROOD_FD,   BROOD_CLOSED, BROOD_MEMORY};
    static const uint32_t out_kinds[] = {BROOD_INHERIT, BROOD_NULL, BROOD_PIPE,  BROOD_SOCKET,
                                         BROOD_FILE,    BROOD_FD,   BROOD_CLOSED};
    static const uint32_t err_kinds[] = {BROOD_MERGE, BROOD_INHERIT, BROOD_NULL, BROOD_PIPE,
                                         BROOD_FILE,  BROOD_SOCKET,  BROOD_FD,   BROOD_CLOSED};
    return kind_give(options, BROOD_IN, in_kinds[number % 8], fd) &&
           kind_give(options, BROOD_OUT, out_kinds[number / 8], fd) &&
           kind_give(options, BROOD_ERR, err_kinds[(number % 8 + number / 8) % 8], fd);
}

static int open_zero(void)
{
    int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, OPEN_FROM);
    REQUIRE(fd >= 0 && high >= OPEN_FROM && close(fd) == 0);
    return high;
}

static void start_all_kinds(const char *const inherited[3])
{
    struct brood_options *options = BROOD_OPTIONS(.argv = NULL);
    int zero = open_zero();
    REQUIRE(lab_write_file(lab_file("file0"), "", 0, 0600) == 0);
    for (unsigned number = 0; number < 56; number++) {
        REQUIRE(give_triple(options, number, zero));
        kind_check(options, tells(options, "fds"), inherited, "/dev/zero");
    }
}

TEST_TIMEOUT(every_kind_in_every_combination, 60)
{
    in_every_combination(start_all_kinds);
}

static void fail_all_kinds(const char *const inherited[3])
{
    (void)inherited;
    struct brood_options *options = BROOD_OPTIONS(.argv = WORDS("/no/such/program"));
    int zero = open_zero();
    REQUIRE(lab_write_file(lab_file("file0"), "", 0, 0600) == 0);
    for (unsigned number = 0; number < 56; number++) {
        REQUIRE(give_triple(options, number, zero));
        is_refused(
            "a missing program", options,
            REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such/program"));
    }
}

TEST_TIMEOUT(a_missing_program_in_every_combination, 60)
{
    in_every_combination(fail_all_kinds);
}

/* Nothing of ours lies on a standard number while the child lives: not an end, not the pidfd. */
static void look_at_our_numbers(const char *const inherited[3])
{
    (void)inherited;
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = a_pipe, .out = a_pipe, .err = a_pipe));
    REQUIRE(child);
    for (uint32_t index = BROOD_IN; index <= BROOD_ERR; index++)
        CHECK(brood_child_stream(child, index) > 2);
    CHECK(facts_are_right_for(brood_child_pidfd(child)));
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    ends_with(child, 0);
}

TEST(our_numbers_in_every_combination)
{
    in_every_combination(look_at_our_numbers);
}

/* The second child must not get what belongs to the first. */
static void start_beside_another(const char *const inherited[3])
{
    struct brood_child *first =
        start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = {.kind = BROOD_PIPE},
                            .out = {.kind = BROOD_NULL}, .err = {.kind = BROOD_NULL}));
    REQUIRE(first);
    struct brood_options *options = BROOD_OPTIONS(.err = {.kind = BROOD_MERGE});
    kind_check(options, tells(options, "fds"), inherited, "");
    options = BROOD_OPTIONS(.out = {.kind = BROOD_MERGE});
    kind_check(options, tells(options, "fds"), inherited, "");
    CHECK_INT(brood_child_close_stream(first, BROOD_IN), 0);
    ends_with(first, 0);
}

TEST(beside_another_child_in_every_combination)
{
    in_every_combination(start_beside_another);
}

/* Output is collected, input is fed. */
static void run_in_memory(const char *const inherited[3])
{
    (void)inherited;
    struct brood_result result;
    struct brood_error error;
    if (!CHECK_INT(
            brood_run(
                BROOD_OPTIONS(.argv = TARGET("echo", "0", "1", "3"),
                              .in = {.kind = BROOD_MEMORY, .input = "in\n", .input_length = 3},
                              .out = {.kind = BROOD_MEMORY}, .err = {.kind = BROOD_MEMORY}),
                &result, &error),
            0))
        return;
    CHECK_INT(result.exit.code, 3);
    CHECK_STR(result.out, "in\n");
    CHECK_STR(result.err, "in\n");
    brood_result_clear(&result);
}

TEST(brood_run_in_every_combination)
{
    in_every_combination(run_in_memory);
}

/* A standard number may be a map's source or target too. */
static void map_standard_numbers(const char *const inherited[3])
{
    const struct brood_fd_map map[] = {{OPEN_FROM, 0}, {OPEN_FROM, 1}, {OPEN_FROM, 2}};
    struct brood_options *options = BROOD_OPTIONS(.fds = map, .fd_count = 3);
    const char *const zeros[] = {"/dev/zero", "/dev/zero", "/dev/zero"};
    (void)inherited;
    REQUIRE(open_zero() == OPEN_FROM);
    kind_check(options, tells(options, "fds"), zeros, "");
}

TEST(maps_to_standard_numbers_in_every_combination)
{
    in_every_combination(map_standard_numbers);
}
