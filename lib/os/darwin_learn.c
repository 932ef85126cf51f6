/* SPDX-License-Identifier: MIT */
/*
 * How far a new process came on macOS: it has begun, or it has failed, or was killed, or the time
 * is over.
 *
 * Room os. The kernel keeps a flag for a process that has called exec, also in one that has ended;
 * kqueue(2) has an event for exec and one for the end. The flag is the truth, the events are only
 * wake-ups: one that came before we could ask for it, or that could not be asked for, costs time
 * and nothing else. A report pipe would be held open by any process that a stranger forks
 * meanwhile; a kqueue is inherited by nobody. Invariants: as darwin_child.c; asking changes
 * nothing.
 */
#include "darwin_learn.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/event.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "darwin_queue.h"

enum { SLICE_NS = 50000000, SHORT_NS = 1000000, PASSING_NS = 100000000 };

/* ------------------------------------------------------------------ questions to the kernel */

int bd_os_learn_facts(pid_t pid, struct kinfo_proc *ret)
{
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
    size_t size = sizeof *ret;
    memset(ret, 0, sizeof *ret);
    if (sysctl(name, sizeof name / sizeof name[0], ret, &size, NULL, 0) < 0)
        return -errno;
    return size < sizeof *ret ? -ESRCH : 0;
}

static int64_t birth_of(const struct kinfo_proc *facts)
{
    return (int64_t)facts->kp_proc.p_starttime.tv_sec * 1000000 +
           facts->kp_proc.p_starttime.tv_usec;
}

bool bd_os_learn_self(struct os_record *record)
{
    struct kinfo_proc self;
    pid_t pid = getpid();
    record->born_us = bd_os_learn_facts(pid, &self) < 0 ? 0 : birth_of(&self);
    __atomic_store_n(&record->pid, pid, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&record->abandoned, __ATOMIC_SEQ_CST) == 0;
}

pid_t bd_os_learn_abandon(struct os_record *record)
{
    __atomic_store_n(&record->abandoned, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&record->pid, __ATOMIC_SEQ_CST);
}

bool bd_os_learn_is_on_its_way(const struct os_record *record)
{
    struct kinfo_proc facts;
    pid_t pid = __atomic_load_n(&record->pid, __ATOMIC_SEQ_CST);
    return pid > 1 && bd_os_learn_facts(pid, &facts) == 0 && birth_of(&facts) == record->born_us &&
           facts.kp_proc.p_stat != SZOMB && !(facts.kp_proc.p_flag & P_EXEC);
}

bool bd_os_learn_is_gone(pid_t pid)
{
    struct kinfo_proc facts;
    return bd_os_learn_facts(pid, &facts) == -ESRCH;
}

enum place {
    PLACE_ON_ITS_WAY,
    PLACE_PAST_EXEC,
    PLACE_ENDED,  /* unreaped, and exec never came */
    PLACE_GONE,   /* somebody has reaped it */
    PLACE_UNKNOWN /* the question is not allowed here */
};

static enum place find_place(pid_t pid)
{
    struct kinfo_proc facts;
    int result = bd_os_learn_facts(pid, &facts);
    if (result < 0)
        return result == -ESRCH ? PLACE_GONE : PLACE_UNKNOWN;
    if (facts.kp_proc.p_flag & P_EXEC)
        return PLACE_PAST_EXEC;
    return facts.kp_proc.p_stat == SZOMB ? PLACE_ENDED : PLACE_ON_ITS_WAY;
}

/* ------------------------------------------------------------------ events */

/* What is known of one process. */
struct watch {
    int queue; /* or -errno: then it is looked for now and then */
    bool seen_before_exec, exec_came, end_came;
    int64_t since_ns;
};

static void begin_watch(struct watch *watch, pid_t pid)
{
    struct kevent change;
    *watch = (struct watch){.queue = bd_os_queue_open(), .since_ns = bd_os_now_ns()};
    EV_SET(&change, (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_EXEC | NOTE_EXIT, 0, NULL);
    if (watch->queue >= 0 && kevent(watch->queue, &change, 1, NULL, 0, NULL) < 0)
        bd_os_close(bd_os_take(&watch->queue)); /* it is at its end already, or nearly */
}

/* What has come, after waiting for it for a while. */
static void take_event(struct watch *watch, int64_t wait_ns)
{
    const struct timespec wait = {.tv_nsec = wait_ns};
    struct kevent event;
    if (watch->queue < 0) {
        bd_os_pause_ns(wait_ns);
    } else if (kevent(watch->queue, NULL, 0, &event, 1, &wait) > 0) {
        watch->exec_came |= (event.fflags & NOTE_EXEC) != 0;
        watch->end_came |= (event.fflags & NOTE_EXIT) != 0;
    }
}

/* An event may come a moment before the flag that it is about. */
static void await_event(struct watch *watch, int64_t deadline_ns)
{
    bool is_near = watch->queue < 0 || watch->exec_came || watch->end_came;
    int64_t left_ns = deadline_ns - bd_os_now_ns(), slice_ns = is_near ? SHORT_NS : SLICE_NS;
    if (left_ns > 0)
        take_event(watch, left_ns < slice_ns ? left_ns : slice_ns);
}

/* ------------------------------------------------------------------ the answer */

/* A status that somebody has taken, and the flag with it: the events tell, if they were asked for
 * in time. Without them it was most likely a short program. */
static enum os_progress judge_gone(struct watch *watch, int32_t state)
{
    take_event(watch, 0);
    bool died = watch->seen_before_exec && watch->end_came && !watch->exec_came;
    return state == OS_STATE_EXECING && !died ? OS_BEGAN : OS_KILLED;
}

/* A system that does not say: after a while a process that is in exec and still there has begun. */
static bool judge_unknown(const struct watch *watch, int32_t state, enum os_progress *ret)
{
    bool passed = bd_os_now_ns() - watch->since_ns > PASSING_NS;
    *ret = watch->exec_came || !watch->end_came ? OS_BEGAN : OS_KILLED;
    return watch->exec_came || watch->end_came || (passed && state == OS_STATE_EXECING);
}

/* False: it is on its way. The place is asked first: what the record says of a process that has
 * ended is its last word. */
static bool judge(struct watch *watch, const struct os_launch *launch, pid_t pid,
                  enum os_progress *ret)
{
    enum place place = find_place(pid);
    int32_t state = __atomic_load_n(&launch->record->state, __ATOMIC_ACQUIRE);
    *ret = OS_FAILED;
    if (state == OS_STATE_FAILED)
        return true;
    switch (place) {
    case PLACE_PAST_EXEC:
        *ret = OS_BEGAN;
        return true;
    case PLACE_ENDED:
        *ret = OS_KILLED;
        return true;
    case PLACE_GONE:
        *ret = judge_gone(watch, state);
        return true;
    case PLACE_UNKNOWN:
        return judge_unknown(watch, state, ret);
    case PLACE_ON_ITS_WAY:
        watch->seen_before_exec = true;
        break;
    }
    return false;
}

struct os_report bd_os_learn(struct os_launch *launch, pid_t pid)
{
    const struct os_record *record = launch->record;
    enum os_progress progress;
    struct watch watch;
    begin_watch(&watch, pid);
    while (!judge(&watch, launch, pid, &progress)) {
        if (bd_os_now_ns() >= launch->deadline_ns) {
            progress = OS_TIMED_OUT;
            break;
        }
        await_event(&watch, launch->deadline_ns);
    }
    bd_os_close(watch.queue);
    return (struct os_report){.progress = (int32_t)progress,
                              .step = record->step,
                              .code = record->code,
                              .choice = record->choice};
}

void bd_os_learn_end(pid_t pid, struct os_exit *ret)
{
    int status = 0;
    pid_t found;
    /* Its number is its own: nobody but this process may reap it, and it has not yet. */
    (void)kill(pid, SIGKILL);
    do {
        found = waitpid(pid, &status, 0);
    } while (found < 0 && errno == EINTR);
    *ret = (struct os_exit){.lost = found < 0, .wait_status = status};
}
