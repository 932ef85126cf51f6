/* SPDX-License-Identifier: MIT */
/*
 * Streams that lead to a FIFO. Room cli.
 *
 * Invariant: the wait is bounded by the start timeout, and ended by any signal that ends a program.
 */
#include "fifo.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* It only has to interrupt open(2). */
static void on_alarm(int number)
{
    (void)number;
}

/* The timer ticks on after its first time: a tick that comes just before open(2) begins is lost. */
static int open_until(int folder_fd, const char *path, int flags, int64_t deadline_ns)
{
    int fd = -1;
    do {
        fd = openat(folder_fd, path, flags | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR && (deadline_ns == 0 || watch_now() < deadline_ns));
    if (fd < 0)
        return errno == EINTR ? -ETIMEDOUT : -errno;
    return fd;
}

int fifo_open(int folder_fd, const char *path, int flags, int64_t deadline_ns)
{
    struct sigaction before, alarm_action = {.sa_handler = on_alarm};
    if (deadline_ns == 0)
        return open_until(folder_fd, path, flags, 0);
    int64_t left_us = (deadline_ns - watch_now()) / 1000 + 1;
    if (left_us < 1)
        left_us = 1;
    struct itimerval off = {0},
                     on = {
                         .it_value = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000},
                         .it_interval = {.tv_usec = 50000},
                     };
    if (sigaction(SIGALRM, &alarm_action, &before) < 0 || setitimer(ITIMER_REAL, &on, NULL) < 0)
        return -errno;
    int fd = open_until(folder_fd, path, flags, deadline_ns);
    (void)setitimer(ITIMER_REAL, &off, NULL);
    (void)sigaction(SIGALRM, &before, NULL);
    return fd;
}

static bool is_fifo(int folder_fd, const char *path)
{
    struct stat status;
    return fstatat(folder_fd, path, &status, 0) == 0 && S_ISFIFO(status.st_mode);
}

static int open_streams(struct brood_options *options, int folder_fd, int64_t deadline_ns,
                        const char **ret_path)
{
    struct brood_stream *const streams[3] = {&options->in, &options->out, &options->err};
    for (int i = BROOD_IN; i <= BROOD_ERR; i++) {
        struct brood_stream *stream = streams[i];
        if (stream->kind != BROOD_FILE || !is_fifo(folder_fd, stream->path))
            continue;
        int fd =
            fifo_open(folder_fd, stream->path, i == BROOD_IN ? O_RDONLY : O_WRONLY, deadline_ns);
        if (fd == -ETIMEDOUT) {
            *ret_path = stream->path;
            return fd;
        }
        if (fd >= 0)
            *stream = (struct brood_stream){.kind = BROOD_FD, .fd = fd};
    }
    return 0;
}

int64_t fifo_deadline(const struct brood_options *options, int64_t began_ns)
{
    int64_t bound_ms = options->start_timeout_ms;
    return bound_ms > 0 ? began_ns + bound_ms * WATCH_NS_PER_MS : 0;
}

int fifo_open_streams(struct brood_options *options, int64_t began_ns, struct brood_error *reterr)
{
    int64_t bound_ms = options->start_timeout_ms;
    int folder_fd = AT_FDCWD;
    if (options->cwd)
        folder_fd = open(options->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd == -1)
        return 0; /* the start says why */
    const char *path = "";
    int code = open_streams(options, folder_fd, fifo_deadline(options, began_ns), &path);
    if (options->cwd)
        (void)close(folder_fd);
    if (bound_ms > 0) {
        int64_t passed_ms = (watch_now() - began_ns) / WATCH_NS_PER_MS;
        options->start_timeout_ms = passed_ms < bound_ms ? bound_ms - passed_ms : 1;
    }
    if (code < 0) {
        *reterr = (struct brood_error){.stage = BROOD_STAGE_OPEN, .code = -code, .number = -1};
        (void)snprintf(reterr->program, sizeof reterr->program, "%s", options->argv[0]);
        (void)snprintf(reterr->subject, sizeof reterr->subject, "%s", path);
    }
    return code;
}

void fifo_close_streams(struct brood_options *options)
{
    struct brood_stream *const streams[3] = {&options->in, &options->out, &options->err};
    for (int i = BROOD_IN; i <= BROOD_ERR; i++) {
        if (streams[i]->kind != BROOD_FD || streams[i]->fd <= BROOD_ERR)
            continue;
        (void)close(streams[i]->fd);
        *streams[i] = (struct brood_stream){0};
    }
}
