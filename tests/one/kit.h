/* SPDX-License-Identifier: MIT */
/*
 * What the tests of one owned child share: starts that must succeed, ends that are waited for with
 * a bound, an exec held open for as long as a test wants, an old kernel imitated.
 *
 * Invariant: every wait here has a bound, and what did not come within it is a failed check at the
 * caller's own line.
 */
#ifndef ONE_KIT_H
#define ONE_KIT_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <brood.h>

#include "harness.h"

enum { KIT_BOUND_MS = 10000 };

/* Arguments as brood wants them, from string literals. */
#define WORDS(...) ((char *const *)(uintptr_t)(const char *const[]){__VA_ARGS__, NULL})
#define TARGET(...) WORDS(kit_target, __VA_ARGS__)
#define ODD(...) WORDS(kit_odd, __VA_ARGS__)

#define A_PIPE                                                                                     \
    {                                                                                              \
        .kind = BROOD_PIPE                                                                         \
    }
#define A_NULL                                                                                     \
    {                                                                                              \
        .kind = BROOD_NULL                                                                         \
    }
#define A_MEMORY                                                                                   \
    {                                                                                              \
        .kind = BROOD_MEMORY                                                                       \
    }

/* A start that must succeed, else the test ends here. */
#define START(...) kit_start(BROOD_OPTIONS(__VA_ARGS__), __FILE__, __LINE__)

/* A run that must succeed; clear the result. */
#define RUN(result_, ...) kit_run(BROOD_OPTIONS(__VA_ARGS__), result_, __FILE__, __LINE__)

/* The child's next line of output must be "ready"; gives the number behind it, or 0. */
#define READY(child_) kit_ready(child_, __FILE__, __LINE__)

/* Waits for the end, which must come. */
#define END_OF(child_) kit_end_of(child_, __FILE__, __LINE__)

/* The record says exactly this; the last allows a lost status where the kernel keeps none. */
#define CHECK_EXITED(exit_, code_) kit_check_end(exit_, BROOD_EXITED, code_, __FILE__, __LINE__)
#define CHECK_KILLED(exit_, signal_)                                                               \
    kit_check_end(exit_, BROOD_SIGNALLED, signal_, __FILE__, __LINE__)
#define CHECK_STOLEN(exit_, code_) kit_check_stolen(exit_, BROOD_EXITED, code_, __FILE__, __LINE__)

struct brood_child *kit_start(const struct brood_options *options, const char *file, int line);
void kit_run(const struct brood_options *options, struct brood_result *ret, const char *file,
             int line);
pid_t kit_ready(const struct brood_child *child, const char *file, int line);
struct brood_exit kit_end_of(struct brood_child *child, const char *file, int line);
bool kit_check_end(struct brood_exit end, uint32_t kind, int code, const char *file, int line);
bool kit_check_stolen(struct brood_exit end, uint32_t kind, int code, const char *file, int line);

/* The paths of harness/target.c and programs/odd.c, for any thread. */
extern char kit_target[PATH_MAX], kit_odd[PATH_MAX];

/* Copies a program into the test's directory, executable by every user. Returns `path`. */
const char *kit_copy_program(char *path, size_t size, const char *from, mode_t mode);

/* The kernel keeps the status of a process that somebody else has reaped (Linux 6.15). */
bool kit_keeps_statuses(void);

/* The process is in that state of /proc within the bound. */
bool kit_in_state(pid_t pid, const char *states);

/* May the test make namespaces and mounts: root, and not in a container that leaves it less? */
bool kit_is_admin(void);

/* A plain user that nothing else in the system runs as. */
uid_t kit_plain_user(void);

/* From here on the calling process gets `code` for the system call of that number. */
void kit_refuse_call(int number, int code);

/* Now, in nanoseconds of the monotonic clock. */
uint64_t kit_now_ns(void);

/* ------------------------------------------------------------------ a start in a thread of its
 * own */

struct kit_attempt {
    const struct brood_options *options;
    struct brood_child *child;
    struct brood_error error;
    int result;
    int64_t took_ms;
    pthread_t thread;
};

void kit_attempt_begin(struct kit_attempt *attempt, const struct brood_options *options);
void kit_attempt_end(struct kit_attempt *attempt); /* waits until the start has returned */

/* ------------------------------------------------------------------ an exec held open */

/* A program of its own whose exec waits until the test lets it go on (fanotify(7),
 * FAN_OPEN_EXEC_PERM). */
struct kit_stall {
    int group;
    int event_fd; /* of the exec that waits now, or -1 */
    char program[PATH_MAX];
};

/* Skips the test where the caller may not do that. */
void kit_stall_open(struct kit_stall *stall);
/* Waits until an exec is held; returns the pid, or -errno. */
pid_t kit_stall_wait(struct kit_stall *stall, int timeout_ms);
void kit_stall_let_go(struct kit_stall *stall);
void kit_stall_close(struct kit_stall *stall);

#endif
