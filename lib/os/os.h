/* SPDX-License-Identifier: MIT */
/*
 * The one contract with the operating system: everything that lib/ asks of a kernel goes through here.
 *
 * Room os. Invariants: no call here is a cancellation point for its caller, none raises SIGPIPE, every
 * descriptor made here is close-on-exec from birth and not below 3, and every result is 0 or positive,
 * or -errno. Deadlines are absolute nanoseconds of the monotonic clock; OS_NEVER is no deadline.
 */
#ifndef BD_OS_OS_H
#define BD_OS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OS_NEVER INT64_MAX

enum { OS_LOWEST_FD = 3 }; /* below are the standard streams */

/* ------------------------------------------------------------------ the new process */

/* What the new process does before its program runs, one step at a time. */
enum os_op {
    OS_TIMER,        /* kill myself `value` nanoseconds from now; exec disarms it */
    OS_SESSION,      /* setsid */
    OS_GROUP,        /* setpgid(0, from) */
    OS_LIMIT,        /* setrlimit: resource `from`, soft `value`, hard `value2` */
    OS_UMASK,        /* umask(value) */
    OS_NICE,         /* nice value `from` */
    OS_CHDIR,        /* chdir(data) */
    OS_FCHDIR,       /* fchdir(from) */
    OS_OPEN,         /* open(data, flags value, mode value2); the number lands in `to` */
    OS_SAVE,         /* a second number for descriptor `from`; it lands in `to` */
    OS_HIDE,         /* every descriptor from 3 on becomes close-on-exec */
    OS_MOVE,         /* descriptor `from` becomes `to` */
    OS_KEEP,         /* descriptor `from` survives exec */
    OS_CLOSE,        /* descriptor `from` is closed */
    OS_DISPOSITIONS, /* default for all but what is ignored now and in `value`; ignore `value2` */
    OS_MASK,         /* the signal mask: empty, or the caller's if `from` */
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

/* The programs to try in turn, by execvp(3)'s rules for errors. */
struct os_exec {
    const char *const *candidates;
    size_t candidate_count;
    char *const *argv;
    char *const *env;
    const char **script_argv; /* NULL, or {shell, (candidate), argv[1], …}, for ENOEXEC */
};

/* What the new process says of itself, in memory that both sides see. */
struct os_record {
    volatile uint32_t word;  /* 1; the kernel clears it when the process leaves our memory */
    volatile int32_t state;  /* enum os_state */
    volatile int32_t step;   /* the step it is at */
    volatile int32_t code;   /* errno of the step that failed */
    volatile int32_t choice; /* exec: the candidate concerned */
};
enum os_state { OS_STATE_NEW, OS_STATE_AT_STEP, OS_STATE_EXECING, OS_STATE_FAILED };

struct os_block; /* the stack of a new process, see cache.c */

/* One launch, from its reservation to its end. Zero it, fill the first part, then call in the order
 * os_launch_prepare, os_launch_create, os_launch_learn, os_launch_done. */
struct os_launch {
    struct os_step *steps;
    size_t step_count;
    const int32_t
        *targets; /* numbers that the child's descriptors will take: other numbers avoid them */
    size_t target_count;
    int64_t start_timeout_ns; /* 0: none */
    bool reads_dispositions;  /* ignored signals are to be reset */

    /* The rest belongs to the launch. */
    struct os_block *block;
    struct os_record *record;
    bool shared;            /* the record's memory is the process's own memory too */
    bool clears_handlers;   /* the kernel has reset every handler */
    bool ignored_known;     /* `ignored` holds */
    uint64_t ignored, mask; /* the caller's ignored signals and its mask */
    int64_t deadline_ns;
    bool holds_number; /* the pidfd must not take the number of a standard stream */
    int spare_fd;      /* the number held for it, or -1 */
    pid_t pid;
    int pidfd;
};

/* How far a new process came. */
enum os_progress { OS_BEGAN, OS_FAILED, OS_KILLED, OS_TIMED_OUT };
struct os_report {
    int32_t progress; /* enum os_progress */
    int32_t step;     /* the step where it ended */
    int32_t code;     /* OS_FAILED: errno */
    int32_t choice;   /* the exec candidate concerned */
};

/* Takes all that the launch needs but the process: a stack, the shared record, the dispositions. */
int os_launch_prepare(struct os_launch *launch);

/* Makes the process and its pidfd, in one system call, or neither. 0 or -errno. */
int os_launch_create(struct os_launch *launch);

/* Waits until the program has begun or never will, at most until the start timeout, and says which.
 * Whatever it says, the process exists and is the caller's to reap. */
struct os_report os_launch_learn(struct os_launch *launch);

/* Gives back what prepare took. Not before the process has left our memory: when learn() answered
 * anything but OS_TIMED_OUT, or when it has been reaped. */
void os_launch_done(struct os_launch *launch);

/* Which way a launch will go, in words for the plan's print. */
const char *os_launch_rung(void);

/* ------------------------------------------------------------------ exits */

struct os_exit {
    bool lost; /* no status: somebody else took it and the kernel kept none */
    bool has_usage;
    int wait_status; /* as waitpid(2) gives it */
    uint64_t user_us, system_us, max_rss_bytes;
};

/* Is the process behind the pidfd at its end? 0 when it is, -ETIMEDOUT at the deadline. */
int os_exit_wait(int pidfd, int64_t deadline_ns);

/* Reaps a process that os_exit_wait() saw end. Never blocks for long; never fails: what cannot be
 * known is lost. */
void os_exit_reap(int pidfd, struct os_exit *ret);

/* Is the process still ours to reap, living or not? After false no number of its is to be used. */
bool os_exit_is_ours(int pidfd);

/* SIGKILL, then reap: 0 when it is gone, -ETIMEDOUT or -EPERM when it still stands at the deadline. */
int os_end(int pidfd, int64_t deadline_ns, struct os_exit *ret);

int os_signal(int pidfd, int number);
int os_signal_group(pid_t leader, int number); /* leader > 1, unreaped, made by us as its leader */

/* A process that could not be ended in time: kept here, reaped by a later os_launch_prepare(). `free`
 * then gets `owner`. The node lives inside what `owner` points to. */
struct os_parked {
    struct os_parked *next;
    int pidfd;
    void (*free)(void *owner);
    void *owner;
};
void os_park(struct os_parked *parked);
void os_park_sweep(void);

/* ------------------------------------------------------------------ descriptors */

struct os_pair {
    int ours, childs;
};

int os_pipe_from_child(struct os_pair *ret); /* the child writes, we read */
int os_pipe_to_child(struct os_pair *ret);   /* we write, the child reads */
int os_socket_pair(struct os_pair *ret);
int os_memory_file(const void *bytes, size_t length, int *ret); /* sealed, at its beginning */
int os_set_nonblock(int fd); /* a pipe or socket made here, which has no other flag */
bool os_is_open(int fd);
bool os_survives_exec(int fd); /* open, and not close-on-exec */
int os_lift(
    int fd); /* consumes fd or -1 with errno: the same at OS_LOWEST_FD or above, or -errno */
void os_close(int fd);
int os_take(int *fd); /* returns it, leaves -1 */

/* One poll(2): at most `count` descriptors, -1 is skipped. Positive when something is ready, 0 at the
 * deadline. */
struct os_watch {
    int fd;
    bool writes; /* wait until it can be written */
    bool ready;
};
int os_watch(struct os_watch *watches, size_t count, int64_t deadline_ns);

/* Never block once os_watch() has said ready; short counts and -EAGAIN are normal. */
ssize_t os_read(int fd, void *buffer, size_t size);
ssize_t os_write(int fd, const void *data, size_t length); /* -EPIPE instead of SIGPIPE */

int64_t os_pending(int fd); /* bytes that can be read now */

/* Asks for a larger pipe; a refusal is normal for a plain user with many pipes. */
int os_grow_pipe(int fd, size_t bytes);

/* ------------------------------------------------------------------ the rest */

int64_t os_now_ns(void);
int64_t os_deadline_ns(int64_t timeout_ms); /* negative: OS_NEVER */
void os_pause_ns(int64_t nanoseconds);      /* only for a bounded backoff */

uint64_t os_soft_nofile(void);
int64_t os_raise_nofile(void);
bool os_nofile_before(uint64_t *ret_soft,
                      uint64_t *ret_hard); /* raised by us: the limits to give back */

char *const *os_environment(void);
const char *os_variable(char *const *env, const char *name);

const char *os_error_words(int code); /* of an errno; any thread, no locale */

/* Cancellation of the calling thread is off between these two. */
int os_cancel_off(void);
void os_cancel_restore(int state);

/* Why may a path not be executed? Looks at the file, never runs anything. */
struct os_exec_facts {
    int32_t detail;        /* enum brood_detail */
    int32_t machine;       /* ELF machine of a foreign program */
    char interpreter[256]; /* of a #! line */
};
void os_exec_explain(int cwd_fd, const char *cwd, const char *path, int code,
                     struct os_exec_facts *ret);

#endif
