/* SPDX-License-Identifier: MIT */
/*
 * The laboratory: what tests of processes need again and again. A directory that is removed after
 * the test, the helper program (target.c), bounded reads, files, descriptors made scarce.
 *
 * Invariant: every wait takes a bound in milliseconds; a failure is a return value, never a CHECK.
 */
#ifndef LAB_H
#define LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The directory of this test: made at the first call, removed with its content after the test. */
const char *lab_directory(void);

/* Writes `lab_directory()/name` into `path`. Returns path. */
char *lab_path(char *path, size_t size, const char *name);

/* The program to start: target.c, an absolute path. `target help` lists its words. */
const char *lab_child_program(void);

/* A program that the build made, by its path below the build's tests directory, such as
 * "harness/seeded". Returns `path`. */
char *lab_built_program(char *path, size_t size, const char *name);

/* A file below /proc, wherever that is for the tests (place.h), until the thread's next call. */
const char *lab_proc(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes a whole file; mode 0755 makes it a program. Returns 0 or -errno. */
int lab_write_file(const char *path, const void *data, size_t length, mode_t mode);

/* Reads a whole file and ends it with NUL, cut off at size - 1. Returns the length or -errno. */
ssize_t lab_read_file(const char *path, char *data, size_t size);

/* Reads from a descriptor until end-of-file, size - 1 bytes or the bound; ends with NUL. Returns
 * the length, or -ETIMEDOUT or another -errno (what was read is in `data` all the same). */
ssize_t lab_read_all(int fd, char *data, size_t size, int timeout_ms);

/* Reads one line byte by byte, without its newline. Returns its length, -EPIPE at end-of-file
 * before a newline, -ETIMEDOUT or another -errno. */
ssize_t lab_read_line(int fd, char *line, size_t size, int timeout_ms);

/* Waits until the process is gone or a zombie. Returns 0, or -ETIMEDOUT. For processes that are not
 * children of the test: an orphan which the test means to outlive must be waited for so. */
int lab_wait_gone(pid_t pid, int timeout_ms);

/* The state letter of a process as /proc has it (R S D Z T ...), 0 when there is none. */
char lab_process_state(pid_t pid);

/* Number of open descriptors of the calling process. */
int lab_count_fds(void);

/*
 * Makes descriptors scarce: exactly `free_fds` more can be opened, all others stay usable. Lowers
 * the soft limit and fills holes among the used numbers, so take a snapshot after it, not before.
 * Returns the old soft limit for lab_restore_fds, or -errno. For up to AUDIT_FDS open descriptors.
 */
long lab_leave_fds(unsigned free_fds);
int lab_restore_fds(long soft_limit);

/* From here on the calling process is that user, and of the group of the same number alone. Who is
 * not root stays who it is. 0 or -errno. */
int lab_become(uid_t user);

/* From here on nobody else sees what the calling process mounts. 0 or -errno. */
int lab_own_mounts(void);

/* Monotonic clock, milliseconds. For bounds and notes; never sleep on it. */
int64_t lab_now_ms(void);

#endif
