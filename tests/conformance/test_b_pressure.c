/* SPDX-License-Identifier: MIT */
/*
 * B: descriptors that run out, in the caller, in the new process and in the whole system; numbers
 * that old calls cannot hold; pipes that are small.
 *
 * Room tests. Invariant: a start works with all that was asked for, or is refused with the step and
 * the errno, and then nothing is left.
 */
#include "calls.h"
#include "faulty.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set_soft(rlim_t soft)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = soft;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static bool has_room_for(rlim_t descriptors)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= descriptors;
}

/* ------------------------------------------------------------------ B15 */

/* Each call of the new process about descriptors, and what the error of the start must say. */
static const struct step {
    int number;
    unsigned which;
    int code, stage;
    const char *words; /* part of the sentence */
} steps[] = {
    {SYS_openat, 1, EMFILE, BROOD_STAGE_OPEN, "file /dev/null: Too many open files"},
    {SYS_openat, 2, ENFILE, BROOD_STAGE_OPEN, "/out: Too many open files in system"},
    {SYS_fcntl, 1, EBADF, BROOD_STAGE_DESCRIPTORS, "descriptor 42: Bad file descriptor"},
    {SYS_fcntl, 2, EMFILE, BROOD_STAGE_DESCRIPTORS, "descriptor 41: Too many open files"},
    {SYS_dup3, 1, EBADF, BROOD_STAGE_DESCRIPTORS, "descriptor 0: Bad file descriptor"},
    {SYS_dup3, 2, EMFILE, BROOD_STAGE_DESCRIPTORS, "descriptor 1: Too many open files"},
    {SYS_dup3, 3, EBADF, BROOD_STAGE_DESCRIPTORS, "descriptor 2: Bad file descriptor"},
    {SYS_dup3, 4, EBADF, BROOD_STAGE_DESCRIPTORS, "descriptor 41: Bad file descriptor"},
    {SYS_dup3, 5, EMFILE, BROOD_STAGE_DESCRIPTORS, "descriptor 40: Too many open files"},
};

TEST(b15_lack_in_the_new_process)
{
    const struct brood_fd_map map[] = {{40, 41}, {41, 40}, {42, 42}};
    char path[PATH_MAX], text[600];
    struct faulty faulty;
    for (int fd = 40; fd <= 42; fd++)
        REQUIRE(dup3(0, fd, O_CLOEXEC) == fd);
    faulty_open(
        &faulty,
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = A_NULL, .err = A_PIPE,
                      .out = {.kind = BROOD_FILE, .path = lab_path(path, sizeof path, "out")},
                      .fds = map, .fd_count = 3),
        true, calls_codes);
    faulty_run_clean(&faulty);
    for (const struct step *step = steps; step < steps + sizeof steps / sizeof *steps; step++) {
        REQUIRE(faulty_run(&faulty, &(struct inject_order){.action = INJECT_ERRNO,
                                                           .role = INJECT_CHILD,
                                                           .number = step->number,
                                                           .which = step->which,
                                                           .code = step->code}));
        const struct faulty_told *told = faulty.told;
        const char *name = calls_name(step->number);
        CHECK_SAY(inject_hit(faulty.inject), "%s %u is not reached", name, step->which);
        CHECK_SAY(told->result == -step->code && told->error.stage == step->stage,
                  "%s %u: result %d", name, step->which, told->result);
        if (told->result < 0)
            CHECK_HAS(brood_error_text(&told->error, text, sizeof text), step->words);
        CHECK_SAY(told->differences == 0, "%s %u: %s", name, step->which, told->why);
    }
    faulty_run_clean(&faulty);
    faulty_close(&faulty);
    for (int fd = 40; fd <= 42; fd++)
        CHECK_INT(close(fd), 0);
}

/* The same without a trick: the caller can just make the process, which then lacks numbers for its
 * files. */
TEST(b15_lack_in_the_new_process_at_the_limit)
{
    enum { MOST_FREE = 8 };
    unsigned in_the_child = 0, started = 0;
    char path[2][PATH_MAX], text[600];
    (void)lab_path(path[0], sizeof path[0], "out");
    (void)lab_path(path[1], sizeof path[1], "err");
    for (unsigned free_fds = 0; free_fds <= MOST_FREE; free_fds++) {
        struct brood_child *child = NULL;
        struct brood_error error;
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        int result = brood_start(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .in = A_NULL,
                                               .out = {.kind = BROOD_FILE, .path = path[0]},
                                               .err = {.kind = BROOD_FILE, .path = path[1]}),
                                 &child, &error);
        CHECK_INT(lab_restore_fds(old), 0);
        if (result == 0) {
            started++;
            CHECK_EXITED(END_OF(child), 0);
            brood_child_free(child);
            continue;
        }
        CHECK_INT(result, -EMFILE);
        CHECK_INT(started, 0);
        CHECK_HAS(brood_error_text(&error, text, sizeof text), "Too many open files");
        if (error.stage == BROOD_STAGE_OPEN) {
            in_the_child++;
            CHECK_SAY(error.subject[0] == '/', "not named: %s", text);
        }
    }
    CHECK_SAY(in_the_child > 0 && started > 0, "%u in the child, %u started", in_the_child,
              started);
}

/* ------------------------------------------------------------------ B18 */

/* Every descriptor of the child's lies above what select(2) can name. */
TEST(b18_numbers_above_1024)
{
    enum { MANY = 2000 };
    static int fds[MANY];
    char data[16] = "";
    struct rlimit before;
    struct brood_result result;
    if (!has_room_for(MANY + 100))
        SKIP("the hard limit of descriptors is below %d", MANY + 100);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    set_soft(MANY + 100);
    for (int i = 0; i < MANY; i++)
        REQUIRE((fds[i] = dup(0)) > 2);
    struct brood_child *child = START(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE);
    CHECK(brood_child_stream(child, BROOD_IN) >= MANY);
    CHECK(brood_child_stream(child, BROOD_OUT) >= MANY);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, 10), -ETIMEDOUT);
    CHECK_INT(brood_child_write(child, "tag", 3, KIT_BOUND_MS), 3);
    CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, KIT_BOUND_MS), 3);
    CHECK_STR(data, "tag");
    CHECK_INT(brood_child_wait(child, 10, NULL), -ETIMEDOUT);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
    RUN(&result, .argv = TARGET("both", "100000"), .out = A_MEMORY, .err = A_MEMORY);
    CHECK_INT(strspn(result.out, "o"), 100000);
    CHECK_INT(strspn(result.err, "e"), 100000);
    brood_result_clear(&result);
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ------------------------------------------------------------------ B19 */

enum { PIPES = 2000, CAPTURED = 10000000, WRITTEN = 300000, SOMEBODY = 64323 };

/* Reads what cat gives back, as long as something is there. */
static size_t take_back(struct brood_child *child, const char *wanted, int64_t timeout_ms)
{
    char data[8192];
    ssize_t length = brood_child_read(child, BROOD_OUT, data, sizeof data, timeout_ms);
    if (length <= 0)
        return 0;
    CHECK_MEM(data, wanted, (size_t)length);
    return (size_t)length;
}

static void through_small_pipes(int program_fd)
{
    static char bytes[WRITTEN];
    char program[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 11 + i / 4096);
    (void)snprintf(program, sizeof program, "/proc/self/fd/%d", program_fd);
    struct brood_child *child =
        START(.argv = WORDS("target", "cat"), .program = program, .in = A_PIPE, .out = A_PIPE);
    CHECK_INT(fcntl(brood_child_stream(child, BROOD_IN), F_GETPIPE_SZ) <= 8192, 1);
    size_t put = 0, got = 0;
    while (got < WRITTEN) {
        ssize_t count = brood_child_write(child, bytes + put, WRITTEN - put, 1);
        put += count > 0 ? (size_t)count : 0;
        size_t taken = take_back(child, bytes + got, KIT_BOUND_MS);
        REQUIRE(taken > 0);
        got += taken;
    }
    CHECK_INT(put, WRITTEN);
    CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
}

static void capture_through_small_pipes(int program_fd)
{
    char program[64];
    struct brood_result result;
    (void)snprintf(program, sizeof program, "/proc/self/fd/%d", program_fd);
    RUN(&result, .argv = WORDS("target", "both", "10000000"), .program = program, .out = A_MEMORY,
        .err = A_MEMORY);
    CHECK_EXITED(result.exit, 0);
    CHECK_INT(result.out_length, CAPTURED);
    CHECK_INT(result.err_length, CAPTURED);
    CHECK_INT(strspn(result.out, "o"), CAPTURED);
    CHECK_INT(strspn(result.err, "e"), CAPTURED);
    brood_result_clear(&result);
}

/* As a plain user who has spent what the system allows: new pipes hold a page, and none can be made
 * larger. */
static void with_no_pipe_pages_left(int program_fd)
{
    static int fds[2 * PIPES];
    set_soft(2 * PIPES + 100);
    for (size_t i = 0; i < PIPES; i++)
        REQUIRE(pipe2(&fds[2 * i], O_CLOEXEC) == 0);
    int last = fds[2 * PIPES - 1];
    CHECK_SAY(fcntl(last, F_GETPIPE_SZ) <= 8192, "the last pipe holds %d bytes",
              fcntl(last, F_GETPIPE_SZ));
    CHECK(fcntl(last, F_SETPIPE_SZ, 1 << 20) < 0 && errno == EPERM);
    through_small_pipes(program_fd);
    capture_through_small_pipes(program_fd);
}

TEST(b19_pipes_of_a_page)
{
    if (!has_room_for(2 * PIPES + 100))
        SKIP("the hard limit of descriptors is below %d", 2 * PIPES + 100);
    /* By descriptor: the plain user may not be let into the directory of the build. */
    int program_fd = open(kit_target, O_PATH | O_CLOEXEC);
    REQUIRE(program_fd > 2);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(lab_become(SOMEBODY) == 0);
        with_no_pipe_pages_left(program_fd);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
    CHECK_INT(close(program_fd), 0);
}

/* ------------------------------------------------------------------ B20 */

/* The pidfd comes with the process or there is no process: never a child that cannot be watched for
 * want of a number. */
TEST(b20_child_without_its_descriptor)
{
    enum { MOST_FREE = 10 };
    struct brood_child *usual = START(.argv = TARGET("exit", "0"));
    bool has_pidfds = brood_child_pidfd(usual) >= 0;
    CHECK(has_pidfds || brood_child_pidfd(usual) == -ENOTSUP);
    CHECK_EXITED(END_OF(usual), 0);
    brood_child_free(usual);
    unsigned started = 0;
    for (unsigned free_fds = 0; free_fds <= MOST_FREE; free_fds++) {
        struct brood_child *child = NULL;
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        int result = brood_start(BROOD_OPTIONS(.argv = TARGET("cat"), .in = A_PIPE, .out = A_PIPE),
                                 &child, NULL);
        CHECK_INT(lab_restore_fds(old), 0);
        CHECK_SAY(result == (started ? 0 : result) && (result == 0 || result == -EMFILE),
                  "%u free: %d", free_fds, result);
        if (result < 0)
            continue;
        started++;
        struct pollfd end = {.fd = brood_child_pidfd(child), .events = POLLIN};
        CHECK_INT(end.fd >= 0, has_pidfds);
        CHECK_INT(poll(&end, 1, 0), 0);
        CHECK_INT(brood_child_close_stream(child, BROOD_IN), 0);
        CHECK(!has_pidfds || poll(&end, 1, KIT_BOUND_MS) == 1);
        CHECK_EXITED(END_OF(child), 0);
        brood_child_free(child);
    }
    CHECK(started > 0);
}

/* ------------------------------------------------------------------ B21 */

/* The process's limit and the system's are told apart, wherever they are met. */
static void lack(struct faulty *faulty, int number, unsigned which, int stage)
{
    static const int codes[] = {EMFILE, ENFILE};
    for (size_t i = 0; i < 2; i++) {
        REQUIRE(faulty_run(faulty, &(struct inject_order){.action = INJECT_ERRNO,
                                                          .role = INJECT_CALLER,
                                                          .number = number,
                                                          .which = which,
                                                          .code = codes[i]}));
        const struct faulty_told *told = faulty->told;
        const char *name = calls_name(number);
        CHECK_SAY(inject_hit(faulty->inject), "%s %u is not reached", name, which);
        CHECK_SAY(told->result == -codes[i] && told->error.code == codes[i] &&
                      told->error.stage == stage,
                  "%s %u %s: result %d, stage %s", name, which, calls_errno_name(codes[i]),
                  told->result, brood_stage_name(told->error.stage));
        CHECK_SAY(told->differences == 0, "%s: %s", name, told->why);
    }
}

/* The call that made the process of the last start. */
static int maker_of_last(const struct faulty *faulty)
{
    size_t count;
    const struct inject_call *trace = inject_trace(faulty->inject, &count);
    for (size_t at = 0; at < count; at++)
        for (size_t i = 0; i < faulty_maker_count; i++)
            if (trace[at].role == INJECT_CALLER && trace[at].number == faulty_makers[i])
                return faulty_makers[i];
    REQUIRE(count == 0); /* none has */
    return -1;
}

TEST(b21_system_limit_taken_for_the_process_limit)
{
    struct faulty faulty;
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .out = A_PIPE, .err = {.kind = BROOD_SOCKET},
                      .in = {.kind = BROOD_MEMORY, .input = "x", .input_length = 1});
    faulty_open(&faulty, options, true, calls_codes);
    faulty_run_clean(&faulty);
    lack(&faulty, SYS_memfd_create, 1, BROOD_STAGE_MEMORY);
    lack(&faulty, SYS_pipe2, 1, BROOD_STAGE_PIPE);
    lack(&faulty, SYS_socketpair, 1, BROOD_STAGE_PIPE);
    faulty_run_clean(&faulty);
    lack(&faulty, maker_of_last(&faulty), 1, BROOD_STAGE_CREATE);
    faulty_run_clean(&faulty);
    faulty_close(&faulty);
}
