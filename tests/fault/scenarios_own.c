/* SPDX-License-Identifier: MIT */
/*
 * The scenarios of who and where the program is: its terminal, ids, share of the machine, control
 * group, the hook before it, a life of its own.
 *
 * Invariant: as scenarios.c. What cannot be had everywhere says why (`lacks`).
 */
#include "around.h"
#include "scene.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SOMEBODY = 64401, OOM = 500 };

/* ------------------------------------------------------------------ terminals */

static void pty(struct scene *scene)
{
    scene_kinds(scene, BROOD_PTY, BROOD_PTY, BROOD_PTY);
    scene->options.in.rows = 33;
    scene->options.in.columns = 101;
    scene_acts(scene, "oe");
}

static void pty_output(struct scene *scene)
{
    scene_kinds(scene, BROOD_NULL, BROOD_PTY, BROOD_MERGE);
    scene->options.out.flags = BROOD_STREAM_NONBLOCK;
    scene_acts(scene, "oe");
}

static void foreground(struct scene *scene)
{
    scene->options.flags = BROOD_NEW_GROUP | BROOD_FOREGROUND;
}

static void foreground_retries(struct scene *scene)
{
    foreground(scene);
    scene->options.retry_ms = 5000;
}

static void foreground_run(struct scene *scene)
{
    foreground(scene);
    scene_kinds(scene, BROOD_NULL, BROOD_MEMORY, BROOD_NULL);
    scene_acts(scene, "o");
}

static void foreground_freed(struct scene *scene)
{
    foreground(scene);
    scene_acts(scene, "s");
}

static void foreground_missing(struct scene *scene)
{
    foreground(scene);
    scene->options.program = scene_path(scene, "missing");
}

/* ------------------------------------------------------------------ who it is */

/* Somebody who can execute the witness and write its report. */
static void ids(struct scene *scene)
{
    static const uint32_t groups[] = {SOMEBODY + 2, SOMEBODY + 3, SOMEBODY + 4};
    scene_open_to_all(scene);
    scene->options.program = scene_copy(scene, "copy");
    memcpy(scene->groups, groups, sizeof groups);
    scene->credentials = (struct brood_credentials){
        .uid = SOMEBODY, .gid = SOMEBODY + 1, .groups = scene->groups, .group_count = 3};
    scene->options.credentials = &scene->credentials;
    scene->options.flags = BROOD_NO_NEW_PRIVS;
}

static void ids_kept(struct scene *scene)
{
    scene->credentials =
        (struct brood_credentials){.uid = geteuid(), .gid = UINT32_MAX, .flags = BROOD_KEEP_GROUPS};
    scene->options.credentials = &scene->credentials;
    scene->options.flags = BROOD_NO_NEW_PRIVS;
}

/* ------------------------------------------------------------------ its share, its group */

/* With a bound the start is no vfork: then the kernel shares oom_score_adj with the memory. */
static void share(struct scene *scene)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    (void)sched_getaffinity(0, sizeof allowed, &allowed);
    for (unsigned cpu = 0; cpu < 1024 && scene->options.cpus == NULL; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        scene->cpus[cpu / 64] = UINT64_C(1) << cpu % 64;
        scene->options.cpus = scene->cpus;
        scene->options.cpu_words = 16;
    }
    scene->options.flags = BROOD_SET_OOM_SCORE_ADJ;
    scene->options.oom_score_adj = OOM;
    scene->options.start_timeout_ms = 60000;
}

static void control_group(struct scene *scene)
{
    scene->options.cgroup = around_cgroup();
}

/* ------------------------------------------------------------------ the hook */

static int settle_down(void *user)
{
    umask(0123);
    return chdir(user) < 0 ? errno : 0;
}

static int say_no(void *user)
{
    (void)user;
    return ENOTNAM;
}

static int die(void *user)
{
    (void)user;
    return kill(getpid(), SIGKILL);
}

static void hook(struct scene *scene)
{
    scene->options.before_exec = settle_down;
    scene->options.user = scene_directory(scene, "there");
}

/* What many do before exec: all that is open goes, whatever else it may be good for. */
static int close_all(void *user)
{
    (void)user;
    (void)syscall(SYS_close_range, 3, ~0U, 0);
    return 0;
}

static void hook_closes(struct scene *scene)
{
    scene_kinds(scene, BROOD_PIPE, BROOD_PIPE, BROOD_PIPE);
    scene_acts(scene, "ioe");
    scene->options.before_exec = close_all;
}

static void hook_refuses(struct scene *scene)
{
    scene_kinds(scene, BROOD_PIPE, BROOD_PIPE, BROOD_PIPE);
    scene->options.before_exec = say_no;
}

static void hook_dies(struct scene *scene)
{
    scene->options.before_exec = die;
}

/* ------------------------------------------------------------------ a life of its own */

static void detached(struct scene *scene)
{
    scene->options.flags = BROOD_DETACHED;
}

static void detached_pipes(struct scene *scene)
{
    detached(scene);
    scene_kinds(scene, BROOD_PIPE, BROOD_PIPE, BROOD_NULL);
    scene_acts(scene, "io");
}

static void detached_bounded(struct scene *scene)
{
    detached(scene);
    scene->options.start_timeout_ms = 60000;
}

static void detached_hook(struct scene *scene)
{
    hook(scene);
    detached(scene);
}

static void detached_freed(struct scene *scene)
{
    detached(scene);
    scene_acts(scene, "s");
}

static void detached_missing(struct scene *scene)
{
    detached_pipes(scene);
    scene->options.program = scene_path(scene, "missing");
}

static void detached_stalled(struct scene *scene)
{
    detached_pipes(scene);
    scene->options.in.kind = BROOD_FILE;
    scene->options.in.path = scene_fifo(scene, "fifo");
    scene->options.start_timeout_ms = 60;
}

/* ------------------------------------------------------------------ the table */

#define SEATED (SCENARIO_SEATED | SCENARIO_EVERYWHERE)
#define DETACHED (SCENARIO_DETACHED | SCENARIO_EVERYWHERE)
#define HOOK (SCENARIO_HOOK | SCENARIO_EVERYWHERE)

const struct scenario scenarios_own[] = {
    {.name = "pty",
     .build = pty,
     .traits = SCENARIO_PTY | SCENARIO_EVERYWHERE,
     .lacks = around_lacks_terminals,
     .facts = {"fd 0 /dev/pts rw", "fd 2 /dev/pts rw", "terminal 1 has 33 rows 101 columns",
               "session own group own", "control own foreground own"}},
    {.name = "pty-output",
     .build = pty_output,
     .traits = SCENARIO_PTY,
     .lacks = around_lacks_terminals,
     .facts = {"fd 0 /dev/null rw", "fd 1 /dev/pts rw", "1 and 2 are one",
               "terminal 2 has 24 rows 80 columns", "control own foreground own"}},
    {.name = "foreground",
     .build = foreground,
     .traits = SEATED,
     .lacks = around_lacks_terminals,
     .facts = {"session other group own", "control other foreground own"}},
    {.name = "foreground-retries",
     .build = foreground_retries,
     .traits = SEATED | SCENARIO_RETRIES,
     .lacks = around_lacks_terminals,
     .facts = {"control other foreground own"}},
    {.name = "foreground-run",
     .build = foreground_run,
     .traits = SCENARIO_SEATED | SCENARIO_RUN,
     .lacks = around_lacks_terminals,
     .facts = {"control other foreground own"}},
    {.name = "foreground-freed",
     .build = foreground_freed,
     .traits = SCENARIO_SEATED | SCENARIO_FREES,
     .lacks = around_lacks_terminals},
    {.name = "foreground-missing",
     .build = foreground_missing,
     .traits = SEATED,
     .lacks = around_lacks_terminals,
     .stage = BROOD_STAGE_EXEC,
     .code = ENOENT},
    {.name = "ids",
     .build = ids,
     .traits = SCENARIO_IDS | SCENARIO_EVERYWHERE,
     .lacks = around_lacks_ids,
     .facts = {"users 64401 64401 64401", "groups 64402 64402 64402 64403 64404 64405",
               "NoNewPrivs:\t1"}},
    {.name = "ids-kept", .build = ids_kept, .facts = {"NoNewPrivs:\t1"}},
    {.name = "share",
     .build = share,
     .traits = SCENARIO_OOM | SCENARIO_EVERYWHERE,
     .facts = {"oom 500", "processors 1"}},
    {.name = "control-group",
     .build = control_group,
     .traits = SCENARIO_CGROUP | SCENARIO_EVERYWHERE,
     .lacks = around_lacks_cgroup,
     .facts = {"control group of the test"}},
    {.name = "hook", .build = hook, .traits = HOOK, .facts = {"Umask:\t0123", "cwd @/there"}},
    {.name = "hook-closes", .build = hook_closes, .traits = HOOK, .facts = {"fd 0 pipe r"}},
    {.name = "hook-refuses",
     .build = hook_refuses,
     .traits = HOOK,
     .stage = BROOD_STAGE_HOOK,
     .code = ENOTNAM},
    {.name = "hook-dies",
     .build = hook_dies,
     .traits = HOOK,
     .stage = BROOD_STAGE_HOOK,
     .code = EINTR},
    {.name = "detached",
     .build = detached,
     .traits = DETACHED,
     .facts = {"session own group own", "fd 0 /dev/null rw", "fd 2 /dev/null rw", "no control"}},
    {.name = "detached-pipes",
     .build = detached_pipes,
     .traits = SCENARIO_DETACHED,
     .facts = {"session own group own", "fd 0 pipe r", "input 5 bytes sum 99162322"}},
    {.name = "detached-bounded",
     .build = detached_bounded,
     .traits = DETACHED,
     .facts = {"session own group own"}},
    {.name = "detached-hook",
     .build = detached_hook,
     .traits = SCENARIO_DETACHED | HOOK,
     .facts = {"session own group own", "Umask:\t0123", "cwd @/there"}},
    {.name = "detached-freed", .build = detached_freed, .traits = DETACHED | SCENARIO_FREES},
    {.name = "detached-missing",
     .build = detached_missing,
     .traits = DETACHED,
     .stage = BROOD_STAGE_EXEC,
     .code = ENOENT},
    {.name = "detached-stalled",
     .build = detached_stalled,
     .traits = DETACHED | SCENARIO_STALLS,
     .stage = BROOD_STAGE_TIMEOUT,
     .code = ETIMEDOUT},
};
const size_t scenarios_own_count = sizeof scenarios_own / sizeof *scenarios_own;
