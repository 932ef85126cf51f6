/* SPDX-License-Identifier: MIT */
/*
 * The table of scenarios. Each line of the table is a start; a builder says what it asks for.
 *
 * Invariant: a builder uses the tools of scene.h alone, which undo themselves.
 */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the builders */

static void bare(struct scene *scene)
{
    (void)scene;
}

static void pipes(struct scene *scene)
{
    scene_kinds(scene, BROOD_PIPE, BROOD_PIPE, BROOD_PIPE);
    scene_acts(scene, "ioe");
}

static void nonblocking(struct scene *scene)
{
    pipes(scene);
    scene->options.in.flags = scene->options.out.flags = BROOD_STREAM_NONBLOCK;
    scene->options.err.flags = BROOD_STREAM_NONBLOCK;
}

static void sockets(struct scene *scene)
{
    scene_kinds(scene, BROOD_SOCKET, BROOD_SOCKET, BROOD_SOCKET);
    scene_acts(scene, "oe");
}

static void null(struct scene *scene)
{
    scene_kinds(scene, BROOD_NULL, BROOD_NULL, BROOD_NULL);
    scene_acts(scene, "ioe");
}

static void closed(struct scene *scene)
{
    scene_kinds(scene, BROOD_CLOSED, BROOD_CLOSED, BROOD_CLOSED);
}

static void files(struct scene *scene)
{
    scene_kinds(scene, BROOD_FILE, BROOD_FILE, BROOD_FILE);
    scene->options.in.path = scene_file(scene, "in", "from a file\n", 0644);
    scene->options.out.path = scene_file(scene, "out", "to be truncated\n", 0644);
    scene->options.err.path = scene_file(scene, "err", "stays\n", 0644);
    scene->options.err.flags = BROOD_FILE_APPEND;
    scene_acts(scene, "ioe");
}

static void new_file(struct scene *scene)
{
    scene_kinds(scene, BROOD_NULL, BROOD_FILE, BROOD_MERGE);
    scene->options.out.path = scene_path(scene, "new");
    unlink(scene->options.out.path);
    scene->options.out.flags = BROOD_FILE_EXCLUSIVE;
    scene->options.out.create_mode = 0600;
    scene_acts(scene, "oe");
}

/* A chain, a swap, a cycle of three, one that stays, one that the child is not to have. */
static void map(struct scene *scene)
{
    static const struct brood_fd_map wanted[] = {{30, 31}, {31, 30}, {32, 33}, {33, 34},
                                                 {34, 32}, {35, 35}, {36, 37}, {30, 36}};
    for (int number = 30; number <= 38; number++)
        scene_fd(scene, number, scene_file(scene, scene_text(scene, "f%d", number), "", 0644),
                 O_RDONLY);
    memcpy(scene->fds, wanted, sizeof wanted);
    scene->options.fds = scene->fds;
    scene->options.fd_count = sizeof wanted / sizeof *wanted;
}

static void swap(struct scene *scene)
{
    scene_kinds(scene, BROOD_FD, BROOD_FD, BROOD_FD);
    scene_save_standard(scene);
    for (int number = 0; number <= 2; number++)
        scene_fd(scene, number, scene_file(scene, scene_text(scene, "std%d", number), "", 0644),
                 O_RDWR);
    scene->options.in.fd = 1;
    scene->options.out.fd = 2;
    scene->options.err.fd = 0;
}

static void merge(struct scene *scene)
{
    scene_kinds(scene, BROOD_NULL, BROOD_PIPE, BROOD_MERGE);
    scene_acts(scene, "o");
}

static void merge_back(struct scene *scene)
{
    scene_kinds(scene, BROOD_NULL, BROOD_MERGE, BROOD_FILE);
    scene->options.err.path = scene_file(scene, "both", "", 0644);
    scene_acts(scene, "oe");
}

static void memory(struct scene *scene)
{
    scene_kinds(scene, BROOD_MEMORY, BROOD_PIPE, BROOD_NULL);
    scene->options.in.input = "from memory";
    scene->options.in.input_length = strlen("from memory");
    scene_acts(scene, "io");
}

static void run(struct scene *scene)
{
    memory(scene);
    scene_kinds(scene, BROOD_MEMORY, BROOD_MEMORY, BROOD_MEMORY);
    scene_acts(scene, "ioe");
}

static void run_bounded(struct scene *scene)
{
    run(scene);
    scene->options.timeout_ms = 60000;
    scene->options.grace_ms = 1000;
    scene->options.drain_ms = 1000;
    scene->options.out.output_limit = scene->options.err.output_limit = 1000;
}

static void cwd(struct scene *scene)
{
    scene->options.cwd = scene_directory(scene, "there");
    scene_kinds(scene, BROOD_NULL, BROOD_FILE, BROOD_NULL);
    scene->options.out.path = "relative";
}

static void cwd_fd(struct scene *scene)
{
    scene_directory(scene, "there");
    scene->options.flags = BROOD_SET_CWD_FD;
    scene->options.cwd_fd = scene_fd(scene, 40, scene->directory, O_RDONLY | O_DIRECTORY);
    scene->options.cwd = "there";
}

static void session(struct scene *scene)
{
    scene->options.flags = BROOD_NEW_SESSION;
    scene->options.scope = BROOD_SCOPE_GROUP;
    scene_kinds(scene, BROOD_PIPE, BROOD_PIPE, BROOD_PIPE);
}

static void group(struct scene *scene)
{
    scene->options.flags = BROOD_NEW_GROUP;
    scene->options.scope = BROOD_SCOPE_GROUP;
}

static void resources(struct scene *scene)
{
    static const struct brood_rlimit limits[] = {
        {.resource = RLIMIT_CORE, .soft = 0, .hard = 0},
        {.resource = RLIMIT_NOFILE, .soft = 50, .hard = 60},
        {.resource = RLIMIT_STACK, .soft = 4194304, .hard = 8388608}};
    scene->options.flags = BROOD_SET_UMASK | BROOD_SET_NICE;
    scene->options.umask = 027;
    scene->options.nice = 5;
    memcpy(scene->rlimits, limits, sizeof limits);
    scene->options.rlimits = scene->rlimits;
    scene->options.rlimit_count = sizeof limits / sizeof *limits;
}

static void signals(struct scene *scene)
{
    scene->options.signals = BROOD_KEEP_MASK | BROOD_KEEP_IGNORED;
    scene->options.ignore_signals = UINT64_C(1) << (SIGINT - 1) | UINT64_C(1) << (40 - 1);
}

static void environment(struct scene *scene)
{
    scene->env[0] = scene_text(scene, "ONE=1");
    scene->env[1] = scene_text(scene, "TWO=2");
    scene->env[2] = scene_text(scene, "THREE=3");
    scene->env_unset[0] = scene_text(scene, "TWO");
    scene->env_set[0] = scene_text(scene, "THREE=iii");
    scene->env_set[1] = scene_text(scene, "FOUR=4");
    scene->options.env = scene->env;
    scene->options.env_unset = scene->env_unset;
    scene->options.env_set = scene->env_set;
}

/* Nothing there; a file that may not be executed; two that are good. */
static void search(struct scene *scene)
{
    char *empty = scene_directory(scene, "empty"), *bad = scene_directory(scene, "bad");
    char *good = scene_directory(scene, "good"), *other = scene_directory(scene, "other");
    scene_file(scene, "bad/wanted", "", 0644);
    scene_program(scene, "good/wanted");
    scene_program(scene, "other/wanted");
    scene->options.program = "wanted";
    scene->env[0] = scene_text(scene, "PATH=%s:%s:%s:%s", empty, bad, good, other);
    scene->options.env = scene->env;
}

static void shell(struct scene *scene)
{
    scene->options.flags = BROOD_SHELL;
    scene_kinds(scene, BROOD_NULL, BROOD_PIPE, BROOD_PIPE);
    scene->argv[0] = scene_text(scene, "%s", scene->witness);
    scene_acts(scene, "oe");
    scene->argv[3] = scene_text(scene, "it's $HOME");
}

static void script(struct scene *scene)
{
    scene->options.flags = BROOD_SCRIPT_SHELL;
    scene->options.program = scene_file(scene, "script", "exec \"$WITNESS\" \"$@\"\n", 0755);
    scene->env_set[0] = scene_text(scene, "WITNESS=%s", scene->witness);
    scene->options.env_set = scene->env_set;
}

static void bounded(struct scene *scene)
{
    pipes(scene);
    scene->options.start_timeout_ms = 60000;
}

static void retries(struct scene *scene)
{
    new_file(scene);
    scene->options.retry_ms = 5000;
}

static void kept(struct scene *scene)
{
    scene->options.flags = BROOD_KEEP_ALL_FDS;
    scene_kinds(scene, BROOD_PIPE, BROOD_PIPE, BROOD_PIPE);
    scene_fd(scene, 41, scene_file(scene, "kept", "", 0644), O_RDONLY);
    fcntl(41, F_SETFD, 0);
    scene_fd(scene, 42, scene_file(scene, "private", "", 0644), O_RDONLY);
}

/* The caller itself has no 0, 1, 2: pipes made there would be taken for the child's. */
static void without_standard(struct scene *scene)
{
    scene_save_standard(scene);
    for (int number = 0; number <= 2; number++)
        close(number);
    scene_kinds(scene, BROOD_INHERIT, BROOD_PIPE, BROOD_FILE);
    scene->options.err.path = scene_file(scene, "err", "", 0644);
    scene_acts(scene, "oe");
}

static void everything(struct scene *scene)
{
    resources(scene);
    session(scene);
    signals(scene);
    environment(scene);
    map(scene);
    scene->options.flags = BROOD_SET_UMASK | BROOD_SET_NICE | BROOD_NEW_SESSION;
    scene->options.signals = 0;
    scene->options.rlimit_count = 1;
    scene->options.cwd = scene_directory(scene, "there");
    scene_kinds(scene, BROOD_MEMORY, BROOD_SOCKET, BROOD_FILE);
    scene->options.in.input = "all";
    scene->options.in.input_length = 3;
    scene->options.err.path = "relative";
    scene->options.start_timeout_ms = 60000;
    scene_acts(scene, "ioe");
}

static void missing_program(struct scene *scene)
{
    pipes(scene);
    scene->options.program = scene_path(scene, "missing");
}

static void missing_directory(struct scene *scene)
{
    pipes(scene);
    scene->options.cwd = scene_path(scene, "missing");
}

static void missing_file(struct scene *scene)
{
    pipes(scene);
    scene->options.in.kind = BROOD_FILE;
    scene->options.in.path = scene_path(scene, "missing");
}

/* Nobody ever writes to the FIFO: the child waits in open(2). */
static void stalled(struct scene *scene)
{
    pipes(scene);
    scene->options.in.kind = BROOD_FILE;
    scene->options.in.path = scene_fifo(scene, "fifo");
    scene->options.start_timeout_ms = 60;
}

/* The program stays until it is ended. */
static void freed(struct scene *scene)
{
    pipes(scene);
    scene_acts(scene, "s");
}

static void run_missing(struct scene *scene)
{
    run(scene);
    scene->options.program = scene_path(scene, "missing");
}

/* ------------------------------------------------------------------ the table */

#define MAPPED                                                                                     \
    "fd 30 @/f31 r", "fd 31 @/f30 r", "fd 32 @/f34 r", "fd 33 @/f32 r", "fd 34 @/f33 r",           \
        "fd 35 @/f35 r", "fd 36 @/f30 r", "fd 37 @/f36 r"

const struct scenario scenarios_common[] = {
    {.name = "bare",
     .build = bare,
     .facts = {"SigIgn:\t0000000000000000", "session other group other"}},
    {.name = "pipes",
     .build = pipes,
     .traits = SCENARIO_EVERYWHERE,
     .facts = {"fd 0 pipe r", "fd 1 pipe w", "fd 2 pipe w", "input 5 bytes sum 99162322"}},
    {.name = "nonblocking", .build = nonblocking, .facts = {"fd 0 pipe r", "fd 1 pipe w"}},
    {.name = "sockets", .build = sockets, .facts = {"fd 0 socket rw", "fd 2 socket rw"}},
    {.name = "null",
     .build = null,
     .facts = {"fd 0 /dev/null rw", "fd 1 /dev/null rw", "fd 2 /dev/null rw",
               "input 0 bytes sum 0"}},
    {.name = "closed", .build = closed},
    {.name = "files",
     .build = files,
     .facts = {"fd 0 @/in r", "fd 1 @/out w", "fd 2 @/err w append"}},
    {.name = "new-file",
     .build = new_file,
     .facts = {"fd 1 @/new w", "fd 2 @/new w", "1 and 2 are one"}},
    {.name = "map", .build = map, .traits = SCENARIO_EVERYWHERE, .facts = {MAPPED}},
    {.name = "swap",
     .build = swap,
     .facts = {"fd 0 @/std1 rw", "fd 1 @/std2 rw", "fd 2 @/std0 rw"}},
    {.name = "merge", .build = merge, .facts = {"fd 1 pipe w", "1 and 2 are one"}},
    {.name = "merge-back", .build = merge_back, .facts = {"fd 1 @/both w", "1 and 2 are one"}},
    {.name = "memory", .build = memory, .facts = {"input 11 bytes sum 4243192375"}},
    {.name = "run",
     .build = run,
     .traits = SCENARIO_RUN,
     .facts = {"input 11 bytes sum 4243192375"}},
    {.name = "run-bounded",
     .build = run_bounded,
     .traits = SCENARIO_RUN | SCENARIO_EVERYWHERE,
     .facts = {"input 11 bytes sum 4243192375"}},
    {.name = "cwd", .build = cwd, .facts = {"cwd @/there", "fd 1 @/there/relative w"}},
    {.name = "cwd-fd", .build = cwd_fd, .facts = {"cwd @/there"}},
    {.name = "session", .build = session, .facts = {"session own group own"}},
    {.name = "group", .build = group, .facts = {"session other group own"}},
    {.name = "resources",
     .build = resources,
     .facts = {"Umask:\t0027", "nice 5", "limit 4 0 0", "limit 7 50 60",
               "limit 3 4194304 8388608"}},
    {.name = "signals",
     .build = signals,
     .facts = {"SigBlk:\t0000000000000200", "SigIgn:\t0000008000000003"}},
    {.name = "environment",
     .build = environment,
     .facts = {"environment ONE=1", "environment THREE=iii", "environment FOUR=4"}},
    {.name = "search",
     .build = search,
     .traits = SCENARIO_SEARCHES,
     .spare = 3,
     .facts = {"argument witness"}},
    {.name = "shell", .build = shell, .facts = {"argument it's $HOME"}},
    {.name = "script", .build = script, .facts = {"session other group other"}},
    {.name = "bounded", .build = bounded, .facts = {"fd 0 pipe r", "fd 1 pipe w"}},
    {.name = "retries",
     .build = retries,
     .traits = SCENARIO_RETRIES | SCENARIO_EVERYWHERE,
     .facts = {"fd 1 @/new w"}},
    {.name = "kept", .build = kept, .facts = {"fd 41 @/kept r", "fd 0 pipe r"}},
    {.name = "without-standard",
     .build = without_standard,
     .traits = SCENARIO_LACKS | SCENARIO_EVERYWHERE,
     .facts = {"fd 1 pipe w", "fd 2 @/err w"}},
    {.name = "everything",
     .build = everything,
     .traits = SCENARIO_EVERYWHERE,
     .facts = {"fd 30 @/f31 r", "fd 37 @/f36 r", "cwd @/there", "Umask:\t0027", "nice 5",
               "session own group own", "fd 1 socket rw", "fd 2 @/there/relative w",
               "SigIgn:\t0000008000000002", "environment FOUR=4"}},
    {.name = "cold",
     .build = bare,
     .traits = SCENARIO_COLD | SCENARIO_EVERYWHERE,
     .facts = {"session other group other"}},
    {.name = "cold-pipes", .build = pipes, .traits = SCENARIO_COLD, .facts = {"fd 0 pipe r"}},
    {.name = "missing-program",
     .build = missing_program,
     .traits = SCENARIO_EVERYWHERE,
     .stage = BROOD_STAGE_EXEC,
     .code = ENOENT},
    {.name = "missing-directory",
     .build = missing_directory,
     .stage = BROOD_STAGE_DIRECTORY,
     .code = ENOENT},
    {.name = "missing-file", .build = missing_file, .stage = BROOD_STAGE_OPEN, .code = ENOENT},
    {.name = "freed", .build = freed, .traits = SCENARIO_FREES | SCENARIO_EVERYWHERE},
    {.name = "stalled",
     .build = stalled,
     .traits = SCENARIO_STALLS | SCENARIO_EVERYWHERE,
     .stage = BROOD_STAGE_TIMEOUT,
     .code = ETIMEDOUT},
    {.name = "run-missing",
     .build = run_missing,
     .traits = SCENARIO_RUN,
     .stage = BROOD_STAGE_EXEC,
     .code = ENOENT},
};
const size_t scenarios_common_count = sizeof scenarios_common / sizeof *scenarios_common;

const struct scenario *scenario_at(size_t index)
{
    if (index < scenarios_common_count)
        return &scenarios_common[index];
    index -= scenarios_common_count;
    return index < scenarios_own_count ? &scenarios_own[index] : NULL;
}
