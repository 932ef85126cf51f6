/* SPDX-License-Identifier: MIT */
/*
 * Programs that cannot be run: one errno has many causes, and the sentence names the one it was.
 *
 * Invariant: every file is made here; those that are foreign or broken are crafted byte by byte.
 */
#include "starting.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, EXIT_CANNOT = 77 };

/* The program fails at exec so; `words_of_it` is the sentence after the program's name. */
static void refuse(const char *program, int code, int detail, const char *subject,
                   const char *words_of_it)
{
    is_refused(program, BROOD_OPTIONS(.argv = WORDS(program, "argument")),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = code, .detail = detail,
                       .subject = subject,
                       .sentence = say("cannot start %s: %s", program, words_of_it)));
}

static const char *make_file(const char *name, const char *text, mode_t mode)
{
    REQUIRE(lab_write_file(lab_file(name), text, strlen(text), mode) == 0);
    return lab_file(name);
}

/* ------------------------------------------------------------------ paths */

TEST(missing)
{
    refuse("/no/such/program", ENOENT, 0, "/no/such/program",
           "/no/such/program: No such file or directory");
    const char *plain = make_file("plain", "", 0755), *below = lab_file("plain/below");
    refuse(below, ENOTDIR, 0, below, say("%s: Not a directory", below));
    REQUIRE(symlink("/no/such/goal", lab_file("dangling")) == 0);
    refuse(lab_file("dangling"), ENOENT, 0, lab_file("dangling"),
           say("%s: No such file or directory", lab_file("dangling")));
    CHECK(plain != NULL);
}

TEST(loops_and_long_paths)
{
    const char *loop = lab_file("loop");
    REQUIRE(symlink("loop", loop) == 0);
    refuse(loop, ELOOP, 0, loop, say("%s: Too many levels of symbolic links", loop));
    char *path = calloc(1, 5000);
    REQUIRE(path);
    memset(path, 'x', 4999);
    for (size_t i = 0; i < 4999; i += 100)
        path[i] = '/';
    is_refused("a long path", BROOD_OPTIONS(.argv = WORDS(path)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENAMETOOLONG));
    free(path);
}

TEST(directories)
{
    const char *directory = lab_directory();
    refuse(directory, EACCES, BROOD_DETAIL_IS_DIRECTORY, directory,
           say("%s is a directory", directory));
    refuse("/", EACCES, BROOD_DETAIL_IS_DIRECTORY, "/", "/ is a directory");
}

TEST(not_executable)
{
    const char *plain = make_file("plain", "#!/bin/sh\n", 0644);
    refuse(plain, EACCES, BROOD_DETAIL_NOT_EXECUTABLE, plain,
           say("%s may not be executed: Permission denied (chmod +x?)", plain));
    is_refused("a device", BROOD_OPTIONS(.argv = WORDS("/dev/null")),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = EACCES,
                       .detail = BROOD_DETAIL_NOT_EXECUTABLE, .subject = "/dev/null"));
}

/* The cause is looked at where the child was: relative to its directory. */
TEST(relative_programs_are_explained_too)
{
    (void)make_file("plain", "", 0644);
    REQUIRE(mkdir(lab_file("sub"), 0755) == 0);
    int fd = open(lab_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(fd > 2);
    const struct refusal want = {
        .stage = BROOD_STAGE_EXEC,
        .code = EACCES,
        .detail = BROOD_DETAIL_NOT_EXECUTABLE,
        .sentence = "cannot start ../plain: ../plain may not be executed: Permission denied "
                    "(chmod +x?)"};
    is_refused("cwd", BROOD_OPTIONS(.argv = WORDS("../plain"), .cwd = lab_file("sub")), &want);
    is_refused("cwd_fd and cwd",
               BROOD_OPTIONS(.argv = WORDS("../plain"), .flags = BROOD_SET_CWD_FD, .cwd_fd = fd,
                             .cwd = "sub"),
               &want);
    is_refused("cwd_fd",
               BROOD_OPTIONS(.argv = WORDS("sub"), .program = "./sub", .flags = BROOD_SET_CWD_FD,
                             .cwd_fd = fd),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = EACCES,
                       .detail = BROOD_DETAIL_IS_DIRECTORY, .subject = "./sub"));
    CHECK_INT(close(fd), 0);
}

/* ------------------------------------------------------------------ scripts */

static void refuse_interpreter(const char *script_text, int code, const char *interpreter,
                               const char *shown)
{
    const char *script = make_file("script", script_text, 0755);
    refuse(script, code, BROOD_DETAIL_INTERPRETER, interpreter,
           say("the file is there, but its interpreter %s: %s", shown, strerror(code)));
}

TEST(interpreters)
{
    const char *plain = make_file("plain", "", 0644);
    refuse_interpreter("#!/no/such/interpreter\n", ENOENT, "/no/such/interpreter",
                       "/no/such/interpreter");
    refuse_interpreter("#! /no/such/interpreter -x -y\n", ENOENT, "/no/such/interpreter",
                       "/no/such/interpreter");
    refuse_interpreter("#!\t/no/such/interpreter", ENOENT, "/no/such/interpreter",
                       "/no/such/interpreter");
    refuse_interpreter("#!no/such\necho\n", ENOENT, "no/such", "no/such");
    /* The classic of a file edited elsewhere. */
    refuse_interpreter("#!/bin/sh\r\necho\r\n", ENOENT, "/bin/sh\r", "/bin/sh\\x0d");
    refuse_interpreter(say("#!%s\n", plain), EACCES, plain, plain);
    refuse_interpreter(say("#!%s\n", lab_directory()), EACCES, lab_directory(), lab_directory());
}

/* The one that is missing is told, however deep. */
TEST(interpreters_of_interpreters)
{
    const char *outer = make_file("outer", say("#!%s\n", lab_file("inner")), 0755);
    const char *script = make_file("script", say("#!%s\n", outer), 0755);
    refuse(script, ENOENT, BROOD_DETAIL_INTERPRETER, lab_file("inner"),
           say("the file is there, but its interpreter %s: No such file or directory",
               lab_file("inner")));
    (void)make_file("inner", "#!/no/such/interpreter\n", 0755);
    refuse(script, ENOENT, BROOD_DETAIL_INTERPRETER, "/no/such/interpreter",
           "the file is there, but its interpreter /no/such/interpreter: No such file or "
           "directory");
}

/* A script that names itself: the kernel gives up, and so does the explanation. */
TEST(an_interpreter_that_is_the_script)
{
    const char *script = make_file("script", say("#!%s\n", lab_file("script")), 0755);
    is_refused("itself", BROOD_OPTIONS(.argv = WORDS(script)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ELOOP, .detail = BROOD_DETAIL_INTERPRETER,
                       .subject = script));
}

TEST(neither_program_nor_script)
{
    static const char *const texts[] = {"", "echo hello\n", "#!\n", "#! \n", "\177EL"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *path = make_file(say("text%zu", i), texts[i], 0755);
        refuse(path, ENOEXEC, BROOD_DETAIL_NOT_A_PROGRAM, path,
               say("%s is neither a program that runs here nor a script with #!", path));
    }
}

/* ------------------------------------------------------------------ programs in the ELF format */

/* A program of one segment, which names a loader. */
struct elf {
    ElfW(Ehdr) header;
    ElfW(Phdr) loader;
    char path[64];
};

/* Begins like the program that runs this test, so it is of this machine. */
static struct elf make_elf(const char *loader)
{
    struct elf elf = {.loader = {.p_type = PT_INTERP, .p_offset = offsetof(struct elf, path)}};
    int fd = open(lab_proc("self/exe"), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd > 2 && read(fd, &elf.header, sizeof elf.header) == sizeof elf.header);
    REQUIRE(close(fd) == 0);
    elf.header.e_phoff = offsetof(struct elf, loader);
    elf.header.e_phnum = 1;
    elf.loader.p_filesz = elf.loader.p_memsz = strlen(loader) + 1;
    memcpy(elf.path, loader, strlen(loader) + 1);
    return elf;
}

TEST(a_missing_loader)
{
    struct elf elf = make_elf("/no/such/ld.so");
    const char *path = lab_file("program");
    REQUIRE(lab_write_file(path, &elf, sizeof elf, 0755) == 0);
    refuse(path, ENOENT, BROOD_DETAIL_INTERPRETER, "/no/such/ld.so",
           "the file is there, but its interpreter /no/such/ld.so: No such file or directory");
}

TEST(another_machine)
{
    struct elf elf = make_elf("/no/such/ld.so");
    const char *path = lab_file("program");
    elf.header.e_machine = EM_VAX;
    REQUIRE(lab_write_file(path, &elf, sizeof elf, 0755) == 0);
    is_refused("a program for a VAX", BROOD_OPTIONS(.argv = WORDS(path)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOEXEC,
                       .detail = BROOD_DETAIL_WRONG_MACHINE, NUMBER(EM_VAX), .subject = path,
                       .sentence = say("cannot start %s: %s is a program for another machine "
                                       "(ELF machine 75)",
                                       path, path)));
}

/* Cut off after its header it is of this machine, and broken. */
TEST(a_broken_program)
{
    struct elf elf = make_elf("/no/such/ld.so");
    const char *path = lab_file("program");
    REQUIRE(lab_write_file(path, &elf, sizeof elf.header, 0755) == 0);
    is_refused("cut off", BROOD_OPTIONS(.argv = WORDS(path)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOEXEC,
                       .detail = BROOD_DETAIL_NOT_A_PROGRAM, .subject = path));
}

/* Whatever stands in a file, explaining it stays within the file. A few of these begin, and die. */
TEST(hostile_headers)
{
    unsigned refused = 0;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct elf elf = make_elf("/no/such/ld.so");
        struct brood_error error;
        struct brood_child *child = NULL;
        const char *path = lab_file("program");
        elf.header.e_phoff ^= (ElfW(Off))1 << (bit % (8 * sizeof elf.header.e_phoff));
        elf.loader.p_filesz ^= (ElfW(Xword))1 << (63 - bit);
        elf.loader.p_offset ^= (ElfW(Off))1 << (bit * 7 % 64);
        elf.header.e_phnum = (ElfW(Half))(bit % 2 ? 1 : 0xffff);
        REQUIRE(lab_write_file(path, &elf, bit < 32 ? sizeof elf : sizeof elf.header, 0755) == 0);
        if (brood_start(BROOD_OPTIONS(.argv = WORDS(path)), &child, &error) < 0) {
            CHECK_INT(error.stage, BROOD_STAGE_EXEC);
            refused++;
        }
        CHECK(!brood_child_free(child));
    }
    CHECK(refused > 32);
}

/* ------------------------------------------------------------------ permission */

/* Runs `body` as a plain user, in a process of its own. */
static void as_nobody(void (*body)(void))
{
    REQUIRE(chmod(lab_directory(), 0755) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(lab_become(NOBODY) == 0);
        body();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static void through_closed_directory(void)
{
    const char *path = lab_file("closed/program");
    refuse(path, EACCES, BROOD_DETAIL_NOT_SEARCHABLE, path,
           say("a directory on the way to %s may not be entered: Permission denied", path));
}

TEST(a_directory_that_may_not_be_entered)
{
    REQUIRE(mkdir(lab_file("closed"), 0700) == 0);
    (void)make_file("closed/program", "#!/bin/sh\n", 0755);
    REQUIRE(chmod(lab_file("closed"), 0) == 0);
    as_nobody(through_closed_directory);
}

/* exec(2) needs no permission to read; what the interpreter then says is the program's own end. */
static void run_unreadable(void)
{
    struct brood_child *child =
        start(BROOD_OPTIONS(.argv = WORDS(lab_file("script")), .err = {.kind = BROOD_NULL}));
    struct brood_exit end;
    REQUIRE(child);
    CHECK_INT(brood_child_wait(child, BOUND_MS, &end), 0);
    CHECK(end.kind == BROOD_EXITED && end.code != 0);
    (void)brood_child_free(child);
}

TEST(a_script_that_may_not_be_read)
{
    (void)make_file("script", "#!/bin/sh\nexit 0\n", 0111);
    as_nobody(run_unreadable);
}

static void run_not_permitted(void)
{
    const char *path = lab_file("others");
    refuse(path, EACCES, BROOD_DETAIL_NOT_EXECUTABLE, path,
           say("%s may not be executed: Permission denied (chmod +x?)", path));
}

/* Executable for its owner alone. The owner is somebody else only when root made it. */
TEST(a_program_for_others_only)
{
    if (geteuid() != 0)
        SKIP("needs root, to own a file that a plain user runs");
    (void)make_file("others", "#!/bin/sh\n", 0700);
    as_nobody(run_not_permitted);
}

static bool mount_noexec(const char *path)
{
    return lab_own_mounts() == 0 &&
           mount("tmpfs", path, "tmpfs", MS_NOEXEC | MS_NOSUID, "size=64k,mode=1777") == 0;
}

TEST(a_file_system_mounted_noexec)
{
    int status = 0;
    REQUIRE(mkdir(lab_file("mounted"), 0755) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (!mount_noexec(lab_file("mounted")))
            _exit(EXIT_CANNOT);
        const char *path = make_file("mounted/program", "#!/bin/sh\n", 0755);
        refuse(path, EACCES, BROOD_DETAIL_NOEXEC_MOUNT, path,
               say("%s lies on a file system mounted noexec: Permission denied", path));
        _exit(0);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    if (WEXITSTATUS(status) == EXIT_CANNOT)
        SKIP("mounting is not allowed here");
    CHECK_INT(WEXITSTATUS(status), 0);
}

/* ------------------------------------------------------------------ sizes */

TEST(an_argument_that_is_too_long)
{
    size_t most = 32 * (size_t)sysconf(_SC_PAGESIZE); /* MAX_ARG_STRLEN, its zero byte included */
    char *argument = calloc(1, most + 1);
    REQUIRE(argument);
    memset(argument, 'a', most - 1);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0", argument)), 0);
    argument[most - 1] = 'a';
    is_refused("one byte more", BROOD_OPTIONS(.argv = WORDS("/bin/true", argument)),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = E2BIG, .subject = "/bin/true",
                       .sentence = "cannot start /bin/true: /bin/true: Argument list too long"));
    free(argument);
}

/* All of it together is bounded by a quarter of the stack's limit, which the options may set. */
TEST(arguments_and_environment_that_are_too_long_together)
{
    enum { EACH = 100000, COUNT = 5 };
    const struct brood_rlimit stack = {.resource = RLIMIT_STACK, .soft = 1048576, .hard = 1048576};
    char *entry = calloc(1, EACH);
    REQUIRE(entry);
    memset(entry, 'x', EACH - 1);
    memcpy(entry, "A=", 2);
    const char *const env[] = {entry, entry, entry, entry, entry, NULL};
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "0"), .env = words(env)), 0);
    is_refused("500 kB of environment",
               BROOD_OPTIONS(.argv = WORDS("/bin/true"), .env = words(env), .rlimits = &stack,
                             .rlimit_count = 1),
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = E2BIG, .subject = "/bin/true"));
    free(entry);
}

/* ------------------------------------------------------------------ not failures of a start */

TEST(exit_codes_that_shells_use_for_failures)
{
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "127")), 127);
    runs(BROOD_OPTIONS(.argv = TARGET("exit", "126")), 126);
    runs(BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c", "exec /no/such/program"),
                       .err = {.kind = BROOD_NULL}),
         127);
}
