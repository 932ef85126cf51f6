/* SPDX-License-Identifier: MIT */
/*
 * Descriptors near and beyond their limit: high numbers, limits lower than the numbers in use,
 * limits raised by the program, and starts with almost none left.
 *
 * Invariant: under pressure a start works or is refused; either way nothing is left, and it
 * works once the pressure is gone.
 */
#include "facts.h"
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rlimit limit_now(void)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit;
}

static void set_soft(rlim_t soft)
{
    struct rlimit limit = limit_now();
    limit.rlim_cur = soft;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* The line of `target limits` about RLIMIT_NOFILE. */
static const char *nofile_of(struct brood_options *options)
{
    return line_of(tells(options, "limits"), say("%d ", RLIMIT_NOFILE));
}

/* ------------------------------------------------------------------ high numbers */

TEST(a_target_just_below_the_limit)
{
    rlim_t old = limit_now().rlim_cur;
    set_soft(500);
    const struct brood_fd_map below = {0, 499}, at = {0, 500}, far = {0, INT32_MAX};
    const char *told = tells(BROOD_OPTIONS(.fds = &below, .fd_count = 1), "fds");
    CHECK_HAS(line_of(told, "499 "), "/dev/null");
    static const char sentence[] =
        "cannot start /bin/true: fds: target at or above the limit of open descriptors: %d";
    is_refused("at the limit", BROOD_OPTIONS(.argv = WORDS("/bin/true"), .fds = &at, .fd_count = 1),
               REFUSAL(.stage = BROOD_STAGE_OPTIONS, .code = EINVAL, .detail = BROOD_DETAIL_TEXT,
                       NUMBER(500), .sentence = say(sentence, 500)));
    is_refused("far above", BROOD_OPTIONS(.argv = WORDS("/bin/true"), .fds = &far, .fd_count = 1),
               REFUSAL(.stage = BROOD_STAGE_OPTIONS, .code = EINVAL, .detail = BROOD_DETAIL_TEXT,
                       NUMBER(INT32_MAX), .sentence = say(sentence, INT32_MAX)));
    set_soft(old);
}

/* The limit that the child is given counts from its exec on: its own map may go above it. */
TEST(a_limit_below_the_mapped_numbers)
{
    const struct brood_rlimit eight = {.resource = RLIMIT_NOFILE, .soft = 8, .hard = 8};
    const struct brood_fd_map map[] = {{0, 20}, {0, 21}, {0, 22}};
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    struct brood_options *options =
        BROOD_OPTIONS(.fds = map, .fd_count = 3, .rlimits = &eight, .rlimit_count = 1, .in = a_pipe,
                      .out = {.kind = BROOD_FILE, .path = lab_file("out")});
    const char *told = tells(options, "fds");
    CHECK_HAS(line_of(told, "20 "), "/dev/null");
    CHECK_HAS(line_of(told, "22 "), "/dev/null");
    CHECK_STR(nofile_of(options), say("%d 8 8", RLIMIT_NOFILE));
    CHECK(limit_now().rlim_cur > 8);
}

TEST(a_swap_under_a_limit_below_it)
{
    const struct brood_rlimit eight = {.resource = RLIMIT_NOFILE, .soft = 8, .hard = 8};
    const struct brood_fd_map map[] = {{41, 40}, {40, 41}};
    REQUIRE(dup2(0, 40) == 40);
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    REQUIRE(zero > 2 && dup2(zero, 41) == 41 && close(zero) == 0);
    const char *told = tells(
        BROOD_OPTIONS(.fds = map, .fd_count = 2, .rlimits = &eight, .rlimit_count = 1), "fds");
    CHECK_HAS(line_of(told, "40 "), "/dev/zero");
    CHECK_HAS(line_of(told, "41 "), "/dev/null");
    CHECK_INT(close(40) + close(41), 0);
}

/* The caller's own limit lies below descriptors that it has open. */
TEST(sources_above_the_callers_limit)
{
    rlim_t old = limit_now().rlim_cur;
    REQUIRE(dup2(0, 700) == 700);
    set_soft(128);
    const struct brood_fd_map down = {700, 9}, kept = {700, 700};
    CHECK_HAS(line_of(tells(BROOD_OPTIONS(.fds = &down, .fd_count = 1), "fds"), "9 "), "/dev/null");
    CHECK_HAS(line_of(tells(BROOD_OPTIONS(.fds = &kept, .fd_count = 1), "fds"), "700 "),
              "/dev/null");
    CHECK_STR(line_of(tells(BROOD_OPTIONS(.argv = NULL), "fds"), "700"), "");
    set_soft(old);
    CHECK_INT(close(700), 0);
}

TEST(more_descriptors_than_select_knows)
{
    enum { MANY = 2000 };
    static int fds[MANY];
    rlim_t old = limit_now().rlim_cur;
    if (limit_now().rlim_max < MANY + 100)
        SKIP("the hard limit of descriptors is below %d", MANY + 100);
    set_soft(MANY + 100);
    for (int i = 0; i < MANY; i++)
        REQUIRE((fds[i] = dup(0)) > 2);
    struct brood_result result;
    struct brood_error error;
    CHECK_INT(brood_run(BROOD_OPTIONS(.argv = TARGET("print", "out", "err"),
                                      .out = {.kind = BROOD_MEMORY}, .err = {.kind = BROOD_MEMORY}),
                        &result, &error),
              0);
    CHECK_STR(result.out, "out");
    CHECK_STR(result.err, "err");
    brood_result_clear(&result);
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    set_soft(old);
}

/* A plain user's pipes shrink to a page once it has many. What comes through them is whole. */
static void run_with_small_pipes(int program_fd)
{
    enum { PIPES = 1500, BYTES = 3000000 };
    static int fds[2 * PIPES];
    struct brood_result result;
    set_soft(2 * PIPES + 100);
    for (size_t i = 0; i < PIPES; i++)
        REQUIRE(pipe2(&fds[2 * i], O_CLOEXEC) == 0);
    CHECK_SAY(fcntl(fds[2 * PIPES - 1], F_GETPIPE_SZ) <= 8192, "the last pipe holds %d bytes",
              fcntl(fds[2 * PIPES - 1], F_GETPIPE_SZ));
    REQUIRE(brood_run(BROOD_OPTIONS(.argv = TARGET("both", say("%d", BYTES)),
                                    .program = say("/proc/self/fd/%d", program_fd),
                                    .out = {.kind = BROOD_MEMORY}, .err = {.kind = BROOD_MEMORY}),
                      &result, NULL) == 0);
    CHECK_INT(strspn(result.out, "o"), BYTES);
    CHECK_INT(strspn(result.err, "e"), BYTES);
    brood_result_clear(&result);
}

TEST(a_user_with_many_pipes)
{
    enum { SOMEBODY = 64322 };
    if (limit_now().rlim_max < 4000)
        SKIP("the hard limit of descriptors is below 4000");
    /* By descriptor: the plain user may not be let into the directory of the build. */
    int program_fd = open(lab_child_program(), O_PATH | O_CLOEXEC);
    REQUIRE(program_fd >= 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(lab_become(SOMEBODY) == 0);
        run_with_small_pipes(program_fd);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    CHECK_INT(close(program_fd), 0);
}

/* ------------------------------------------------------------------ a raised limit */

/* In a process of its own: what was raised is remembered for the life of the program. */
TEST(a_raised_limit_is_given_back_to_children)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = limit_now();
        REQUIRE(limit.rlim_max >= 400);
        set_soft(300);
        CHECK_STR(nofile_of(BROOD_OPTIONS(.argv = NULL)),
                  say("%d 300 %lld", RLIMIT_NOFILE, (long long)limit.rlim_max));
        CHECK_INT(brood_raise_nofile(), limit.rlim_max);
        CHECK_INT(limit_now().rlim_cur, limit.rlim_max);
        CHECK_STR(nofile_of(BROOD_OPTIONS(.argv = NULL)),
                  say("%d 300 %lld", RLIMIT_NOFILE, (long long)limit.rlim_max));
        CHECK_INT(brood_raise_nofile(), limit.rlim_max); /* again: nothing to do, 300 remembered */
        const struct brood_rlimit own = {.resource = RLIMIT_NOFILE, .soft = 99, .hard = 120};
        CHECK_STR(nofile_of(BROOD_OPTIONS(.rlimits = &own, .rlimit_count = 1)),
                  say("%d 99 120", RLIMIT_NOFILE));
        const struct brood_fd_map map = {0, 350};
        const char *told = tells(BROOD_OPTIONS(.fds = &map, .fd_count = 1), "fds");
        CHECK_HAS(line_of(told, "350 "), "/dev/null");
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

/* The program lowered its hard limit meanwhile: what is given back still has to fit. */
TEST(a_raised_limit_that_was_lowered_again)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        set_soft(300);
        CHECK(brood_raise_nofile() > 0);
        const struct rlimit low = {.rlim_cur = 200, .rlim_max = 250};
        REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
        CHECK_STR(nofile_of(BROOD_OPTIONS(.argv = NULL)), say("%d 250 250", RLIMIT_NOFILE));
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

/* ------------------------------------------------------------------ almost none left */

enum { MOST_FREE = 12 };

/* The stages and errnos that a lack of descriptors may have. */
static bool is_lack(const struct brood_error *error)
{
    return error->code == EMFILE &&
           (error->stage == BROOD_STAGE_MEMORY || error->stage == BROOD_STAGE_PIPE ||
            error->stage == BROOD_STAGE_CREATE || error->stage == BROOD_STAGE_OPEN ||
            error->stage == BROOD_STAGE_DESCRIPTORS);
}

/* At each number of free descriptors. From the first that works on, all do; returns that number. */
static unsigned least_free(const struct brood_options *options)
{
    static struct audit before;
    unsigned least = MOST_FREE + 1;
    for (unsigned free_fds = 0; free_fds <= MOST_FREE; free_fds++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        char text[1024] = "";
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        audit_take(&before);
        int result = brood_start(options, &child, &error);
        if (result == 0) {
            least = free_fds < least ? free_fds : least;
            ends_with(child, 0);
        } else {
            (void)brood_error_text(&error, text, sizeof text);
            CHECK_SAY(result == -EMFILE && is_lack(&error), "%u free: %s", free_fds, text);
            CHECK_SAY(free_fds < least, "%u free are too few, %u were enough", free_fds, least);
        }
        CHECK_SAY(audit_compare(&before, text, sizeof text) == 0, "%u free: %s", free_fds, text);
        CHECK_INT(lab_restore_fds(old), 0);
        runs(options, 0); /* as if nothing had been */
    }
    return least;
}

/* The report pipe of a plain fork has two ends where else is one pidfd. */
static unsigned one_more_by_fork(void)
{
    return facts_have_pidfds() ? 0 : 1;
}

TEST(scarce_bare)
{
    unsigned least = least_free(BROOD_OPTIONS(.argv = TARGET("exit", "0")));
    CHECK_SAY(least <= 1 + one_more_by_fork(), "a bare start needs %u", least);
}

/* Six ends and the pidfd. */
TEST(scarce_with_three_pipes)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    unsigned least = least_free(
        BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = a_pipe, .out = a_pipe, .err = a_pipe));
    CHECK_INT(least, 7 + one_more_by_fork());
}

TEST(scarce_with_three_sockets)
{
    const struct brood_stream a_socket = {.kind = BROOD_SOCKET};
    unsigned least = least_free(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = a_socket,
                                              .out = a_socket, .err = a_socket));
    CHECK_INT(least, 7 + one_more_by_fork());
}

TEST(scarce_with_memory)
{
    unsigned least =
        least_free(BROOD_OPTIONS(.argv = TARGET("exit", "0"),
                                 .in = {.kind = BROOD_MEMORY, .input = "x", .input_length = 1}));
    CHECK_SAY(least <= 2 + one_more_by_fork(), "memory input needs %u", least);
}

/* Files cost the caller nothing; the child needs a number for each. */
TEST(scarce_with_files)
{
    const char *path = lab_file("file");
    REQUIRE(lab_write_file(path, "", 0, 0600) == 0);
    unsigned least = least_free(
        BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = {.kind = BROOD_FILE, .path = path},
                      .out = {.kind = BROOD_NULL}, .err = {.kind = BROOD_FILE, .path = path}));
    unsigned to_hide = facts_hide_by_one_call() ? 0 : 1; /* the directory that lists them */
    CHECK_SAY(least <= 3 + to_hide + one_more_by_fork(), "three files need %u", least);
}

/* One spare number, and the child has it: the pidfd is not in its table. */
TEST(scarce_with_a_swap)
{
    REQUIRE(dup2(0, 5) == 5 && dup2(0, 6) == 6);
    const struct brood_fd_map swap[] = {{5, 6}, {6, 5}};
    unsigned least =
        least_free(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .fds = swap, .fd_count = 2));
    CHECK_SAY(least <= 1 + one_more_by_fork(), "a swap needs %u", least);
    CHECK_INT(close(5) + close(6), 0);
}

/* The second cycle uses the number that the first one gave back. */
TEST(scarce_with_two_swaps)
{
    for (int fd = 5; fd <= 8; fd++)
        REQUIRE(dup2(0, fd) == fd);
    const struct brood_fd_map swaps[] = {{5, 6}, {6, 5}, {7, 8}, {8, 7}};
    unsigned least =
        least_free(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .fds = swaps, .fd_count = 4));
    CHECK_SAY(least <= 1 + one_more_by_fork(), "two swaps need %u", least);
    for (int fd = 5; fd <= 8; fd++)
        CHECK_INT(close(fd), 0);
}

TEST(scarce_with_a_missing_program)
{
    static struct audit before;
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    char why[1024] = "";
    unsigned enough = 7 + one_more_by_fork();
    for (unsigned free_fds = 0; free_fds <= MOST_FREE; free_fds++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        audit_take(&before);
        int result = brood_start(
            BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = a_pipe, .out = a_pipe, .err = a_pipe),
            &child, &error);
        CHECK_SAY(result == (free_fds < enough ? -EMFILE : -ENOENT), "%u free: %d", free_fds,
                  result);
        CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%u free: %s", free_fds, why);
        CHECK_INT(lab_restore_fds(old), 0);
    }
}

/* The way that starts go in this process, as the plan says it. */
static const char *rung(void)
{
    char text[8192];
    CHECK(brood_plan_text(BROOD_OPTIONS(.argv = WORDS("true")), text, sizeof text, NULL) > 0);
    return line_of(text, "rung: ");
}

/* What a bad moment says of the system is not remembered: in the second process the very first
 * start has no descriptor left, and all later ones go the same way as in the first. */
TEST(the_first_start_of_all_may_be_under_pressure)
{
    const char *path = lab_file("rung");
    pid_t usual = fork();
    REQUIRE(usual >= 0);
    if (usual == 0) {
        runs(BROOD_OPTIONS(.argv = TARGET("exit", "0")), 0); /* a refusal is met by a start alone */
        _exit(lab_write_file(path, rung(), strlen(rung()), 0600) == 0 ? 0 : 1);
    }
    CHECK_CHILD(usual, 0);
    pid_t pressed = fork();
    REQUIRE(pressed >= 0);
    if (pressed == 0) {
        struct brood_child *child = NULL;
        char want[128];
        long old = lab_leave_fds(0);
        REQUIRE(old > 0);
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0")), &child, NULL), -EMFILE);
        CHECK_INT(lab_restore_fds(old), 0);
        runs(BROOD_OPTIONS(.argv = TARGET("exit", "0")), 0);
        CHECK(lab_read_file(path, want, sizeof want) > 6);
        CHECK_STR(rung(), want);
        _exit(0);
    }
    CHECK_CHILD(pressed, 0);
}
