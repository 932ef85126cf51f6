/* SPDX-License-Identifier: MIT */
/*
 * The stage of each system call; see expect.h. The table is written from the manual of
 * brood_start() and the steps of a start, not from what it answers.
 *
 * Invariant: a call without a rule is a failure of the test, so a new call in a start needs a
 * decision here.
 */
#include "expect.h"
#include "calls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum { SLOW_MS = 8000 };

/* Without pidfds a program whose maker was killed as it began is let run: the start succeeds. */
#ifdef FAULT_PORTABLE
enum { MAY_BEGIN_ALONE = true };
#else
enum { MAY_BEGIN_ALONE = false };
#endif

/* How a start takes a failure. */
enum taking {
    FAILS,    /* with the stage and the injected errno */
    SURVIVES, /* by another way: `why` */
    EITHER    /* one or the other, by what the call was for: `why` */
};

struct rule {
    int role, number, code; /* code 0: any */
    unsigned traits;        /* only in scenarios with one of these; 0: in all */
    int taking;
    uint32_t stages;
    const char *why;
};

#define STAGE(name) (UINT32_C(1) << BROOD_STAGE_##name)

static const char PROBE[] = "what a first start probes is put off";
static const char NO_PROC[] = "without /proc there is another way to learn it";
static const char SAYS_LESS[] = "why the program cannot be executed is told with fewer words";
static const char JOINS[] = "joined by a step";
static const char BY_NAME[] = "opened by its name";

/* A clone3 as long as this names a control group. */
#define INTO_CGROUP CLONE_ARGS_SIZE_VER2

/* Calls that are made for more than one thing: these rules come first. */
static const struct {
    const char *path; /* openat: what is opened has this in it */
    uint64_t request; /* of an ioctl, or what clone3 says its size is; 0: any */
    struct rule rule;
} narrow[] = {
    {"/proc/", 0, {INJECT_CALLER, __NR_openat, 0, 0, SURVIVES, 0, NO_PROC}},
    {"/proc/", 0, {INJECT_MIDDLE, __NR_openat, 0, 0, SURVIVES, 0, NO_PROC}},
    {"/missing", 0, {INJECT_CALLER, __NR_openat, 0, 0, SURVIVES, 0, SAYS_LESS}},
    {"/dev/ptmx", 0, {INJECT_CALLER, __NR_openat, 0, 0, FAILS, STAGE(TERMINAL), NULL}},
    {"/dev/tty", 0, {INJECT_CALLER, __NR_openat, 0, 0, FAILS, STAGE(TERMINAL), NULL}},
    {"cgroup", 0, {INJECT_CALLER, __NR_openat, 0, 0, FAILS, STAGE(CGROUP), NULL}},
    {"/dev/tty", 0, {INJECT_CHILD, __NR_openat, 0, 0, FAILS, STAGE(TERMINAL), NULL}},
    {"/cgroup.procs", 0, {INJECT_CHILD, __NR_openat, 0, 0, FAILS, STAGE(CGROUP), NULL}},
    {"/oom_score_adj", 0, {INJECT_CHILD, __NR_openat, 0, 0, FAILS, STAGE(RESOURCE), NULL}},
    {"/proc/self/fd", 0, {INJECT_CHILD, __NR_openat, 0, 0, FAILS, STAGE(DESCRIPTORS), NULL}},
    {NULL, INTO_CGROUP, {INJECT_CALLER, __NR_clone3, EBUSY, 0, SURVIVES, 0, JOINS}},
    {NULL, INTO_CGROUP, {INJECT_CALLER, __NR_clone3, EOPNOTSUPP, 0, SURVIVES, 0, JOINS}},
    {NULL, INTO_CGROUP, {INJECT_CALLER, __NR_clone3, EACCES, 0, SURVIVES, 0, JOINS}},
    {NULL, TIOCGPTPEER, {INJECT_CALLER, __NR_ioctl, EIO, 0, SURVIVES, 0, BY_NAME}},
    {NULL, TIOCGPTPEER, {INJECT_CALLER, __NR_ioctl, EINVAL, 0, SURVIVES, 0, BY_NAME}},
};

static const struct rule rules[] = {
#ifdef FAULT_PORTABLE
    /* the report pipe, and how its end is understood */
    {INJECT_CALLER, __NR_pipe2, 0, 0, FAILS, STAGE(PIPE) | STAGE(CREATE), NULL},
    {INJECT_CALLER, __NR_setpgid, 0, 0, SURVIVES, 0, "asked of /proc instead"},
    {INJECT_MIDDLE, __NR_setpgid, 0, 0, SURVIVES, 0, "asked of /proc instead"},
#endif
    /* the caller, before there is a process */
    {INJECT_CALLER, __NR_eventfd2, 0, SCENARIO_LACKS, FAILS, STAGE(CREATE), NULL},
    {INJECT_CALLER, __NR_fcntl, 0, SCENARIO_LACKS, FAILS, STAGE(PIPE) | STAGE(CREATE), NULL},
    {INJECT_CALLER, __NR_dup3, 0, SCENARIO_LACKS, SURVIVES, 0, "the pidfd keeps its number"},
    {INJECT_CALLER, __NR_pipe2, 0, 0, FAILS, STAGE(PIPE), NULL},
    {INJECT_CALLER, __NR_socketpair, 0, 0, FAILS, STAGE(PIPE), NULL},
    {INJECT_CALLER, __NR_fcntl, 0, SCENARIO_PTY, FAILS, STAGE(TERMINAL), NULL},
    {INJECT_CALLER, __NR_fcntl, 0, 0, FAILS, STAGE(PIPE) | STAGE(MEMORY), NULL},
    {INJECT_CALLER, __NR_ioctl, 0, SCENARIO_PTY | SCENARIO_SEATED, FAILS, STAGE(TERMINAL), NULL},
    {INJECT_CALLER, __NR_fstatfs, 0, 0, FAILS, STAGE(CGROUP), NULL},
    {INJECT_CALLER, __NR_memfd_create, 0, 0, FAILS, STAGE(MEMORY), NULL},
    {INJECT_CALLER, __NR_pwrite64, EINTR, 0, SURVIVES, 0, "written again"},
    {INJECT_CALLER, __NR_pwrite64, 0, 0, FAILS, STAGE(MEMORY), NULL},
#ifdef __NR_readlink
    {INJECT_CALLER, __NR_readlink, 0, SCENARIO_COLD, SURVIVES, 0, "memory is copied this once"},
#endif
    {INJECT_CALLER, __NR_mmap, 0, SCENARIO_COLD, EITHER, STAGE(MEMORY) | STAGE(CREATE), PROBE},
    {INJECT_CALLER, __NR_mprotect, 0, SCENARIO_COLD, EITHER, STAGE(MEMORY) | STAGE(CREATE), PROBE},
    {INJECT_CALLER, __NR_mmap, 0, 0, FAILS, STAGE(MEMORY), NULL},
    {INJECT_CALLER, __NR_mprotect, 0, 0, FAILS, STAGE(MEMORY), NULL},
    {INJECT_CALLER, __NR_read, EINTR, SCENARIO_RUN, SURVIVES, 0, "read again"},
    {INJECT_CALLER, __NR_read, EIO, SCENARIO_RUN, EITHER, STAGE(MEMORY),
     "of /proc it survives, of the output it fails"},
    {INJECT_CALLER, __NR_read, 0, 0, SURVIVES, 0, NO_PROC},
    {INJECT_CALLER, __NR_clone3, EAGAIN, SCENARIO_RETRIES, SURVIVES, 0, "asked to try again"},
    {INJECT_CALLER, __NR_clone, EAGAIN, SCENARIO_RETRIES, SURVIVES, 0, "asked to try again"},
    {INJECT_CALLER, __NR_clone, 0, SCENARIO_COLD, EITHER, STAGE(CREATE), PROBE},
    {INJECT_CALLER, __NR_clone3, 0, 0, FAILS, STAGE(CREATE), NULL},
    {INJECT_CALLER, __NR_clone, 0, 0, FAILS, STAGE(CREATE), NULL},
#ifdef __NR_fork
    {INJECT_CALLER, __NR_fork, EAGAIN, SCENARIO_RETRIES, SURVIVES, 0, "asked to try again"},
    {INJECT_CALLER, __NR_fork, 0, 0, FAILS, STAGE(CREATE), NULL},
    {INJECT_MIDDLE, __NR_fork, 0, 0, FAILS, STAGE(CREATE), NULL},
#endif

    /* the process in the middle, which makes the child and learns of it */
    {INJECT_MIDDLE, __NR_clone3, 0, 0, FAILS, STAGE(CREATE), NULL},
    {INJECT_MIDDLE, __NR_clone, 0, 0, FAILS, STAGE(CREATE), NULL},
    {INJECT_MIDDLE, __NR_waitid, EINTR, 0, SURVIVES, 0, "waited for again"},
    {INJECT_MIDDLE, __NR_futex, 0, 0, SURVIVES, 0, "looked at again"},
    {INJECT_MIDDLE, __NR_ppoll, 0, 0, SURVIVES, 0, "polled again"},
    {INJECT_MIDDLE, __NR_read, 0, 0, SURVIVES, 0, NO_PROC},

    /* the caller, when there is one */
    {INJECT_CALLER, __NR_waitid, EINTR, 0, SURVIVES, 0, "waited for again"},
    {INJECT_CALLER, __NR_wait4, EINTR, 0, SURVIVES, 0, "waited for again"},
    {INJECT_CALLER, __NR_futex, 0, 0, SURVIVES, 0, "looked at again"},
    {INJECT_CALLER, __NR_ppoll, EINTR, 0, SURVIVES, 0, "polled again"},
    {INJECT_CALLER, __NR_ppoll, ENOMEM, SCENARIO_RUN, EITHER, STAGE(MEMORY),
     "collecting fails; the end is learned in another way"},
    {INJECT_CALLER, __NR_ppoll, ENOMEM, 0, SURVIVES, 0, "the end is learned in another way"},
    {INJECT_CALLER, __NR_clock_nanosleep, EINTR, 0, SURVIVES, 0, "a pause cut short"},

    /* the child */
    {INJECT_CHILD, __NR_timer_create, EAGAIN, 0, SURVIVES, 0, "the caller has a clock, too"},
    {INJECT_CHILD, __NR_timer_create, 0, 0, FAILS, STAGE(TIMEOUT), NULL},
    {INJECT_CHILD, __NR_write, 0, SCENARIO_OOM, FAILS, STAGE(RESOURCE), NULL},
    {INJECT_CHILD, __NR_write, 0, SCENARIO_CGROUP, FAILS, STAGE(CGROUP), NULL},
    {INJECT_CHILD, __NR_sched_setaffinity, 0, 0, FAILS, STAGE(RESOURCE), NULL},
    {INJECT_CHILD, __NR_setgroups, 0, 0, FAILS, STAGE(CREDENTIALS), NULL},
    {INJECT_CHILD, __NR_setresgid, 0, 0, FAILS, STAGE(CREDENTIALS), NULL},
    {INJECT_CHILD, __NR_setresuid, 0, 0, FAILS, STAGE(CREDENTIALS), NULL},
    {INJECT_CHILD, __NR_ioctl, 0, 0, FAILS, STAGE(TERMINAL), NULL},
    {INJECT_CHILD, __NR_setsid, 0, 0, FAILS, STAGE(SESSION), NULL},
    {INJECT_CHILD, __NR_setpgid, 0, 0, FAILS, STAGE(GROUP), NULL},
    {INJECT_CHILD, __NR_prlimit64, 0, 0, FAILS, STAGE(RESOURCE), NULL},
    {INJECT_CHILD, __NR_setpriority, 0, 0, FAILS, STAGE(RESOURCE), NULL},
    {INJECT_CHILD, __NR_chdir, 0, SCENARIO_HOOK, FAILS, STAGE(HOOK), NULL},
    {INJECT_CHILD, __NR_chdir, 0, 0, FAILS, STAGE(DIRECTORY), NULL},
    {INJECT_CHILD, __NR_fchdir, 0, 0, FAILS, STAGE(DIRECTORY), NULL},
    {INJECT_CHILD, __NR_openat, 0, 0, FAILS, STAGE(OPEN), NULL},
    {INJECT_CHILD, __NR_fcntl, 0, 0, FAILS, STAGE(OPEN) | STAGE(DESCRIPTORS), NULL},
    {INJECT_CHILD, __NR_getdents64, 0, 0, FAILS, STAGE(DESCRIPTORS), NULL},
    {INJECT_CHILD, __NR_close_range, 0, 0, SURVIVES, 0, "each descriptor is hidden by itself"},
    {INJECT_CHILD, __NR_dup3, EBUSY, 0, SURVIVES, 0, "moved again"},
    {INJECT_CHILD, __NR_dup3, 0, 0, FAILS, STAGE(DESCRIPTORS), NULL},
    {INJECT_CHILD, __NR_execve, ETXTBSY, SCENARIO_RETRIES, SURVIVES, 0, "asked to try again"},
    {INJECT_CHILD, __NR_execve, 0, 0, FAILS, STAGE(EXEC), NULL},
};

static bool fits(const struct rule *rule, const struct scenario *scenario,
                 const struct inject_call *hit)
{
    return rule->role == hit->role && rule->number == hit->number &&
           (rule->code == 0 || rule->code == hit->code) &&
           (rule->traits == 0 || (rule->traits & scenario->traits));
}

static const struct rule *find_rule(const struct scenario *scenario, const struct inject_call *hit)
{
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        if (fits(&narrow[i].rule, scenario, hit) &&
            (narrow[i].path == NULL || strstr(hit->path, narrow[i].path) != NULL) &&
            (narrow[i].request == 0 || narrow[i].request == hit->args[1]))
            return &narrow[i].rule;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (fits(&rules[i], scenario, hit))
            return &rules[i];
    return NULL;
}

/* ------------------------------------------------------------------ comparing */

static const char *tell(char *why, size_t size, const struct subject *subject, const char *wanted)
{
    char text[512];
    if (subject->result == 0)
        snprintf(why, size, "wanted %s, but it succeeded (child %d; %s)", wanted, subject->child,
                 subject->words);
    else
        snprintf(why, size, "wanted %s, but got %d: %s", wanted, subject->result,
                 brood_error_text(&subject->error, text, sizeof text));
    return why;
}

static const char *expect_success(const struct subject *subject, int child, char *why, size_t size)
{
    static const char *const names[] = {"no child", "a child that does all as asked",
                                        "a child that SIGKILL ended", "a wrong child"};
    if (subject->result == 0 && subject->child == child)
        return NULL;
    return tell(why, size, subject, names[child]);
}

static const char *expect_failure(const struct subject *subject, uint32_t stages, int code,
                                  char *why, size_t size)
{
    const struct brood_error *error = &subject->error;
    if (subject->result < 0 && error->stage > 0 && error->stage < 32 &&
        (stages >> error->stage & 1) && error->code == code && subject->result == -code &&
        error->unkillable_pid == 0)
        return NULL;
    char wanted[256] = "";
    for (int stage = 1; stage < 32; stage++)
        if (stages >> stage & 1)
            snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%sstage %s",
                     wanted[0] != 0 ? " or " : "", brood_stage_name(stage));
    snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), " with %s",
             calls_errno_name(code));
    return tell(why, size, subject, wanted);
}

/* A scenario without any injection. */
static const char *expect_nature(const struct subject *subject, char *why, size_t size)
{
    const struct scenario *scenario = subject->scenario;
    if (scenario->stage == 0)
        return expect_success(subject, CHILD_RIGHT, why, size);
    return expect_failure(subject, UINT32_C(1) << scenario->stage, scenario->code, why, size);
}

/* A child killed on its way has not begun; a program that had begun ends by the signal. */
static const char *expect_killed(const struct subject *subject, const struct inject_call *hit,
                                 char *why, size_t size)
{
    const struct brood_error *error = &subject->error;
    if (hit->role == INJECT_PROGRAM && (subject->scenario->traits & SCENARIO_FREES))
        return expect_nature(subject, why, size);
    if (hit->role == INJECT_PROGRAM)
        return expect_success(subject, CHILD_SIGNALLED, why, size);
    /* Of a child that lost its maker nobody learns how it ended. */
    bool is_orphan = hit->role == INJECT_MIDDLE || hit->fate == INJECT_ORPHANED;
    bool is_named = error->number == SIGKILL || (is_orphan && error->number == -1);
    bool is_childs = error->stage == BROOD_STAGE_OPEN || error->stage > BROOD_STAGE_CREATE;
    if (subject->result < 0 && error->detail == BROOD_DETAIL_KILLED && is_named && is_childs &&
        subject->result == -error->code && error->unkillable_pid == 0)
        return NULL;
    /* The maker may have seen to its end already; by fork it may have begun. */
    if (is_orphan && (MAY_BEGIN_ALONE || subject->result < 0) &&
        expect_nature(subject, why, size) == NULL)
        return NULL;
    return tell(why, size, subject, "a failure at a step of the child that names SIGKILL");
}

/* execvp(3): these errors make it look further, and the first refusal is remembered. */
static const char *expect_search(const struct subject *subject, const struct inject_call *hit,
                                 char *why, size_t size)
{
    bool goes_on = hit->code == ENOENT || hit->code == EACCES;
    if (goes_on && hit->kth <= subject->scenario->spare)
        return expect_success(subject, CHILD_RIGHT, why, size);
    return expect_failure(subject, STAGE(EXEC), hit->code, why, size);
}

const char *expect_outcome(const struct subject *subject, const struct inject_call *hit, char *why,
                           size_t size)
{
    if (hit == NULL || hit->fate == INJECT_HELD)
        return expect_nature(subject, why, size);
    if ((subject->scenario->traits & SCENARIO_STALLS) && expect_nature(subject, why, size) == NULL)
        return NULL; /* its time ran out first */
    if (hit->fate == INJECT_LIED)
        return expect_failure(subject, STAGE(CREDENTIALS), EPERM, why, size);
    if (hit->fate == INJECT_KILLED || hit->fate == INJECT_ORPHANED)
        return expect_killed(subject, hit, why, size);
    if (hit->number == __NR_execve && (subject->scenario->traits & SCENARIO_SEARCHES))
        return expect_search(subject, hit, why, size);
    const struct rule *rule = find_rule(subject->scenario, hit);
    if (rule == NULL) {
        snprintf(why, size, "there is no rule for it in expect.c");
        return why;
    }
    if (rule->taking != FAILS && expect_nature(subject, why, size) == NULL)
        return NULL;
    if (rule->taking == SURVIVES)
        return why;
    return expect_failure(subject, rule->stages, hit->code, why, size);
}

const char *expect_memory(const struct subject *subject, char *why, size_t size)
{
    return expect_failure(subject, STAGE(MEMORY), ENOMEM, why, size);
}

const char *expect_nothing_left(const struct subject *subject, char *why, size_t size)
{
    if (subject->differences > 0)
        snprintf(why, size, "it left the process changed: %s", subject->words);
    else if (subject->heap_growth != 0)
        snprintf(why, size, "it left %ld blocks of memory", subject->heap_growth);
    else if (subject->words[0] != 0 && subject->child != CHILD_WRONG)
        snprintf(why, size, "%s", subject->words);
    else if (subject->took_ms > SLOW_MS)
        snprintf(why, size, "it took %lld ms", (long long)subject->took_ms);
    else
        return NULL;
    return why;
}

const char *expect_facts(const struct subject *subject, char *why, size_t size)
{
    for (size_t i = 0; i < SCENE_FACTS && subject->scenario->facts[i] != NULL; i++) {
        const char *fact = subject->scenario->facts[i], *at = strchr(fact, '@');
        char line[512], all[SUBJECT_REPORT + 2];
        if (at != NULL)
            snprintf(line, sizeof line, "\n%.*s%s%s\n", (int)(at - fact), fact, subject->directory,
                     at + 1);
        else
            snprintf(line, sizeof line, "\n%s\n", fact);
        snprintf(all, sizeof all, "\n%s", subject->report);
        if (strstr(all, line) == NULL) {
            snprintf(why, size, "the program did not find '%s'", fact);
            return why;
        }
    }
    return NULL;
}
