/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of programs that cannot be run, or seem not to: C19 to C21 of README.md.
 *
 * Invariant: for each file exec itself is asked first (plain.h): brood says the same errno, and a
 * cause where one errno has many.
 */
#include "plain.h"
#include "starting.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CANNOT = 77, NOT_FOUND_CODE = 127, NOT_RUN_CODE = 126 };

static const char *file(const char *name, const void *data, size_t length, mode_t mode)
{
    REQUIRE(lab_write_file(lab_file(name), data, length, mode) == 0);
    return lab_file(name);
}

static const char *script(const char *name, const char *text, mode_t mode)
{
    return file(name, text, strlen(text), mode);
}

/* exec and brood agree on `code`, and the error has this detail. */
static void fails(const char *path, int code, int detail)
{
    struct brood_error error = {.detail = -1};
    int got = plain_agree(path, BROOD_OPTIONS(.argv = WORDS(path)), &error);
    CHECK_SAY(got == -code && error.code == code, "%s: %d, not %d", path, got, -code);
    CHECK_SAY(error.stage == BROOD_STAGE_EXEC && error.detail == detail, "%s: stage %s, detail %d",
              path, brood_stage_name(error.stage), error.detail);
}

/* ------------------------------------------------------------------ C19 */

TEST(c19_paths_that_lead_nowhere)
{
    char name[300], path[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = "./"[i % 2];
    path[sizeof path - 1] = '\0';
    const char *plain = script("plain", "#!/bin/sh\n", 0755);
    REQUIRE(symlink("loop", lab_file("loop")) == 0);
    REQUIRE(symlink("/no/such", lab_file("dangling")) == 0);
    fails("/no/such/program", ENOENT, BROOD_DETAIL_NONE);
    fails(lab_file("dangling"), ENOENT, BROOD_DETAIL_NONE);
    fails(lab_file("loop"), ELOOP, BROOD_DETAIL_NONE);
    fails(lab_file("loop/below"), ELOOP, BROOD_DETAIL_NONE);
    fails(say("%s/below", plain), ENOTDIR, BROOD_DETAIL_NONE);
    fails(say("%s/", plain), ENOTDIR, BROOD_DETAIL_NONE);
    fails(say("/%s", name), ENAMETOOLONG, BROOD_DETAIL_NONE);
    fails(path, ENAMETOOLONG, BROOD_DETAIL_NONE);
}

TEST(c19_files_that_are_no_programs)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(here > 2 && fd > 2 && chdir(lab_directory()) == 0);
    REQUIRE(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(fchdir(here) == 0 && close(fd) + close(here) == 0);
    REQUIRE(mkfifo(lab_file("fifo"), 0755) == 0 && chmod(lab_file("socket"), 0755) == 0);
    fails(lab_directory(), EACCES, BROOD_DETAIL_IS_DIRECTORY);
    fails(say("%s/.", lab_directory()), EACCES, BROOD_DETAIL_IS_DIRECTORY);
    fails(lab_file("fifo"), EACCES, BROOD_DETAIL_NOT_EXECUTABLE);
    fails(lab_file("socket"), EACCES, BROOD_DETAIL_NOT_EXECUTABLE);
    fails("/dev/null", EACCES, BROOD_DETAIL_NOT_EXECUTABLE);
    fails(script("plain", "#!/bin/sh\n", 0644), EACCES, BROOD_DETAIL_NOT_EXECUTABLE);
    fails(script("empty", "", 0755), ENOEXEC, BROOD_DETAIL_NOT_A_PROGRAM);
    fails(script("text", "exit 0\n", 0755), ENOEXEC, BROOD_DETAIL_NOT_A_PROGRAM);
}

TEST(c19_scripts_whose_interpreter_fails)
{
    const char *plain = script("plain", "", 0644), *loop = lab_file("loop");
    REQUIRE(symlink("loop", loop) == 0);
    fails(script("missing", "#!/no/such\n", 0755), ENOENT, BROOD_DETAIL_INTERPRETER);
    fails(script("closed", say("#!%s\n", plain), 0755), EACCES, BROOD_DETAIL_INTERPRETER);
    fails(script("directory", "#!/\n", 0755), EACCES, BROOD_DETAIL_INTERPRETER);
    fails(script("looping", say("#!%s\n", loop), 0755), ELOOP, BROOD_DETAIL_INTERPRETER);
    fails(script("itself", say("#!%s\n", lab_file("itself")), 0755), ELOOP,
          BROOD_DETAIL_INTERPRETER);
    fails(script("below", say("#!%s/below\n", plain), 0755), ENOTDIR, BROOD_DETAIL_INTERPRETER);
}

TEST(c19_programs_for_other_machines)
{
    ElfW(Ehdr) head;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2 && read(fd, &head, sizeof head) == sizeof head && close(fd) == 0);
    fails(file("cut", &head, sizeof head, 0755), ENOEXEC, BROOD_DETAIL_NOT_A_PROGRAM);
    head.e_machine = EM_VAX;
    fails(file("vax", &head, sizeof head, 0755), ENOEXEC, BROOD_DETAIL_WRONG_MACHINE);
    head.e_ident[EI_DATA] = head.e_ident[EI_DATA] == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
    fails(file("swapped", &head, sizeof head, 0755), ENOEXEC, BROOD_DETAIL_WRONG_MACHINE);
}

static void on_a_noexec_mount(void)
{
    if (lab_own_mounts() < 0 ||
        mount("tmpfs", lab_file("mounted"), "tmpfs", MS_NOEXEC, "size=64k,mode=1777") < 0)
        _exit(EXIT_CANNOT);
    fails(script("mounted/good", "#!/bin/sh\n", 0755), EACCES, BROOD_DETAIL_NOEXEC_MOUNT);
    const char *outside = script("outside", say("#!%s\n", lab_file("mounted/good")), 0755);
    fails(outside, EACCES, BROOD_DETAIL_INTERPRETER);
}

TEST(c19_a_file_system_mounted_noexec)
{
    int status = 0;
    REQUIRE(mkdir(lab_file("mounted"), 0755) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        on_a_noexec_mount();
        _exit(0);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    if (WEXITSTATUS(status) == EXIT_CANNOT)
        SKIP("mounting is not allowed here");
    CHECK_INT(WEXITSTATUS(status), 0);
}

/* ------------------------------------------------------------------ C20 */

/* A copy of a program that names a shared library which nobody has. */
static const char *without_its_library(void)
{
    static const char needed[] = "libc.so.6", nobodys[] = "libX.so.6";
    struct stat status;
    int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2 && fstat(fd, &status) == 0 && status.st_size > 0);
    size_t length = (size_t)status.st_size;
    char *data = malloc(length);
    REQUIRE(data && read(fd, data, length) == (ssize_t)length && close(fd) == 0);
    char *name = memmem(data, length, needed, sizeof needed);
    if (name) {
        memcpy(name, nobodys, sizeof nobodys);
        (void)file("program", data, length, 0755);
    }
    free(data);
    if (!name)
        SKIP("/bin/true is not linked with a shared libc");
    return lab_file("program");
}

/* The program was started; that its loader then gives up is the program's own end, not a failed
 * start, and the loader's words are there to be read. */
TEST(c20_a_missing_shared_library_is_the_programs_end)
{
    const char *path = without_its_library();
    struct brood_error error = {.stage = BROOD_STAGE_NONE};
    struct brood_result result;
    CHECK_INT(plain_agree("start", BROOD_OPTIONS(.argv = WORDS(path), .err = {.kind = BROOD_NULL}),
                          &error),
              NOT_FOUND_CODE);
    int run = brood_run(BROOD_OPTIONS(.argv = WORDS(path), .err = {.kind = BROOD_MEMORY}), &result,
                        &error);
    REQUIRE(run == 0);
    CHECK_INT(result.exit.kind, BROOD_EXITED);
    CHECK_INT(result.exit.code, NOT_FOUND_CODE);
    CHECK_HAS(result.err, "libX.so.6");
    brood_result_clear(&result);
}

/* ------------------------------------------------------------------ C21 */

struct ends {
    const char *program;
    int64_t start_timeout_ms;
    unsigned rounds, mistaken;
    pthread_t thread;
};

/* -errno of the start, or the exit code. */
static int end_of(char *const *argv, int64_t start_timeout_ms)
{
    struct brood_result result;
    int code = brood_run(BROOD_OPTIONS(.argv = argv, .start_timeout_ms = start_timeout_ms,
                                       .err = {.kind = BROOD_NULL}),
                         &result, NULL);
    if (code == 0)
        code = result.exit.kind == BROOD_EXITED ? result.exit.code : -EIO;
    if (code >= 0)
        brood_result_clear(&result);
    return code;
}

static void *ends_by_turns(void *argument)
{
    struct ends *ends = argument;
    const char *const exits_127[] = {ends->program, "exit", "127", NULL};
    const char *const exits_126[] = {ends->program, "exit", "126", NULL};
    const char *const missing[] = {"/no/such/program", "exit", "0", NULL};
    const char *const directory[] = {"/", "exit", "0", NULL};
    const char *const shell[] = {"/bin/sh", "-c", "exec /no/such/program", NULL};
    const struct {
        const char *const *argv;
        int want;
    } turns[] = {{exits_127, NOT_FOUND_CODE},
                 {missing, -ENOENT},
                 {exits_126, NOT_RUN_CODE},
                 {directory, -EACCES},
                 {shell, NOT_FOUND_CODE}};
    for (unsigned round = 0; round < ends->rounds; round++)
        for (size_t i = 0; i < sizeof turns / sizeof *turns; i++)
            ends->mistaken += end_of(words(turns[i].argv), ends->start_timeout_ms) != turns[i].want;
    return NULL;
}

/* The codes that shells use for what they could not run are codes like others when a program exits
 * with them, and no start that failed is ever told as one of them: by turns, in several threads. */
TEST(c21_exit_127_is_a_programs_own)
{
    enum { THREADS = 4, ROUNDS = 12 };
    struct ends all[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        all[i] = (struct ends){.program = lab_child_program(),
                               .start_timeout_ms = i % 2 ? BOUND_MS : 0,
                               .rounds = ROUNDS};
        REQUIRE(pthread_create(&all[i].thread, NULL, ends_by_turns, &all[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(all[i].thread, NULL), 0);
        CHECK_INT(all[i].mistaken, 0);
    }
}

/* Through a shell the code is the shell's own word, and the start went well. */
TEST(c21_a_shell_that_finds_nothing)
{
    struct brood_error error = {.stage = BROOD_STAGE_NONE};
    const struct brood_stream null = {.kind = BROOD_NULL};
    CHECK_INT(plain_brood(BROOD_OPTIONS(.argv = WORDS("no-such-program"), .flags = BROOD_SHELL,
                                        .err = null),
                          &error),
              NOT_FOUND_CODE);
    CHECK_INT(
        plain_brood(BROOD_OPTIONS(.argv = WORDS("/dev/null"), .flags = BROOD_SHELL, .err = null),
                    &error),
        NOT_RUN_CODE);
    CHECK_INT(error.stage, BROOD_STAGE_NONE);
}
