/* SPDX-License-Identifier: MIT */
/*
 * The new process on macOS, between fork and exec: a small interpreter of the plan's steps.
 *
 * Room os. It has a copy of the maker's memory, in which every lock may be held for ever by a
 * thread that is not there. Invariants: only what sigaction(2) of macOS lists as safe in a signal
 * handler, and plain system calls; no allocation, no lock, no Objective-C; it writes to the record,
 * to the steps that make a number and to its own memory; it never returns into the maker's code.
 *
 * What the system has no such thing as (a control group, oom_score_adj, processor affinity,
 * no_new_privs) fails the start with ENOTSUP at the step's stage: asked for and not given would be
 * worse than refused.
 */
#include "darwin_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "darwin_learn.h"
#include "search_rule.h"

static _Noreturn void leave(void)
{
    _exit(127); /* no handler of atexit(3) and no buffer of stdio is ours */
}

static void enter_state(struct os_record *record, enum os_state state)
{
    __atomic_store_n(&record->state, (int32_t)state, __ATOMIC_RELEASE);
}

static int answer(int result)
{
    return result < 0 ? -errno : result;
}

/* ------------------------------------------------------------------ exec */

static int try_exec(struct os_record *record, const struct os_exec *exec, const char *path)
{
    enter_state(record, OS_STATE_EXECING);
    int result = answer(execve(path, exec->argv, exec->env));
    if (result == -ENOEXEC && exec->script_argv) {
        exec->script_argv[1] = path;
        char *const *script_argv = (char *const *)(uintptr_t)exec->script_argv;
        result = answer(execve(exec->script_argv[0], script_argv, exec->env));
    }
    enter_state(record, OS_STATE_AT_STEP);
    return result;
}

/* As execvp(3): a name that may not be executed is what is reported in the end. */
static int run_program(struct os_record *record, const struct os_exec *exec)
{
    int last = -ENOENT, refused = -1;
    for (size_t i = 0; i < exec->candidate_count; i++) {
        record->choice = (int32_t)i;
        last = try_exec(record, exec, exec->candidates[i]);
        if (last == -EACCES && refused < 0)
            refused = (int)i;
        if (!SEARCH_GOES_ON(last))
            return last;
    }
    if (refused < 0)
        return last;
    record->choice = refused;
    return -EACCES;
}

/* ------------------------------------------------------------------ the interpreter */

static int run_hook(const struct os_hook *hook)
{
    int result = hook->run(hook->user);
    return result > 0 ? -result : result;
}

/* The steps about what the process is; the others are about its descriptors and the program. */
static int do_own_step(const struct os_launch *launch, const struct os_step *step)
{
    switch (step->op) {
    case OS_TIMER:
        return 0; /* no timer here ends with exec: the maker keeps the bound, see darwin_learn.c */
    case OS_SESSION:
        return answer(setsid());
    case OS_GROUP:
        return answer(setpgid(0, step->from));
    case OS_LIMIT:
        return bd_os_child_limit(step);
    case OS_UMASK:
        (void)umask((mode_t)step->value);
        return 0;
    case OS_NICE:
        return answer(setpriority(PRIO_PROCESS, 0, step->from));
    case OS_GROUPS:
        return bd_os_child_groups(step);
    case OS_GID: /* the saved id follows: the effective one is new, or is the real one already */
        return answer(setregid((gid_t)step->value, (gid_t)step->value));
    case OS_UID:
        return answer(setreuid((uid_t)step->value, (uid_t)step->value));
    case OS_VERIFY:
        return bd_os_child_verify(step->data);
    case OS_TERMINAL:
        return answer(ioctl(step->from, TIOCSCTTY, NULL));
    case OS_FOREGROUND:
        return bd_os_child_foreground(launch);
    case OS_DISPOSITIONS:
        return bd_os_child_dispositions(step);
    case OS_MASK:
        return bd_os_child_mask(launch, step);
    case OS_CGROUP:
    case OS_OOM:
    case OS_AFFINITY:
    case OS_NO_NEW_PRIVS:
    default:
        return -ENOTSUP;
    }
}

static int do_step(const struct os_launch *launch, struct os_step *step)
{
    switch (step->op) {
    case OS_CHDIR:
        return answer(chdir(step->data));
    case OS_FCHDIR:
        return answer(fchdir(step->from));
    case OS_OPEN:
        return bd_os_child_open(launch, step);
    case OS_SAVE:
        return bd_os_child_save(launch, step);
    case OS_HIDE:
        return bd_os_child_hide();
    case OS_MOVE:
        return bd_os_child_move(launch, step);
    case OS_KEEP:
        return answer(fcntl(step->from, F_SETFD, 0));
    case OS_CLOSE:
        return bd_os_child_close(launch, step);
    case OS_HOOK:
        return run_hook(step->data);
    case OS_EXEC:
        return run_program(launch->record, step->data);
    default:
        return do_own_step(launch, step);
    }
}

_Noreturn void bd_os_child_main(struct os_launch *launch)
{
    struct os_record *record = launch->record;
    int result = 0;
    /* The first act: should the process in the middle die, this is how the maker knows of us.
     * Either it sees the number, or we see that it has given us up. */
    if (launch->detached && !bd_os_learn_self(record))
        leave();
    for (size_t i = 0; result >= 0 && i < launch->step_count; i++) {
        record->step = (int32_t)i;
        enter_state(record, OS_STATE_AT_STEP);
        result = do_step(launch, &launch->steps[i]);
    }
    if (result < 0) {
        record->code = -result;
        enter_state(record, OS_STATE_FAILED);
    }
    leave();
}

/* The parent of a detached process, which makes it, sees it begin or ends it, and goes: then it is
 * the child of whoever takes in orphans. */
_Noreturn void bd_os_child_middle(struct os_launch *launch)
{
    struct os_record *record = launch->record;
    pid_t pid = fork(); /* macOS lists it as safe in a signal handler */
    if (pid == 0)
        bd_os_child_main(launch);
    if (pid > 0) {
        record->report = bd_os_learn(launch, pid);
        if (record->report.progress != OS_BEGAN)
            bd_os_learn_end(pid, &record->end);
    }
    __atomic_store_n(&record->pid, pid > 0 ? pid : -errno, __ATOMIC_SEQ_CST);
    __atomic_store_n(&record->verdict, 1, __ATOMIC_RELEASE);
    leave();
}
