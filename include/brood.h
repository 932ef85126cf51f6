/* SPDX-License-Identifier: MIT */
/*
 * brood: start child processes and never lose one.
 *
 * A start gives a child that runs the named program and that you own, or an error with nothing left
 * behind: no process, no zombie, no descriptor, no changed signal mask. Freeing a child ends it.
 *
 *     char *argv[] = {"git", "status", NULL};
 *     struct brood_child *git;
 *     struct brood_error error;
 *     if (brood_start(BROOD_OPTIONS(.argv = argv, .cwd = "/srv/repo"), &git, &error) < 0)
 *         puts(brood_error_text(&error, text, sizeof text));
 *
 * Conventions
 *   Results   0 or positive is good, -errno is not. `ret` is written on success only, `reterr` on
 *             failure only; reterr may be NULL.
 *   Structs   brood_options grows at its end and carries its size. Every other struct is frozen:
 *             its reserved words must be zero in what you pass and are zero in what you get.
 *   Enums     are for their constants; members are fixed-width integers, so that every foreign
 *             function interface can read this file.
 *   Durations are milliseconds. In calls 0 looks and BROOD_FOREVER has no bound; in options 0 is
 *             none. The monotonic clock is used throughout.
 *   Memory    Options are borrowed during the call only. Never free() what the library gave you.
 *   Threads   pid, pidfd, wait, signal and stop of one child may be called from any threads at
 *             once; reading and writing different streams too. free, release, take_stream and
 *             close_stream need sole use.
 *   Signals   The library installs no handler and changes no disposition. No call raises SIGPIPE.
 *   Cancelling a thread (pthread_cancel) takes effect before or after a call, never inside one.
 *   A forked copy of your program must not use a child that the original started.
 */
#ifndef BROOD_H
#define BROOD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(BROOD_NO_ATTRIBUTES)
#define BROOD_API __attribute__((visibility("default")))
#else
#define BROOD_API
#endif

/* A started process, its pidfd and our ends of its streams. */
struct brood_child;

enum { BROOD_FOREVER = -1 }; /* a timeout without bound */

/* ------------------------------------------------------------------ what a start is asked for */

/* Where a standard stream of the child leads. */
enum brood_stream_kind {
    BROOD_INHERIT = 0, /* the caller's descriptor of the same number, if that survives exec */
    BROOD_NULL = 1,    /* /dev/null, opened by the child */
    BROOD_PIPE = 2,    /* a pipe(2); our end by brood_child_stream() */
    BROOD_SOCKET = 3,  /* one end of a unix(7) stream socketpair(2), both directions */
    BROOD_FILE = 4,    /* `path`, opened by the child: in for reading, out and err for writing */
    BROOD_FD = 5,      /* the caller's descriptor `fd`, which stays the caller's */
    BROOD_MERGE = 6,   /* the same description as the other output stream (2>&1, or 1>&2) */
    BROOD_CLOSED = 7,  /* no descriptor at all */
    BROOD_MEMORY =
        8,        /* in: `input`, by a sealed memfd_create(2); out, err: collected by brood_run */
    BROOD_PTY = 9 /* a pseudoterminal, see pty(7); all streams of this kind share one */
};

/* Bits of brood_stream.flags. */
enum brood_stream_flag {
    BROOD_FILE_APPEND = 1,      /* FILE: O_APPEND instead of truncating */
    BROOD_FILE_KEEP = 2,        /* FILE: neither truncate nor append: write from the start */
    BROOD_FILE_EXCLUSIVE = 4,   /* FILE: the file must not exist (O_EXCL) */
    BROOD_FILE_EXISTING = 8,    /* FILE: the file must exist (no O_CREAT) */
    BROOD_STREAM_NONBLOCK = 16, /* PIPE, SOCKET, PTY: O_NONBLOCK on our end, never on the child's;
                                 * of a pseudoterminal that of one stream is that of all */
    BROOD_OUTPUT_DISCARD = 32   /* MEMORY out, err: past output_limit read on and throw away */
};

/* The indices of the standard streams. */
enum brood_stream_index { BROOD_IN = 0, BROOD_OUT = 1, BROOD_ERR = 2 };

/* One standard stream. All zero: inherited. */
struct brood_stream {
    uint32_t kind;         /* enum brood_stream_kind */
    uint32_t flags;        /* enum brood_stream_flag */
    int32_t fd;            /* FD: the caller's descriptor */
    uint32_t create_mode;  /* FILE: permission bits of a new file, less the umask; 0: 0666 */
    const char *path;      /* FILE: relative names are taken after the directory step */
    const void *input;     /* MEMORY in: the bytes, `input_length` of them */
    size_t input_length;   /* bytes */
    uint64_t output_limit; /* MEMORY out, err: bytes kept at most; 0: no limit */
    uint16_t rows;    /* PTY: lines of the terminal; 0: 24. The first stream that says one counts */
    uint16_t columns; /* PTY: characters of a line; 0: 80. Likewise */
    uint32_t reserved[3];
};

/* The child's descriptor `to` is the caller's descriptor `from`; equal numbers keep it as it is.
 * Maps may swap and form cycles: every `from` is read before any `to` is written. */
struct brood_fd_map {
    int32_t from, to;
};

/* One resource limit, see setrlimit(2); UINT64_MAX is RLIM_INFINITY. */
struct brood_rlimit {
    uint32_t resource; /* RLIMIT_* */
    uint32_t reserved;
    uint64_t soft, hard;
};

/* Bits of brood_credentials.flags. */
enum brood_credentials_flag {
    BROOD_KEEP_GROUPS = 1 /* the supplementary groups stay as they are */
};

/* Who the child is. Set in the order groups, gid, uid, and read back, in the child alone. Ids are
 * real, effective and saved ones at once; UINT32_MAX leaves one as it is. No groups means none. */
struct brood_credentials {
    uint32_t uid, gid;
    const uint32_t *groups; /* supplementary groups, see setgroups(2) */
    size_t group_count;
    uint32_t flags; /* enum brood_credentials_flag */
    uint32_t reserved[3];
};

/* Bits of brood_options.flags. */
enum brood_flag {
    BROOD_SET_UMASK = 1,           /* `umask` counts */
    BROOD_SET_NICE = 2,            /* `nice` counts */
    BROOD_SET_CWD_FD = 4,          /* `cwd_fd` counts */
    BROOD_NEW_SESSION = 8,         /* setsid(2): a new session and group, no controlling terminal */
    BROOD_NEW_GROUP = 16,          /* setpgid(2): a new process group led by the child */
    BROOD_SHELL = 32,              /* run /bin/sh -c with the words of argv, each quoted */
    BROOD_SCRIPT_SHELL = 64,       /* a script without #! is run by /bin/sh, as execvp(3) does */
    BROOD_KEEP_ALL_FDS = 128,      /* keep every descriptor that is not close-on-exec */
    BROOD_SET_OOM_SCORE_ADJ = 256, /* `oom_score_adj` counts */
    BROOD_NO_NEW_PRIVS = 512,      /* prctl(2) PR_SET_NO_NEW_PRIVS: exec grants nothing */
    BROOD_FOREGROUND = 1024,       /* its group has the controlling terminal until it ends */
    BROOD_DETACHED = 2048          /* a life of its own: see brood_start() */
};

/* Where a program name without a slash is looked up. */
enum brood_search {
    BROOD_SEARCH_CHILD = 0,  /* in PATH of the child's environment, as execvp(3) would there */
    BROOD_SEARCH_CALLER = 1, /* in PATH of the caller's environment */
    BROOD_SEARCH_NONE = 2    /* nowhere: the name is a path */
};

/* Bits of brood_options.signals. Without them the child has every signal at its default and none
 * blocked. */
enum brood_signals {
    BROOD_KEEP_IGNORED = 1, /* what the caller ignores stays ignored */
    BROOD_KEEP_MASK = 2     /* the calling thread's signal mask is kept */
};

/* How far ending the child reaches. */
enum brood_scope {
    BROOD_SCOPE_CHILD = 0, /* the child alone */
    BROOD_SCOPE_GROUP = 1  /* its process group; needs BROOD_NEW_GROUP or BROOD_NEW_SESSION */
};

/* What a start is asked for. Make it with BROOD_OPTIONS(...) or brood_options_init(): all zero but
 * `size` is a valid beginning, only argv must be given. */
struct brood_options {
    size_t size;             /* sizeof (struct brood_options) of the caller's header */
    uint64_t flags;          /* enum brood_flag */
    const char *program;     /* what to run; NULL: argv[0] */
    char *const *argv;       /* NULL-terminated, at least one */
    char *const *env;        /* "NAME=VALUE", NULL-terminated; NULL: the caller's */
    char *const *env_set;    /* "NAME=VALUE" laid over it */
    char *const *env_unset;  /* names taken out of it, before env_set */
    const char *cwd;         /* directory; relative to cwd_fd if that is set */
    int32_t cwd_fd;          /* directory descriptor, with BROOD_SET_CWD_FD */
    int32_t join_group;      /* process group to join; 0: none */
    int32_t nice;            /* nice value -20..19, with BROOD_SET_NICE */
    uint32_t umask;          /* 0..0777, with BROOD_SET_UMASK */
    uint32_t search;         /* enum brood_search */
    uint32_t signals;        /* enum brood_signals */
    uint64_t ignore_signals; /* bit n - 1: signal n is ignored in the child */
    uint32_t scope;          /* enum brood_scope */
    uint32_t reserved;       /* zero */
    struct brood_stream in;  /* descriptor 0 of the child */
    struct brood_stream out; /* descriptor 1 */
    struct brood_stream err; /* descriptor 2 */
    const struct brood_fd_map *fds;
    size_t fd_count;
    const struct brood_rlimit
        *rlimits; /* RLIMIT_NOFILE given here wins over what brood gives back */
    size_t rlimit_count;
    int64_t start_timeout_ms; /* the program must have begun within this */
    int64_t retry_ms;         /* try ETXTBSY and EAGAIN again for this long */
    int64_t timeout_ms;       /* brood_run: the life of the child */
    int64_t grace_ms;         /* brood_run: between SIGTERM and SIGKILL at the timeout */
    int64_t drain_ms;         /* brood_run: for streams to end after the child has ended */
    const struct brood_credentials *credentials; /* NULL: the caller's */
    const uint64_t *cpus; /* bit n of the whole: may run on processor n; NULL: the caller's */
    size_t cpu_words;     /* length of cpus */
    const char *cgroup;   /* directory of the control group to begin in; NULL: the caller's */
    int (*before_exec)(void *user); /* called in the child just before exec; see brood_start() */
    void *user;                     /* its argument */
    int32_t oom_score_adj;          /* -1000..1000, with BROOD_SET_OOM_SCORE_ADJ */
    uint32_t reserved1;             /* zero */
};

#ifndef __cplusplus /* C++ and others: brood_options_init() */
#define BROOD_OPTIONS(...)                                                                         \
    (&(struct brood_options){.size = sizeof(struct brood_options), __VA_ARGS__})
#endif

/* ------------------------------------------------------------------ what comes back */

/* Where a start failed. */
enum brood_stage {
    BROOD_STAGE_NONE = 0,
    BROOD_STAGE_OPTIONS = 1,      /* the options contradict each other or the system */
    BROOD_STAGE_MEMORY = 2,       /* memory for the plan, the stack or memory input */
    BROOD_STAGE_PIPE = 4,         /* a pipe or socket pair */
    BROOD_STAGE_OPEN = 5,         /* a file or /dev/null of a stream, opened by the child */
    BROOD_STAGE_CREATE = 6,       /* the new process itself: clone(2) */
    BROOD_STAGE_SESSION = 7,      /* setsid(2) */
    BROOD_STAGE_GROUP = 8,        /* setpgid(2) */
    BROOD_STAGE_TERMINAL = 9,     /* the pseudoterminal, the controlling terminal, its group */
    BROOD_STAGE_CGROUP = 10,      /* the control group */
    BROOD_STAGE_CREDENTIALS = 11, /* groups, gid, uid, no_new_privs */
    BROOD_STAGE_DIRECTORY = 12,   /* chdir(2), fchdir(2) */
    BROOD_STAGE_DESCRIPTORS = 13, /* dup2(2), close_range(2), close(2) in the child */
    BROOD_STAGE_SIGNALS = 14,     /* dispositions and mask of the child */
    BROOD_STAGE_RESOURCE = 15,    /* limits, umask, nice value, affinity, oom_score_adj */
    BROOD_STAGE_HOOK = 16,        /* before_exec said no */
    BROOD_STAGE_EXEC = 17,        /* execve(2) */
    BROOD_STAGE_TIMEOUT = 19      /* start_timeout_ms ran out */
};

/* What more is known about a failure than its errno. */
enum brood_detail {
    BROOD_DETAIL_NONE = 0,
    BROOD_DETAIL_TEXT = 1,         /* `subject` is the whole sentence */
    BROOD_DETAIL_INTERPRETER = 2,  /* exec: the script exists, its #! interpreter (subject) fails */
    BROOD_DETAIL_IS_DIRECTORY = 3, /* exec: the path is a directory */
    BROOD_DETAIL_NOT_EXECUTABLE = 4, /* exec: the file lacks the execute permission */
    BROOD_DETAIL_NOT_SEARCHABLE = 5, /* exec: a directory on the way may not be entered */
    BROOD_DETAIL_WRONG_MACHINE =
        6, /* exec: a program for another processor (number: ELF machine) */
    BROOD_DETAIL_NOT_A_PROGRAM = 7, /* exec: neither a program that runs here nor a script */
    BROOD_DETAIL_NOT_FOUND = 8,     /* exec: in no directory of PATH (subject) */
    BROOD_DETAIL_KILLED = 9,        /* the new process was killed by signal `number` on its way; -1:
                                     * it ended by itself, or how is not known */
    BROOD_DETAIL_NOEXEC_MOUNT = 10  /* exec: the file lies on a file system mounted noexec */
};

/* Why a start failed. Plain data: nothing to free. */
struct brood_error {
    int32_t stage;          /* enum brood_stage */
    int32_t code;           /* positive errno */
    int32_t unkillable_pid; /* a process that the kernel could not end in time, or 0 */
    int32_t detail;         /* enum brood_detail */
    int64_t number;         /* descriptor, limit or signal concerned, or -1 */
    uint64_t reserved[5];
    char program[160]; /* as asked for; cut if longer */
    char subject[288]; /* the path or the words concerned; may be empty */
};

enum brood_exit_kind {
    BROOD_EXITED = 1,    /* by exit: `code` 0..255 */
    BROOD_SIGNALLED = 2, /* by a signal: `code` is its number */
    BROOD_LOST = 3 /* it has ended, but something else took the status and the kernel kept none */
};

/* Bits of brood_exit.flags. */
enum brood_exit_flag {
    BROOD_EXIT_CORE = 1,         /* a core was dumped */
    BROOD_EXIT_STREAMS_HELD = 2, /* brood_run: another process still held an output stream */
    BROOD_EXIT_HAS_USAGE = 4     /* user_us, system_us and max_rss_bytes are known */
};

/* Why the child ended, as far as we had a hand in it. */
enum brood_cause {
    BROOD_CAUSE_OWN = 0,         /* of itself, or by a signal from elsewhere */
    BROOD_CAUSE_ASKED = 1,       /* brood_child_stop() reached it first */
    BROOD_CAUSE_TIMEOUT = 2,     /* brood_run: timeout_ms */
    BROOD_CAUSE_OUTPUT_LIMIT = 3 /* brood_run: output_limit */
};

/* What happened in the end. */
struct brood_exit {
    uint32_t kind;       /* enum brood_exit_kind */
    uint32_t flags;      /* enum brood_exit_flag */
    int32_t code;        /* exit code, or number of the signal; -1 when lost */
    int32_t wait_status; /* as waitpid(2) would give it; -1 when lost */
    uint32_t cause;      /* enum brood_cause */
    uint32_t reserved0;
    uint64_t started_ns;    /* monotonic clock: the start was complete */
    uint64_t ended_ns;      /* monotonic clock: the end was seen */
    uint64_t user_us;       /* processor time in user mode, with waited-for descendants */
    uint64_t system_us;     /* and in the kernel */
    uint64_t max_rss_bytes; /* largest resident set */
    uint64_t reserved[8];
};

/* Bits of brood_result.flags. */
enum brood_result_flag {
    BROOD_OUT_TRUNCATED = 1, /* output_limit of out was met: the rest is missing */
    BROOD_ERR_TRUNCATED = 2
};

/* What brood_run() collected. Free with brood_result_clear(). */
struct brood_result {
    struct brood_exit exit;
    void *out; /* with a zero byte after the end; NULL unless out is BROOD_MEMORY */
    size_t out_length;
    void *err;
    size_t err_length;
    uint64_t flags; /* enum brood_result_flag */
    uint64_t reserved[7];
};

/* ------------------------------------------------------------------ starting */

/*
 * Start one program and own it.
 *
 * options  what to run, borrowed during the call.
 * ret      the child: end it with brood_child_free() or let it go with brood_child_release().
 * reterr   stage, errno and thing concerned; may be NULL.
 * Returns  0 once the program's exec has passed its point of no return; else -errno, and then no
 *          process, zombie, descriptor or memory is left, and mask, dispositions and directory are
 *          as before. Not undone: files that the failed start created or truncated.
 * Errors   options  -EINVAL contradictory or malformed, or a value that nothing would read; -E2BIG
 *                   options of a newer header, -EBADF a descriptor that is not open. timeout_ms,
 *                   grace_ms, drain_ms and output to memory need brood_run().
 *          memory   -ENOMEM. pipe -EMFILE, -ENFILE. create -EMFILE, -EAGAIN, -ENOMEM, -EPERM.
 *          terminal -ENXIO the caller has no controlling terminal, -ENOENT, -EMFILE, -ENOSPC.
 *          cgroup   -ENOENT, -EACCES, -EBUSY, -ENODEV not a control group. credentials -EPERM,
 *                   -EINVAL an id that the user namespace lacks, -EAGAIN that user's RLIMIT_NPROC.
 *          exec     whatever execve(2) says, with a detail. timeout -ETIMEDOUT.
 *          The others carry the errno of the call in the child.
 * Threads  any number at once.
 * Signals  all are blocked in this thread while the process is made; the mask is then restored.
 *          The first start ever makes a process that ends at once, to learn how memory is shared,
 *          and a second one where clone3(2) is refused: one SIGCHLD each. Where only fork(2) is
 *          left, a start that fails is a SIGCHLD too, and so is a detached one.
 * Time     without start_timeout_ms the call waits for exec; a file system or a FIFO that stalls,
 *          stalls it. A process that cannot be killed when the time is over is named in
 *          unkillable_pid and looked after by later calls.
 * Memory   The new process shares the caller's memory until exec, at no cost of copying, unless
 *          credentials, oom_score_adj or before_exec are given, or the system cannot share: then
 *          it has a copy.
 * before_exec(user) runs in that copy, after everything else, with the child's descriptors, ids and
 *          signals. It may make async-signal-safe calls only (signal-safety(7)); no handler of
 *          pthread_atfork(3) has run. 0 goes on; an errno fails the start at stage hook, and so
 *          does ending there. A try that is made again (retry_ms) calls it again. raise(3) and
 *          abort(3) may hit the caller, whose thread libc takes this for: kill(getpid(), n). Its
 *          stack is small: it may use 12 KiB.
 * Terminal A pseudoterminal makes a new session with it as controlling terminal, and belongs to the
 *          uid of credentials. BROOD_FOREGROUND
 *          gives the caller's controlling terminal to the child's group; the failure of the start
 *          gives it back, and so does its end unless somebody else has it by then.
 * Detached The program leads a session of its own and is nobody's child here: whoever takes in
 *          orphans (init, or a subreaper, see prctl(2)) reaps it. Streams that would be inherited
 *          are /dev/null. brood_child_free() lets it run. Its exit status is known on Linux 6.15
 *          and later, else BROOD_LOST. Without pidfds wait, signal and stop say -ENOTSUP. On a
 *          pseudoterminal it is hung up (SIGHUP) when our end closes. -ENOTSUP at stage create
 *          where it would begin a pid namespace (unshare(2)).
 * Source   clone(2) CLONE_PIDFD (Linux 5.2), clone3(2) (5.3), CLONE_INTO_CGROUP (5.7),
 *          close_range(2) (5.9), execve(2), credentials(7), pty(7), cgroups(7).
 */
BROOD_API int brood_start(const struct brood_options *options, struct brood_child **ret,
                          struct brood_error *reterr);

/*
 * Run one program to its end, feeding and collecting its streams.
 *
 * options  as for brood_start(); in may be BROOD_MEMORY, out and err may be BROOD_MEMORY, none may
 *          be BROOD_PIPE, BROOD_SOCKET or BROOD_PTY. Not with BROOD_DETACHED.
 * ret      the exit and the output; clear it with brood_result_clear().
 * Returns  0 whatever the program's own end was; -errno if it could not be started (as
 *          brood_start()); stage memory if collecting failed, and then the child has been ended;
 *          -ETIMEDOUT at stage timeout if it could not be ended, with unkillable_pid.
 * Time     returns at the child's end plus drain_ms at most, even if another process still holds an
 *          output stream (BROOD_EXIT_STREAMS_HELD). At timeout_ms the child gets SIGTERM and
 *          SIGCONT, after grace_ms SIGKILL. The rest as brood_start().
 */
BROOD_API int brood_run(const struct brood_options *options, struct brood_result *ret,
                        struct brood_error *reterr);

/* Free what brood_run() gave; the struct is all zero afterwards. NULL is fine. */
BROOD_API void brood_result_clear(struct brood_result *result);

/* Fill *options with zeros and `size`, for languages without BROOD_OPTIONS(). */
BROOD_API void brood_options_init(struct brood_options *options, size_t size);

/*
 * Say what a start with these options would do, one settled step a line, without starting the
 * program.
 *
 * Returns  the length of the whole text; at most size - 1 bytes and a zero byte are written. -errno
 *          with stage options or memory.
 * Note     values of the environment are not shown, only their names.
 */
BROOD_API ssize_t brood_plan_text(const struct brood_options *options, char *buffer, size_t size,
                                  struct brood_error *reterr);

/* ------------------------------------------------------------------ one child */

/* Returns the process id. It stays valid until the child has been waited for, that of a detached
 * program until its end. */
BROOD_API pid_t brood_child_pid(const struct brood_child *child);

/* Returns the pidfd, borrowed: readable (poll(2), epoll(7)) once the child has ended. -ENOTSUP
 * where the system gives none. */
BROOD_API int brood_child_pidfd(const struct brood_child *child);

/* Returns our end of stream BROOD_IN, BROOD_OUT or BROOD_ERR, borrowed; -EBADF if there is none. Of
 * a pseudoterminal all that is written comes by out if out is one, else by err, else by in; in is a
 * descriptor of its own. Closing it is no end-of-file there: write the terminal's character for
 * that, 4. */
BROOD_API int brood_child_stream(const struct brood_child *child, uint32_t stream);

/* As brood_child_stream(), but the descriptor is now yours to close. Sole use. */
BROOD_API int brood_child_take_stream(struct brood_child *child, uint32_t stream);

/* Close our end of a stream: on BROOD_IN the child then reads end-of-file. 0, or -EBADF. */
BROOD_API int brood_child_close_stream(struct brood_child *child, uint32_t stream);

/*
 * Read what the child wrote to `stream` (BROOD_IN too, for a socket).
 * Returns  the number of bytes, at most size; 0 at end-of-file, of a pseudoterminal too (where
 *          read(2) says EIO); -ETIMEDOUT, -EBADF, -errno of read(2).
 */
BROOD_API ssize_t brood_child_read(struct brood_child *child, uint32_t stream, void *buffer,
                                   size_t size, int64_t timeout_ms);

/*
 * Tell the child's pseudoterminal its size; the foreground group in it gets SIGWINCH if it is new.
 * Returns  0; -EBADF if there is none, or its descriptor has been taken or closed.
 * Source   TIOCSWINSZ, ioctl_tty(2).
 */
BROOD_API int brood_child_resize(struct brood_child *child, uint16_t rows, uint16_t columns);

/*
 * Write to the child's standard input.
 * Returns  the number of bytes written: `length`, or fewer if the time ran out or the child stopped
 *          reading midway; -ETIMEDOUT if none could be, -EPIPE (never SIGPIPE) when nobody reads,
 *          or has the pseudoterminal open; -EBADF.
 * Source   pwritev2(2) RWF_NOSIGNAL (Linux 6.18); before that SIGPIPE is blocked and consumed in
 *          this thread.
 */
BROOD_API ssize_t brood_child_write(struct brood_child *child, const void *data, size_t length,
                                    int64_t timeout_ms);

/*
 * Wait for the end and say what it was. May be repeated: later calls give the same answer at once.
 * ret      may be NULL.
 * Returns  0, or -ETIMEDOUT; -ENOTSUP for a detached program where there are no pidfds.
 * Note     right also where SIGCHLD is ignored or another part of the program takes every status:
 *          then the true status on Linux 6.15 and later (PIDFD_GET_INFO), BROOD_LOST before.
 *          With BROOD_SCOPE_GROUP what is left of the group is killed just before the reap: later
 *          nobody could do so safely. Where somebody else takes the status it stays.
 *          A child that a debugger holds ends for us when the debugger lets go.
 */
BROOD_API int brood_child_wait(struct brood_child *child, int64_t timeout_ms,
                               struct brood_exit *ret);

/*
 * Send a signal; with BROOD_SCOPE_GROUP to its group.
 * Returns  0; -ESRCH once the child has ended: nobody is hit; -EINVAL for a bad number; -EPERM when
 *          the program became another user; -ENOTSUP as brood_child_wait().
 * Source   pidfd_send_signal(2), Linux 5.1.
 */
BROOD_API int brood_child_signal(struct brood_child *child, int signal);

/*
 * End the child and reap it: SIGTERM and SIGCONT, wait up to grace_ms, SIGKILL. The grace is the
 * child's: once it has ended, what is left of a group in its scope is killed.
 * grace_ms 0: SIGKILL at once. BROOD_FOREVER: never SIGKILL.
 * ret      may be NULL.
 * Returns  0 when it has ended, now or before; -ETIMEDOUT if the kernel has not ended it within 10
 *          s of SIGKILL; -EPERM if it may not be signalled; -ENOTSUP as brood_child_wait().
 */
BROOD_API int brood_child_stop(struct brood_child *child, int64_t grace_ms, struct brood_exit *ret);

/* Returns the means that reaches as far as ending this child can: BROOD_SCOPE_CHILD or _GROUP. */
BROOD_API uint32_t brood_child_scope_tier(const struct brood_child *child);

/* Free the handle and its descriptors but let the process run: it is yours to reap, unless it is
 * detached, and a terminal that it was given stays with it. Returns its pid, or -ESRCH if it has
 * been reaped already. Sole use. */
BROOD_API pid_t brood_child_release(struct brood_child *child);

/* End what still runs (SIGKILL), unless it is detached, reap it, close the streams, free the
 * handle. NULL is fine.
 * Bounded: a process that the kernel cannot end within 10 s, or that may not be signalled, is kept
 * aside and reaped by a later call. Returns NULL. Sole use. */
BROOD_API struct brood_child *brood_child_free(struct brood_child *child);

/* ------------------------------------------------------------------ words */

/* Say an error in a sentence: "cannot start git: directory /srv/x: No such file or directory".
 * Writes at most `size` bytes, zero byte included, and returns `buffer`. Control characters are
 * escaped. */
BROOD_API const char *brood_error_text(const struct brood_error *error, char *buffer, size_t size);

/* Say an exit in words: "exited with 3", "killed by SIGKILL (timed out)". Returns `buffer`. */
BROOD_API const char *brood_exit_text(const struct brood_exit *exit, char *buffer, size_t size);

/* The exit as a shell gives it in $?: the code, or 128 + signal; -1 when lost. */
BROOD_API int brood_exit_code(const struct brood_exit *exit);

/* Returns the word for a stage: "options", "exec", …; "unknown" for any other number. */
BROOD_API const char *brood_stage_name(int32_t stage);

/* Returns "SIGTERM" and the like; real-time signals as "SIGRTMIN+3" by number; NULL if there is
 * none. */
BROOD_API const char *brood_signal_name(int signal);

/* Quote one word for /bin/sh: 'it'"'"'s'. Returns the length of the whole text; at most size - 1
 * bytes and a zero byte are written. */
BROOD_API size_t brood_shell_quote(const char *word, char *buffer, size_t size);

/*
 * Raise this program's soft limit of open descriptors to the hard one; children are given the old
 * value back.
 * Returns  the limit now in force, or -errno of setrlimit(2). Call it early.
 */
BROOD_API int64_t brood_raise_nofile(void);

/* Returns the version of the library in use: "0.1.0". */
BROOD_API const char *brood_version(void);

#ifdef __cplusplus
}
#endif

#endif
