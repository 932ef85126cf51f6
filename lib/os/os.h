/* SPDX-License-Identifier: MIT */
/*
 * The one contract with the operating system: everything that lib/ asks of a kernel goes through
 * here.
 *
 * Room os. Invariants: no call here is a cancellation point for its caller, none raises SIGPIPE,
 * every descriptor made here is close-on-exec from birth and not below 3, and every result is 0 or
 * positive, or -errno. Deadlines are absolute nanoseconds of the monotonic clock; OS_NEVER is no
 * deadline.
 */
#ifndef BD_OS_OS_H
#define BD_OS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OS_NEVER INT64_MAX

enum {
    OS_LOWEST_FD = 3, /* below are the standard streams */
    OS_SIGNALS = 64   /* signals are numbered from 1 to this */
};

/* ------------------------------------------------------------------ the new process */

/* What the new process does before its program runs, one step at a time. */
enum os_op {
    OS_TIMER,        /* kill myself `value` nanoseconds from now; exec disarms it */
    OS_SESSION,      /* setsid */
    OS_GROUP,        /* setpgid(0, from) */
    OS_CGROUP,       /* into the control group whose cgroup.procs is `data`, if not born there */
    OS_OOM,          /* the text `data` into /proc/self/oom_score_adj */
    OS_LIMIT,        /* setrlimit: resource `from`, soft `value`, hard `value2` */
    OS_UMASK,        /* umask(value) */
    OS_NICE,         /* nice value `from` */
    OS_AFFINITY,     /* sched_setaffinity: `value` bytes at `data` */
    OS_CHDIR,        /* chdir(data) */
    OS_FCHDIR,       /* fchdir(from) */
    OS_OPEN,         /* open(data, flags value, mode value2); the number lands in `to` */
    OS_SAVE,         /* a second number for descriptor `from`; it lands in `to` */
    OS_GROUPS,       /* setgroups: `value` ids at `data` */
    OS_GID,          /* real, effective and saved gid `value` */
    OS_UID,          /* real, effective and saved uid `value` */
    OS_VERIFY,       /* the ids are what `data`, a struct os_ids, says */
    OS_HIDE,         /* every descriptor from 3 on becomes close-on-exec */
    OS_MOVE,         /* descriptor `from` becomes `to` */
    OS_KEEP,         /* descriptor `from` survives exec */
    OS_CLOSE,        /* descriptor `from` is closed */
    OS_TERMINAL,     /* descriptor `from` becomes the controlling terminal */
    OS_FOREGROUND,   /* the controlling terminal's foreground group is that of this process */
    OS_NO_NEW_PRIVS, /* exec grants nothing from here on */
    OS_DISPOSITIONS, /* default for all but what is ignored now and in `value`; ignore `value2` */
    OS_MASK,         /* the signal mask: empty, or the caller's if `from` */
    OS_HOOK,         /* data: struct os_hook; anything but 0 is a failure */
    OS_EXEC          /* data: struct os_exec */
};

struct os_step {
    uint16_t op;    /* enum os_op */
    uint16_t stage; /* enum brood_stage, reported when the step fails */
    int32_t from, to;
    uint64_t value, value2;
    const void *data;
};

/* A `from` that means "the number that landed in step k", and back. */
#define OS_MADE_BY(k) (-2 - (int32_t)(k))
#define OS_MADE_STEP(from) ((size_t)(-2 - (from)))

/* UINT32_MAX: whatever it is. group_count SIZE_MAX: likewise. The new process sorts `groups`, and
 * has as much room in `seen` for what the kernel says. */
struct os_ids {
    uint32_t uid, gid;
    size_t group_count;
    uint32_t *groups, *seen;
};

struct os_hook {
    int (*run)(void *user);
    void *user;
};

/* The programs to try in turn, by execvp(3)'s rules for errors. */
struct os_exec {
    const char *const *candidates;
    size_t candidate_count;
    char *const *argv;
    char *const *env;
    const char **script_argv; /* NULL, or {shell, (candidate), argv[1], …}, for ENOEXEC */
};

/* A process that we started. Where the system gives no pidfd it is -1, and the number is used in
 * its place, while the process is ours. */
struct os_process {
    pid_t pid; /* -1: none; 0: not known */
    int pidfd;
};
#define OS_NOBODY ((struct os_process){-1, -1})

struct os_block; /* the stack of a new process, see linux_cache.c */

/* How far a new process came. */
enum os_progress { OS_BEGAN, OS_FAILED, OS_KILLED, OS_TIMED_OUT };
struct os_report {
    int32_t progress; /* enum os_progress */
    int32_t step;     /* the step where it ended */
    int32_t code;     /* OS_FAILED: errno */
    int32_t choice;   /* the exec candidate concerned */
};

/* How a new process is made: linux_make.h. */
struct os_record;
struct os_exit;
enum os_way { OS_BY_CLONE3, OS_BY_CLONE, OS_BY_FORK };

/* One launch, from its reservation to its end. Zero it, fill the first part, then call in the order
 * bd_os_launch_prepare, bd_os_launch_create, bd_os_launch_learn, bd_os_launch_done. */
struct os_launch {
    struct os_step *steps;
    size_t step_count;
    const int32_t *targets; /* numbers that moves will write to: opened files avoid them */
    size_t target_count;
    int64_t start_timeout_ns; /* 0: none */
    int cgroup_fd;            /* the control group to be born in, where the kernel can; or -1 */
    bool reads_dispositions;  /* ignored signals are to be reset */
    bool owns_memory; /* a step would change what memory shared with the caller stands for */
    bool detached;    /* to be somebody else's child */

    /* The rest belongs to the launch. */
    struct os_process process; /* what was made */
    struct os_process middle;  /* detached: its parent until the program has begun */
    struct os_block *block;
    uintptr_t stack_top;
    struct os_record *record; /* in the block, or a page of its own that both sides see */
    enum os_way way;
    bool shared;            /* the record's memory is the process's own memory too */
    bool clears_handlers;   /* the kernel has reset every handler */
    bool ignored_known;     /* `ignored` holds */
    uint64_t ignored, mask; /* the caller's ignored signals and its mask */
    int64_t deadline_ns;
    bool holds_number; /* the pidfd must not take the number of a standard stream */
    int spare_fd;      /* the number held for it, or -1 */
    int wake[2];       /* by fork: the report pipe, which ends when the program begins, or -1 */
};

/* Takes all that the launch needs but the process: a stack, the shared record, the dispositions. */
int bd_os_launch_prepare(struct os_launch *launch);

/* Makes the process and its pidfd, in one system call, or neither. 0 or -errno. */
int bd_os_launch_create(struct os_launch *launch);

/* Waits until the program has begun or never will, at most until the start timeout, and says which.
 * Unless it has begun, the process is to be given to bd_os_launch_end(). */
struct os_report bd_os_launch_learn(struct os_launch *launch);

/* Ends and reaps a process that has not begun. 0: there is none any more; -ETIMEDOUT: it, or the
 * process in the middle, still stands, and launch->process is that one. */
int bd_os_launch_end(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret);

/* Gives back what prepare took. Not before the process has left our memory: when learn() answered
 * OS_BEGAN, or when it has been reaped. */
void bd_os_launch_done(struct os_launch *launch);

/* Did a step give the terminal to the new process? */
bool bd_os_launch_gave_terminal(const struct os_launch *launch);

/* Which way such a launch will go, in words for the plan's print. */
const char *bd_os_launch_rung(bool owns_memory);

/* ------------------------------------------------------------------ exits */

struct os_exit {
    bool lost; /* no status: somebody else took it and the kernel kept none */
    bool has_usage;
    int wait_status; /* as waitpid(2) gives it */
    uint64_t user_us, system_us, max_rss_bytes;
};

/* Is the process at its end? 0 when it is, -ETIMEDOUT at the deadline. Without a pidfd it looks
 * now and then: for that the kernel has no event. */
int bd_os_exit_wait(struct os_process process, int64_t deadline_ns);

/* Reaps a process that bd_os_exit_wait() saw end. 0: it is gone, and what cannot be known is lost.
 * -EAGAIN: a tracer of it (strace -f) must let go first, or, until give_up_ns, its status is on its
 * way to somebody else and may be known then. The kernel has no event for either. */
enum { OS_TRACED_PAUSE_NS = 1000000, OS_TICK_NS = 5000000 };
int bd_os_exit_reap(struct os_process process, int64_t give_up_ns, struct os_exit *ret);

/* Is the process still ours to reap, living or not? After false no number of its is to be used. */
bool bd_os_exit_is_ours(struct os_process process);

/* Closes what stands for the process. In a forked copy of the program that may be nothing. */
void bd_os_process_close(struct os_process process);

/* SIGKILL, then reap: 0 when it is gone, -ETIMEDOUT when it still stands at the deadline. */
int bd_os_end(struct os_process process, int64_t deadline_ns, struct os_exit *ret);

/* The number is used only where the pidfd cannot be, and only while the process is ours: nobody
 * else may reap it meanwhile. */
int bd_os_signal(struct os_process process, int number);
bool bd_os_leads_group(pid_t pid);

/* leader > 1, unreaped, made by us as the leader of its group. */
int bd_os_signal_group(pid_t leader, int number);

/* A process that could not be ended in time: kept here, reaped by a later bd_os_launch_prepare().
 * `free` then gets `owner`. The node lives inside what `owner` points to. */
struct os_parked {
    struct os_parked *next;
    struct os_process process;
    void (*free)(void *owner);
    void *owner;
};
void bd_os_park(struct os_parked *parked);
void bd_os_park_sweep(void);

/* ------------------------------------------------------------------ descriptors */

struct os_pair {
    int ours, childs;
};

int bd_os_pipe_from_child(struct os_pair *ret); /* the child writes, we read */
int bd_os_pipe_to_child(struct os_pair *ret);   /* we write, the child reads */
int bd_os_socket_pair(struct os_pair *ret);
int bd_os_memory_file(const void *bytes, size_t length, int *ret); /* sealed, at its beginning */
int bd_os_set_nonblock(int fd); /* a pipe or socket made here, which has no other flag */
bool bd_os_is_open(int fd);
bool bd_os_survives_exec(int fd); /* open, and not close-on-exec */
void bd_os_close(int fd);
int bd_os_take(int *fd); /* returns it, leaves -1 */

/* Consumes fd (or -1 with errno set). The same description at OS_LOWEST_FD or above, or -errno. */
int bd_os_lift(int fd);

/* ------------------------------------------------------------------ terminals */

/* A pseudoterminal: `ours` is the master, `childs` the terminal. Both blocking, neither anybody's
 * controlling terminal. */
int bd_os_pty_open(uint16_t rows, uint16_t columns, struct os_pair *ret);
int bd_os_pty_give(int fd, uint32_t uid); /* the terminal is that user's, as login(1) does it */
int bd_os_pty_resize(int master, uint16_t rows, uint16_t columns);
bool bd_os_pty_is_master(int fd);
int bd_os_duplicate(int fd, int *ret); /* close-on-exec, OS_LOWEST_FD or above */

/* The caller's controlling terminal. */
int bd_os_terminal_open(int *ret);
pid_t bd_os_terminal_foreground(int fd); /* its foreground group, or -errno */

/* From a background group too: SIGTTOU is held back in this thread. */
int bd_os_terminal_give(int fd, pid_t group);

/* To `group`, or where there is none of that number any more to the caller's own. */
void bd_os_terminal_give_back(int fd, pid_t group);

/* A directory of control groups as launch.cgroup_fd wants it: a descriptor, or -1 in *ret where a
 * process cannot be born there (version 1) and must join by a step. 0 or -errno. */
int bd_os_cgroup_open(const char *path, int *ret);

/* ------------------------------------------------------------------ transfers */

/* One poll(2): at most `count` descriptors, -1 is skipped. Positive when something is ready, 0 at
 * the deadline. */
struct os_watch {
    int fd;
    bool writes; /* wait until it can be written */
    bool ready;
};
int bd_os_watch(struct os_watch *watches, size_t count, int64_t deadline_ns);

/* Never block once bd_os_watch() has said ready; short counts and -EAGAIN are normal. */
ssize_t bd_os_read(int fd, void *buffer, size_t size);
ssize_t bd_os_write(int fd, const void *data, size_t length); /* -EPIPE instead of SIGPIPE */

int64_t bd_os_pending(int fd); /* bytes that can be read now */

/* Asks for a larger pipe; a refusal is normal for a plain user with many pipes. */
int bd_os_grow_pipe(int fd, size_t bytes);

/* ------------------------------------------------------------------ the rest */

int64_t bd_os_now_ns(void);
int64_t bd_os_deadline_ns(int64_t timeout_ms); /* negative: OS_NEVER */
void bd_os_pause_ns(int64_t nanoseconds);      /* only for a bounded backoff */

uint64_t bd_os_soft_nofile(void);
int64_t bd_os_raise_nofile(void);

/* True if we raised the limit: the values to give back to children. */
bool bd_os_nofile_before(uint64_t *ret_soft, uint64_t *ret_hard);

char *const *bd_os_environment(void);
const char *bd_os_variable(char *const *env, const char *name);

const char *bd_os_error_words(int code);         /* of an errno, or NULL; any thread, no locale */
const char *bd_os_limit_words(int32_t resource); /* "limit nofile" */
const char *bd_os_machine_words(void);           /* what os_exec_facts.machine is a number of */

/* Cancellation of the calling thread is off between these two. */
int bd_os_cancel_off(void);
void bd_os_cancel_restore(int state);

/* Why may a path not be executed? Looks at the file, never runs anything. */
struct os_exec_facts {
    int32_t detail;        /* enum brood_detail */
    int32_t machine;       /* of a foreign program */
    char interpreter[256]; /* of a #! line */
};
void bd_os_exec_explain(int cwd_fd, const char *cwd, const char *path, int code,
                        struct os_exec_facts *ret);

#endif
