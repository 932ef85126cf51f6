/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of the child's directory: C09, C11 and C12 of README.md.
 *
 * Invariant: a thread of the test looks at the caller's own directory all the while.
 */
#include "plain.h"
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STARTS = 100, MOST = 1000 };

/* A program that exits with the digit after "at" in its path (programs/where.c). */
static void make_program(const char *name)
{
    char where[PATH_MAX];
    (void)lab_built_program(where, sizeof where, "conformance/where");
    REQUIRE(symlink(where, lab_file(name)) == 0);
}

static void make_directory(const char *name)
{
    REQUIRE(mkdir(lab_file(name), 0755) == 0);
}

/* ------------------------------------------------------------------ a watched directory */

struct watch {
    pthread_t thread;
    atomic_bool enough;
    atomic_uint looks, elsewhere;
    char home[PATH_MAX];
};

static void *look(void *argument)
{
    struct watch *watch = argument;
    char now[PATH_MAX];
    while (!atomic_load(&watch->enough)) {
        if (!getcwd(now, sizeof now) || strcmp(now, watch->home) != 0)
            atomic_fetch_add(&watch->elsewhere, 1);
        atomic_fetch_add(&watch->looks, 1);
    }
    return NULL;
}

static void watch_begin(struct watch *watch)
{
    REQUIRE(getcwd(watch->home, sizeof watch->home));
    REQUIRE(pthread_create(&watch->thread, NULL, look, watch) == 0);
    while (!atomic_load(&watch->looks))
        (void)sched_yield();
}

static void watch_end(struct watch *watch)
{
    atomic_store(&watch->enough, true);
    CHECK_INT(pthread_join(watch->thread, NULL), 0);
    CHECK_INT(atomic_load(&watch->elsewhere), 0);
}

/* ------------------------------------------------------------------ C09 */

/* The same relative name stands at both places: the child's directory decides, and the caller's is
 * never left, not even for a moment. */
TEST(c09_a_relative_program_starts_at_the_childs_directory)
{
    static struct watch watch;
    char home[PATH_MAX];
    make_directory("at1");
    make_directory("at1/bar");
    make_directory("at2");
    make_directory("at2/bar");
    make_program("at1/x");
    make_program("at2/x");
    make_program("at2/bar/x");
    REQUIRE(getcwd(home, sizeof home) && chdir(lab_file("at1/bar")) == 0);
    watch_begin(&watch);
    for (int i = 0; i < STARTS; i++) {
        int got =
            plain_brood(BROOD_OPTIONS(.argv = WORDS("../x"), .cwd = lab_file("at2/bar")), NULL);
        CHECK_INT(got, 2);
    }
    CHECK_INT(plain_agree("here", BROOD_OPTIONS(.argv = WORDS("../x")), NULL), 1);
    CHECK_INT(
        plain_agree("there", BROOD_OPTIONS(.argv = WORDS("./x"), .cwd = "../../at2/bar"), NULL), 2);
    CHECK_INT(plain_agree("only here", BROOD_OPTIONS(.argv = WORDS("./x"), .cwd = "/"), NULL),
              -ENOENT);
    watch_end(&watch);
    REQUIRE(chdir(home) == 0);
}

/* ------------------------------------------------------------------ C11 */

/* Both may be missing, with the same errno. The step that failed first is the one that is told. */
TEST(c11_program_or_directory)
{
    static const struct {
        const char *cwd, *program;
        int stage;
    } rows[] = {{"/no/such", "/no/program", BROOD_STAGE_DIRECTORY},
                {"/no/such", "./program", BROOD_STAGE_DIRECTORY},
                {"/no/such", "program", BROOD_STAGE_DIRECTORY},
                {"/no/such", "/bin/true", BROOD_STAGE_DIRECTORY},
                {"/", "/no/program", BROOD_STAGE_EXEC},
                {"/", "./no-program", BROOD_STAGE_EXEC},
                {"/", "no-program", BROOD_STAGE_EXEC},
                {"", "/bin/true", BROOD_STAGE_DIRECTORY}};
    char *const *env = WORDS("PATH=/bin:/usr/bin");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct brood_error error;
        int got = plain_brood(
            BROOD_OPTIONS(.argv = WORDS(rows[i].program), .cwd = rows[i].cwd, .env = env), &error);
        CHECK_SAY(got == -ENOENT && error.code == ENOENT, "row %zu: %d", i, got);
        CHECK_SAY(error.stage == rows[i].stage, "row %zu: %s", i, brood_stage_name(error.stage));
        CHECK_STR(error.program, rows[i].program);
        if (rows[i].stage == BROOD_STAGE_DIRECTORY)
            CHECK_STR(error.subject, rows[i].cwd);
    }
}

struct flap {
    pthread_t thread;
    atomic_bool enough;
    atomic_uint turns;
};

static void *flap_about(void *argument)
{
    struct flap *flap = argument;
    const char *name = lab_file("flapping"), *away = lab_file("away");
    for (; !atomic_load(&flap->enough); atomic_fetch_add(&flap->turns, 1)) {
        REQUIRE(rename(name, away) == 0);
        REQUIRE(rename(away, name) == 0);
    }
    return NULL;
}

/* The directory comes and goes. Who asks afterwards which of the two was missing finds it there
 * again, and blames the program. */
TEST(c11_a_directory_that_comes_and_goes)
{
    static struct flap flap;
    unsigned failed = 0, begun = 0;
    make_directory("flapping");
    (void)lab_file("away"); /* before there are two threads */
    REQUIRE(pthread_create(&flap.thread, NULL, flap_about, &flap) == 0);
    for (int64_t bound = lab_now_ms() + BOUND_MS;
         (failed < STARTS || begun < STARTS) && failed + begun < MOST && lab_now_ms() < bound;) {
        struct brood_child *child = NULL;
        struct brood_error error;
        bool is_there = (failed + begun) % 2;
        int result = brood_start(BROOD_OPTIONS(.argv = WORDS(is_there ? "/bin/true" : "/no/such"),
                                               .cwd = lab_file("flapping")),
                                 &child, &error);
        if (result < 0 && error.stage == BROOD_STAGE_DIRECTORY) {
            failed++;
            CHECK_INT(error.code, ENOENT);
            CHECK_STR(error.subject, lab_file("flapping"));
        } else {
            begun++;
            CHECK_SAY(is_there ? result == 0 : error.stage == BROOD_STAGE_EXEC, "%d: %s", result,
                      brood_stage_name(error.stage));
        }
        (void)brood_child_free(child);
    }
    atomic_store(&flap.enough, true);
    CHECK_INT(pthread_join(flap.thread, NULL), 0);
    CHECK(failed > 0 && begun > 0);
    NOTE("%u starts met the directory missing, %u met it, in %u turns", failed, begun,
         atomic_load(&flap.turns));
}

/* ------------------------------------------------------------------ C12 */

static int open_directory(const char *name)
{
    int fd = open(lab_file(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(fd > 2);
    return fd;
}

/* A descriptor is the directory itself, wherever its name has gone and whatever has it now. */
TEST(c12_a_directory_by_descriptor_keeps_its_identity)
{
    make_directory("at1");
    make_program("at1/x");
    int fd = open_directory("at1");
    REQUIRE(rename(lab_file("at1"), lab_file("at2")) == 0);
    make_directory("at1");
    make_program("at1/x");
    struct brood_options *by_fd =
        BROOD_OPTIONS(.argv = WORDS("./x"), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd);
    CHECK_INT(plain_brood(by_fd, NULL), 2);
    by_fd->argv = WORDS("../at1/x");
    CHECK_INT(plain_brood(by_fd, NULL), 1);

    /* The same number is also a target: the directory is taken before it is written over. */
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const struct brood_fd_map map = {null_fd, fd};
    by_fd->argv = WORDS("./x");
    by_fd->fds = &map;
    by_fd->fd_count = 1;
    CHECK_INT(plain_brood(by_fd, NULL), 2);
    CHECK_INT(close(null_fd) + close(fd), 0);
}

/* An unlinked directory can be entered and has nothing in it. Programs elsewhere run there. */
TEST(c12_a_removed_directory)
{
    make_directory("gone");
    make_program("at1");
    int fd = open_directory("gone");
    REQUIRE(rmdir(lab_file("gone")) == 0);
    struct brood_options *there =
        BROOD_OPTIONS(.argv = WORDS(lab_file("at1")), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd);
    struct brood_error error;
    CHECK_INT(plain_brood(there, NULL), 1);
    CHECK_HAS(tells(there, "cwd"), "No such file or directory");
    there->argv = WORDS("./x");
    CHECK_INT(plain_brood(there, &error), -ENOENT);
    CHECK_INT(error.stage, BROOD_STAGE_EXEC);
    there->argv = WORDS("x"); /* an empty element of PATH is that directory, too */
    there->env = WORDS("PATH=");
    CHECK_INT(plain_brood(there, &error), -ENOENT);
    CHECK_INT(error.stage, BROOD_STAGE_EXEC);
    CHECK_INT(close(fd), 0);
}

/* The caller's own directory has been removed. */
TEST(c12_a_caller_in_a_removed_directory)
{
    make_directory("gone");
    make_program("at1");
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct brood_error error;
        REQUIRE(chdir(lab_file("gone")) == 0 && rmdir(lab_file("gone")) == 0);
        CHECK_INT(plain_agree("absolute", BROOD_OPTIONS(.argv = WORDS(lab_file("at1"))), NULL), 1);
        CHECK_INT(plain_agree("relative", BROOD_OPTIONS(.argv = WORDS("./at1")), NULL), -ENOENT);
        CHECK_INT(plain_agree("relative directory",
                              BROOD_OPTIONS(.argv = WORDS(lab_file("at1")), .cwd = "sub"), &error),
                  -ENOENT);
        CHECK_INT(error.stage, BROOD_STAGE_DIRECTORY);
        CHECK_INT(plain_agree("elsewhere",
                              BROOD_OPTIONS(.argv = WORDS("./at1"), .cwd = lab_directory()), NULL),
                  1);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}
