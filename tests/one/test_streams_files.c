/* SPDX-License-Identifier: MIT */
/*
 * Files that the child opens: modes, permissions, relative names, and what a failure says.
 *
 * Invariant: each test has files of its own in the test's directory.
 */
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRINT(text) TARGET("print", text)

static const char *content(const char *path)
{
    char got[256] = "";
    CHECK_SAY(lab_read_file(path, got, sizeof got) >= 0, "%s is not there", path);
    return say("%s", got);
}

static void put(const char *path, const char *text)
{
    REQUIRE(lab_write_file(path, text, strlen(text), 0600) == 0);
}

/* "new" is written to a file that is absent, or has "old content". The error's code, or 0. */
static const struct {
    uint32_t flags;
    int absent_code, present_code;
    const char *absent, *present;
} modes[] = {
    {0, 0, 0, "new", "new"},
    {BROOD_FILE_APPEND, 0, 0, "new", "old contentnew"},
    {BROOD_FILE_KEEP, 0, 0, "new", "new content"},
    {BROOD_FILE_EXCLUSIVE, 0, EEXIST, "new", "old content"},
    {BROOD_FILE_EXCLUSIVE | BROOD_FILE_APPEND, 0, EEXIST, "new", "old content"},
    {BROOD_FILE_EXCLUSIVE | BROOD_FILE_KEEP, 0, EEXIST, "new", "old content"},
    {BROOD_FILE_EXISTING, ENOENT, 0, NULL, "new"},
    {BROOD_FILE_EXISTING | BROOD_FILE_APPEND, ENOENT, 0, NULL, "old contentnew"},
    {BROOD_FILE_EXISTING | BROOD_FILE_KEEP, ENOENT, 0, NULL, "new content"},
};

static void try_mode(size_t row, bool is_err, const char *path, int code)
{
    const struct brood_stream file = {.kind = BROOD_FILE, .path = path, .flags = modes[row].flags};
    struct brood_options *options = BROOD_OPTIONS(.argv = PRINT("new"));
    options->out = file;
    if (is_err) {
        options->out = (struct brood_stream){.kind = BROOD_MERGE};
        options->err = file;
    }
    if (code == 0) {
        runs(options, 0);
        return;
    }
    is_refused(say("mode %u", modes[row].flags), options,
               REFUSAL(.stage = BROOD_STAGE_OPEN, .code = code, .subject = path,
                       .sentence = say("cannot start %s: file %s: %s", lab_child_program(), path,
                                       strerror(code))));
}

static void all_modes(bool is_err)
{
    const char *path = lab_file("file");
    for (size_t row = 0; row < sizeof modes / sizeof *modes; row++) {
        (void)unlink(path);
        try_mode(row, is_err, path, modes[row].absent_code);
        if (modes[row].absent)
            CHECK_STR(content(path), modes[row].absent);
        else
            CHECK_INT(access(path, F_OK), -1);
        put(path, "old content");
        try_mode(row, is_err, path, modes[row].present_code);
        CHECK_STR(content(path), modes[row].present);
    }
}

TEST(modes_of_out)
{
    all_modes(false);
}

TEST(modes_of_err)
{
    all_modes(true);
}

/* Two writers of one file by append lose nothing. */
TEST(append_is_the_descriptors_own)
{
    const char *path = lab_file("log");
    const struct brood_stream file = {.kind = BROOD_FILE, .path = path, .flags = BROOD_FILE_APPEND};
    runs(BROOD_OPTIONS(.argv = TARGET("both", "3000"), .out = file, .err = file), 0);
    struct stat status;
    CHECK_INT(stat(path, &status), 0);
    CHECK_INT(status.st_size, 6000);
}

/* ------------------------------------------------------------------ permissions */

TEST(create_mode_and_umask)
{
    static const struct {
        uint32_t create_mode, umask;
        bool sets_umask;
        mode_t want;
    } rows[] = {
        {0, 0, false, 0644},   {0600, 0, false, 0600}, {0777, 0, false, 0755},
        {0, 0, true, 0666},    {0, 077, true, 0600},   {0666, 027, true, 0640},
        {0755, 0777, true, 0}, {0751, 0, true, 0751},  {01, 0, true, 01},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        const char *path = lab_file(say("file%zu", row));
        struct stat status = {0};
        runs(BROOD_OPTIONS(.argv = PRINT("x"), .umask = rows[row].umask,
                           .flags = rows[row].sets_umask ? BROOD_SET_UMASK : 0,
                           .out = {.kind = BROOD_FILE,
                                   .path = path,
                                   .create_mode = rows[row].create_mode}),
             0);
        CHECK_INT(stat(path, &status), 0);
        CHECK_SAY((status.st_mode & 07777) == rows[row].want, "row %zu: %04o", row,
                  status.st_mode & 07777);
        CHECK_INT(chmod(path, 0600), 0);
        CHECK_STR(content(path), "x");
    }
}

/* A file that was there keeps its permissions. */
TEST(create_mode_is_for_new_files)
{
    struct stat status;
    const char *path = lab_file("file");
    put(path, "old");
    runs(BROOD_OPTIONS(.argv = PRINT("new"),
                       .out = {.kind = BROOD_FILE, .path = path, .create_mode = 0777}),
         0);
    CHECK_INT(stat(path, &status), 0);
    CHECK_INT(status.st_mode & 07777, 0600);
}

/* ------------------------------------------------------------------ names */

TEST(relative_names_start_at_the_childs_directory)
{
    REQUIRE(mkdir(lab_file("there"), 0700) == 0);
    put(lab_file("there/in"), "what is in");
    int fd = open(lab_directory(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(fd > 2);
    const struct brood_stream in = {.kind = BROOD_FILE, .path = "in"};
    const struct brood_stream out = {.kind = BROOD_FILE, .path = "out"};
    runs(BROOD_OPTIONS(.argv = TARGET("cat"), .cwd = lab_file("there"), .in = in, .out = out), 0);
    CHECK_STR(content(lab_file("there/out")), "what is in");
    CHECK_INT(unlink(lab_file("there/out")), 0);
    runs(BROOD_OPTIONS(.argv = TARGET("cat"), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd,
                       .cwd = "there", .in = in, .out = out),
         0);
    CHECK_STR(content(lab_file("there/out")), "what is in");
    CHECK_INT(close(fd), 0);
}

TEST(names_are_bytes)
{
    static const char *const names[] = {"with space", "it's", "\xc3\xa4\xff",
                                        "new\nline",  "-",    "$HOME"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = lab_file(names[i]);
        runs(BROOD_OPTIONS(.argv = PRINT("x"), .out = {.kind = BROOD_FILE, .path = path}), 0);
        CHECK_STR(content(path), "x");
    }
}

/* ------------------------------------------------------------------ failures */

static void refuse_file(struct brood_options *options, int code, const char *subject,
                        const char *sentence)
{
    options->argv = WORDS("/bin/true");
    is_refused(sentence, options,
               REFUSAL(.stage = BROOD_STAGE_OPEN, .code = code, .subject = subject,
                       .sentence = say("cannot start /bin/true: %s", sentence)));
}

TEST(files_that_cannot_be_opened)
{
    const char *directory = lab_directory(), *plain = lab_file("plain");
    const char *below = lab_file("plain/below"), *loop = lab_file("loop");
    put(plain, "");
    REQUIRE(symlink("loop", loop) == 0);
    refuse_file(BROOD_OPTIONS(.in = {.kind = BROOD_FILE, .path = "/no/such/file"}), ENOENT,
                "/no/such/file", "file /no/such/file: No such file or directory");
    refuse_file(BROOD_OPTIONS(.out = {.kind = BROOD_FILE, .path = "/no/such/file"}), ENOENT,
                "/no/such/file", "file /no/such/file: No such file or directory");
    refuse_file(BROOD_OPTIONS(.out = {.kind = BROOD_FILE, .path = directory}), EISDIR, directory,
                say("file %s: Is a directory", directory));
    refuse_file(BROOD_OPTIONS(.err = {.kind = BROOD_FILE, .path = below}), ENOTDIR, below,
                say("file %s: Not a directory", below));
    refuse_file(BROOD_OPTIONS(.in = {.kind = BROOD_FILE, .path = loop}), ELOOP, loop,
                say("file %s: Too many levels of symbolic links", loop));
    refuse_file(BROOD_OPTIONS(.in = {.kind = BROOD_FILE, .path = "bad\nname\x1b[31m"}), ENOENT,
                "bad\nname\x1b[31m", "file bad\\x0aname\\x1b[31m: No such file or directory");
}

/* The directory step comes first, so its failure is the one that is told. */
TEST(the_directory_fails_before_the_file)
{
    is_refused("directory",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .cwd = "/no/such",
                             .in = {.kind = BROOD_FILE, .path = "/no/file"}),
               REFUSAL(.stage = BROOD_STAGE_DIRECTORY, .code = ENOENT, .subject = "/no/such",
                       .sentence = "cannot start /bin/true: directory /no/such: No such file or "
                                   "directory"));
}

/* The second file fails: the first was created, which is the one thing not undone. */
TEST(what_a_failed_start_created_stays)
{
    const char *first = lab_file("first");
    is_refused("second file",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .out = {.kind = BROOD_FILE, .path = first},
                             .err = {.kind = BROOD_FILE, .path = "/no/such/file"}),
               REFUSAL(.stage = BROOD_STAGE_OPEN, .code = ENOENT, .subject = "/no/such/file"));
    CHECK_STR(content(first), "");
}

/* With a limit of file size the child fails, not the start. */
TEST(a_full_file_is_the_programs_own_matter)
{
    const struct brood_rlimit limit = {.resource = RLIMIT_FSIZE};
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = PRINT("x"), .rlimits = &limit, .rlimit_count = 1,
                            .ignore_signals = UINT64_C(1) << (25 - 1), /* SIGXFSZ */
                            .out = {.kind = BROOD_FILE, .path = lab_file("file")}));
    ends_with(child, 1);
}

/* A path that is too long for the record is still opened, and cut in the error. */
TEST(long_names)
{
    char path[1200];
    memset(path, 'd', sizeof path);
    memcpy(path, "/no/", 4);
    for (size_t at = 200; at < sizeof path; at += 200)
        path[at] = '/';
    path[sizeof path - 1] = '\0';
    struct brood_error error;
    struct brood_child *child = NULL;
    char said[1000];
    CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/bin/true"),
                                        .in = {.kind = BROOD_FILE, .path = path}),
                          &child, &error),
              -ENOENT);
    CHECK_INT(strlen(error.subject), sizeof error.subject - 1);
    CHECK_MEM(error.subject, path, sizeof error.subject - 1);
    (void)brood_error_text(&error, said, sizeof said);
    CHECK_HAS(said, ": No such file or directory");
}
