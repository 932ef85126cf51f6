/* SPDX-License-Identifier: MIT */
/*
 * The old way: a start sequence that loses children, kept to be measured and never to be used.
 *
 * It does what shipped runtimes have done: pipes, fork, a child that waits for a go byte on a pipe
 * whose write end it holds itself, and only then the registration, which needs two descriptors
 * more. Without them the start is refused and its descriptors are closed, but the child is neither
 * killed nor reaped: it sleeps for ever. bench/burst and examples/reproduction link this one copy.
 */
#ifndef OLDWAY_H
#define OLDWAY_H

#include <sys/types.h>

struct oldway_request {
    char *const *argv; /* argv[0] is looked up in PATH of `env` */
    char *const *env;
    const char *cwd; /* NULL: the caller's */
};

/* A started child: five descriptors in all, the fifth (the write end of `exit_fd`) is kept inside
 * until the child has ended. */
struct oldway_child {
    pid_t pid;
    int in_fd, out_fd, err_fd; /* our ends of the streams, non-blocking; -1 once closed */
    int exit_fd;               /* readable once the child has ended */
};

/* Returns 0, or the errno of a refused start. A refused start may have left a child behind: that
 * is the defect shown here. */
int oldway_start(const struct oldway_request *request, struct oldway_child *ret);

/* The wait status of an ended child (exit_fd was readable); closes what is left of it. Returns 0 or
 * -errno. */
int oldway_finish(struct oldway_child *child, int *status);

/* Ends the waiting thread the way the old runtime did, at the exit of the program: a fork only to
 * wake wait(2). Children that still run are left alone. */
void oldway_shutdown(void);

#endif
