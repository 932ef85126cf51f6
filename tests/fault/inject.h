/* SPDX-License-Identifier: MIT */
/*
 * Fault injection by seccomp user notification: a supervisor sees every system call of a target
 * and of all its descendants before it is made, and lets exactly one fail, or kills the task in its
 * place. The shipped code has no seam for it: what runs is what is shipped.
 *
 * The mechanism knows nothing of the program under test. Which errnos are realistic is asked from a
 * function of the user's (inject_codes); calls.h has the usual answer.
 *
 * Invariant: outside the stretch between INJECT_ARM and INJECT_DISARM every call is let through,
 * and kill(2) of 0, of -1 or of a group not made in the run is refused at any time.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whose call it is. */
enum inject_role {
    INJECT_CALLER = 0,  /* the process that armed, any of its threads */
    INJECT_CHILD = 1,   /* a process it has made, before its exec has succeeded */
    INJECT_PROGRAM = 2, /* the same after exec, and what that makes in turn */
    INJECT_MIDDLE = 3,  /* the child's maker, where the caller has it made: inject_has_middle() */
    INJECT_ROLES = 4
};

enum inject_action {
    INJECT_NOTHING = 0,     /* only the trace is wanted */
    INJECT_ERRNO = 1,       /* the call is not made and fails */
    INJECT_KILL = 2,        /* the call is not made, its task gets SIGKILL */
    INJECT_KILL_DURING = 3, /* the call is let go on and SIGKILL follows: a race, on purpose */
    INJECT_HOLD = 4,        /* the call is never answered: its task stays in it until killed */
    INJECT_LIE = 5,         /* the call is not made and says that it was: it answers 0 */
    INJECT_ORPHAN = 6       /* the task's maker, in the middle, gets SIGKILL; the call goes on */
};

/* What became of a call. */
enum inject_fate {
    INJECT_MADE = 0,
    INJECT_FAILED = 1,
    INJECT_KILLED = 2,
    INJECT_HELD = 3,
    INJECT_LIED = 4,
    INJECT_ORPHANED = 5
};

enum { INJECT_PATH = 128 };

/* One system call of the armed stretch. `kth` counts the calls of this number in this role, `nth`
 * those of the role that can fail at all (0 for one that cannot), `step` all of the role. */
struct inject_call {
    int role, number, fate, code;
    unsigned kth, nth, step;
    pid_t pid;
    uint64_t args[6];
    char path[INJECT_PATH]; /* openat: the beginning of what is opened */
};

enum { INJECT_ANY = -1, INJECT_TRACE = 4096 };

/* What is to happen in the next armed stretch. With `number` INJECT_ANY, `which` counts as `nth`
 * for INJECT_ERRNO and as `step` for the others; else as `kth` of that number. */
struct inject_order {
    int action;
    int role;
    int number;
    unsigned which;
    unsigned choice;   /* ERRNO without `code`: the index of a realistic errno of the call */
    int code;          /* ERRNO: this errno; 0: by `choice` */
    bool sticky;       /* ERRNO: every later call of the same role and number fails, too */
    unsigned delay_us; /* KILL_DURING: before the signal */
};

/*
 * The choice-th realistic errno of a call; 0 when there are no more; -1 when the call is never to
 * fail. Must say the same every time it is asked about the same call.
 */
typedef int inject_codes(const struct inject_call *call, unsigned choice);

/* One supervised target; opaque in spirit, plain for a stack or a static. */
struct inject;

/* What inject_wait() saw. */
enum inject_event {
    INJECT_EVENT_READY = 1,   /* the target awaits its next task: answer by inject_go() */
    INJECT_EVENT_GONE = 2,    /* the target has ended; not yet reaped */
    INJECT_EVENT_TIMEOUT = 3, /* the bound has passed */
    INJECT_EVENT_BROKEN = 4   /* the kernel's interface failed: errno */
};

/* Marks: what the target says by inject_mark(). */
enum inject_mark_kind { INJECT_READY = 1, INJECT_ARM = 2, INJECT_DISARM = 3 };

/*
 * Makes a target: a copy of this process (fork) that runs `body` under the filter and then exits
 * with what it returns. Returns NULL with errno.
 */
struct inject *inject_new(int (*body)(void *user), void *user, inject_codes *codes);

/* Kills the target and all descendants that are or become children of this process (which must be
 * their subreaper or pid 1), reaps them and frees. NULL is fine. Returns the number of processes
 * other than the target that had to be ended. */
unsigned inject_free(struct inject *inject);

/* A standing rule: this call always fails so, in the caller and the child, armed or not; imitates
 * another kernel. The flag, if not 0, must be set in args[0], or for clone3 in its flags. */
int inject_deny(struct inject *inject, int number, uint64_t flag, int code);

/* What the caller makes is in the middle, and the child is what that makes. */
void inject_has_middle(struct inject *inject);

/* Sets the order for the next armed stretch. */
void inject_set(struct inject *inject, const struct inject_order *order);

/* Serves calls until something is to be told. */
int inject_wait(struct inject *inject, int timeout_ms);

/* Lets the target go on after INJECT_EVENT_READY. */
void inject_go(struct inject *inject);

/* The target's pid. */
pid_t inject_target(const struct inject *inject);

/* The call that the order met, or NULL: it was never reached, or `choice` was out of errnos (then
 * inject_spent() is true). Valid until the next inject_set(). */
const struct inject_call *inject_hit(const struct inject *inject);
bool inject_spent(const struct inject *inject);

/* How many calls of kill(2) were refused so far because they could have hit a stranger. */
unsigned inject_refused(const struct inject *inject);

/* The calls of the last armed stretch, in the order they were seen, without those that a standing
 * rule denied: these are not this system's. */
const struct inject_call *inject_trace(const struct inject *inject, size_t *count);

/* In the target. Costs one system call, which is always answered by 0 under a supervisor. */
int inject_mark(int kind);

#endif
