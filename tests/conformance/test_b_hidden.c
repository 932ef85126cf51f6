/* SPDX-License-Identifier: MIT */
/*
 * B: how descriptors that are not the child's are kept from it: at no cost that grows with a limit,
 * also where the kernel has no call for it, where /proc is missing, and above a lowered limit.
 *
 * Room tests. Invariant: what takes a filter or another root directory lives in a forked process.
 */
#include "calls.h"
#include "faulty.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOW_LIMIT = 256 };

/* Runs `body` in a process where close_range(2) is answered so; 0: it works. */
static void where_it_gives(int code, void (*body)(void))
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (code)
            kit_refuse_call(SYS_close_range, code);
        body();
        _exit(0);
    }
    CHECK_SAY(CHECK_CHILD(pid, 0), "close_range gives %d", code);
}

static void each_way(void (*body)(void))
{
    where_it_gives(0, body);
    where_it_gives(ENOSYS, body);
    where_it_gives(EPERM, body);
}

/* How many descriptors the program finds. */
static int told_fds(const struct brood_options *given)
{
    char path[PATH_MAX], told[16384] = "";
    struct brood_options options = *given;
    options.argv = TARGET("-o", lab_path(path, sizeof path, "told"), "fds");
    struct brood_child *child = kit_start(&options, __FILE__, __LINE__);
    CHECK_EXITED(END_OF(child), 0);
    brood_child_free(child);
    CHECK(lab_read_file(path, told, sizeof told) > 0);
    int lines = 0;
    for (const char *at = told; *at; at++)
        lines += *at == '\n';
    return lines;
}

static void set_soft(rlim_t soft)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* ------------------------------------------------------------------ B07 */

/* The highest that this user and this kernel allow. */
static void set_huge(void)
{
    char text[32] = "";
    if (lab_read_file("/proc/sys/fs/nr_open", text, sizeof text) > 0) {
        rlim_t most = strtoul(text, NULL, 10);
        const struct rlimit huge = {.rlim_cur = most, .rlim_max = most};
        if (setrlimit(RLIMIT_NOFILE, &huge) == 0) /* root's alone */
            return;
    }
    set_soft(RLIM_INFINITY);
}

static const struct brood_fd_map a_map = {0, 30};

static size_t count_calls(const struct faulty *faulty)
{
    size_t count, made = 0;
    const struct inject_call *trace = inject_trace(faulty->inject, &count);
    for (size_t i = 0; i < count; i++)
        made += trace[i].role == INJECT_CHILD;
    return made;
}

/* The calls of the new process: a caller that has to wait by looking makes any number of them. */
static size_t calls_of_a_start(int code)
{
    struct faulty faulty;
    faulty_open(&faulty, BROOD_OPTIONS(.argv = TARGET("exit", "3"), .fds = &a_map, .fd_count = 1),
                true, calls_codes);
    if (code)
        REQUIRE(inject_deny(faulty.inject, SYS_close_range, 0, code) == 0);
    faulty_run_clean(&faulty); /* the probes are done, once */
    faulty_run_clean(&faulty);
    size_t calls = count_calls(&faulty);
    faulty_close(&faulty);
    return calls;
}

TEST(b07_close_loop_up_to_the_limit)
{
    static const int codes[] = {0, ENOSYS, EPERM, EINVAL};
    struct rlimit before;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        set_soft(LOW_LIMIT);
        size_t low = calls_of_a_start(codes[i]);
        set_huge();
        size_t huge = calls_of_a_start(codes[i]);
        CHECK_SAY(low == huge, "close_range gives %d: %zu calls, not %zu", codes[i], huge, low);
        CHECK_SAY(huge < LOW_LIMIT, "close_range gives %d: %zu calls", codes[i], huge);
        NOTE("close_range gives %d: %zu calls", codes[i], huge);
    }
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ------------------------------------------------------------------ B08 */

/* Neither the call nor /proc: what is not known cannot be hidden, and is not guessed by a loop. */
TEST(b08_fallback_without_proc)
{
    struct faulty faulty;
    struct rlimit before;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    set_huge();
    faulty_open(&faulty, BROOD_OPTIONS(.argv = TARGET("exit", "3"), .fds = &a_map, .fd_count = 1),
                true, calls_codes);
    faulty_run_clean(&faulty);
    REQUIRE(inject_deny(faulty.inject, SYS_close_range, 0, ENOSYS) == 0);
    REQUIRE(faulty_run(&faulty, &(struct inject_order){.action = INJECT_ERRNO,
                                                       .role = INJECT_CHILD,
                                                       .number = SYS_openat,
                                                       .which = 1,
                                                       .code = ENOENT}));
    REQUIRE(inject_hit(faulty.inject) != NULL);
    CHECK_INT(faulty.told->result, -ENOENT);
    CHECK_INT(faulty.told->error.stage, BROOD_STAGE_DESCRIPTORS);
    CHECK_SAY(faulty.told->differences == 0, "%s", faulty.told->why);
    CHECK_SAY(count_calls(&faulty) < LOW_LIMIT, "%zu calls", count_calls(&faulty));
    faulty_run_clean(&faulty);
    faulty_close(&faulty);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* In a bare directory as root directory. The helper program is static. */
static void start_in_a_bare_root(void)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    REQUIRE(dup2(0, 40) == 40);
    int result = brood_start(BROOD_OPTIONS(.argv = WORDS("/target", "exit", "7")), &child, &error);
    if (result == 0) {
        CHECK_EXITED(END_OF(child), 7);
        brood_child_free(child);
        _exit(3);
    }
    CHECK_INT(result, -ENOENT);
    CHECK_INT(error.stage, BROOD_STAGE_DESCRIPTORS);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    _exit(4);
}

TEST(b08_fallback_without_proc_in_a_bare_root)
{
    char path[PATH_MAX];
    if (geteuid() != 0)
        SKIP("changing the root directory needs root");
    (void)kit_copy_program(path, sizeof path, kit_target, 0755);
    for (int code = 0; code <= ENOSYS; code += ENOSYS) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            REQUIRE(chroot(lab_directory()) == 0 && chdir("/") == 0);
            if (code)
                kit_refuse_call(SYS_close_range, code);
            start_in_a_bare_root();
        }
        CHECK_CHILD(pid, code ? 4 : 3);
    }
}

/* ------------------------------------------------------------------ B09 */

enum { DENSEST = 140 };

static void starts_at_this_density(int open_to)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    const struct brood_stream a_pipe = A_PIPE;
    int result = brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such"), .in = a_pipe, .out = a_pipe),
                             &child, &error);
    CHECK_SAY(result == -ENOENT && error.stage == BROOD_STAGE_EXEC, "open to %d: %d at stage %s",
              open_to, result, result < 0 ? brood_stage_name(error.stage) : "none");
    if (result == 0)
        brood_child_free(child);
    if (open_to % 7 == 0) {
        CHECK_INT(told_fds(BROOD_OPTIONS(.out = a_pipe)), 3);
        const struct brood_fd_map map = {0, open_to};
        CHECK_INT(told_fds(BROOD_OPTIONS(.fds = &map, .fd_count = 1)), 4);
    }
}

/* At each number of them the directory's own descriptor is another one, and the end of a buffer
 * falls elsewhere. */
static void at_each_density(void)
{
    for (int fd = 3; fd <= DENSEST; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            REQUIRE(dup2(0, fd) == fd);
        starts_at_this_density(fd);
    }
    for (int fd = 3; fd <= DENSEST; fd += 3) { /* with holes */
        REQUIRE(close(fd) == 0);
        if (fd % 4 == 0)
            starts_at_this_density(fd);
    }
}

TEST_TIMEOUT(b09_fallback_closes_what_it_needs, 60)
{
    where_it_gives(ENOSYS, at_each_density);
}

/* ------------------------------------------------------------------ B17 */

static void above_the_limit(void)
{
    static const int high[] = {256, 257, 300, 511, 900};
    for (size_t i = 0; i < sizeof high / sizeof *high; i++)
        REQUIRE(dup2(0, high[i]) == high[i]);
    set_soft(256);
    CHECK_INT(told_fds(BROOD_OPTIONS(.argv = NULL)), 3);
    const struct brood_rlimit lower = {.resource = RLIMIT_NOFILE, .soft = 100, .hard = 200};
    const struct brood_fd_map map = {900, 9};
    CHECK_INT(told_fds(BROOD_OPTIONS(.rlimits = &lower, .rlimit_count = 1)), 3);
    CHECK_INT(told_fds(BROOD_OPTIONS(.fds = &map, .fd_count = 1, .out = A_PIPE)), 4);
    for (size_t i = 0; i < sizeof high / sizeof *high; i++)
        CHECK_INT(fcntl(high[i], F_GETFD), 0);
}

TEST(b17_descriptors_above_a_lowered_limit)
{
    each_way(above_the_limit);
}
