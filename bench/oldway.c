/* SPDX-License-Identifier: MIT */
/*
 * The old start sequence, step by step, defects included (see oldway.h). It belongs to bench/.
 *
 * Peak of a start: 10 descriptors (four pipes and the event pipe); steady: 5. So it needs 10 free
 * ones, is refused harmlessly below 8, and with 8 or 9 strands a child every time: the four pipes
 * fit, the fork succeeds, the event pipe does not fit.
 *
 * Invariant: nothing here is repaired. Comments marked DEFECT say what a sound start does instead.
 */
#include "oldway.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct pipe_ends {
    int read, write;
};

/* The pipes of one start. read_in will carry the child's standard output, and before that carries
 * the go byte to the child: it waits on the very pipe that it will later write to. */
struct start_pipes {
    struct pipe_ends exec_control, read_in, read_err, write_out;
};

struct registration {
    pid_t pid;
    int event_write_fd;
    struct registration *next;
};

/* What the starts and the waiting thread share. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t waiter;
    bool waiter_runs, ending;
    long process_count;
    struct registration *registrations;
} old = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void close_both(struct pipe_ends *ends)
{
    close_end(&ends->read);
    close_end(&ends->write);
}

static void close_start_pipes(struct start_pipes *pipes)
{
    close_both(&pipes->exec_control);
    close_both(&pipes->read_in);
    close_both(&pipes->read_err);
    close_both(&pipes->write_out);
}

static int make_pipe(struct pipe_ends *ends)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return errno;
    *ends = (struct pipe_ends){.read = fds[0], .write = fds[1]};
    return 0;
}

static int make_start_pipes(struct start_pipes *pipes)
{
    const struct pipe_ends none = {.read = -1, .write = -1};
    *pipes = (struct start_pipes){none, none, none, none};
    int code = make_pipe(&pipes->exec_control);
    if (code == 0)
        code = make_pipe(&pipes->read_in);
    if (code == 0)
        code = make_pipe(&pipes->read_err);
    if (code == 0)
        code = make_pipe(&pipes->write_out);
    if (code != 0)
        close_start_pipes(pipes);
    return code;
}

static ssize_t read_retry(int fd, void *data, size_t size)
{
    ssize_t got;
    do
        got = read(fd, data, size);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The child, from fork to exec. */
static _Noreturn void be_the_child(const struct oldway_request *request, struct start_pipes *pipes)
{
    /* DEFECT: read_in.write is open here too, so this read can never see end-of-file, whatever
     * becomes of the parent. A sound child closes it first, or waits for nothing. */
    char go;
    if (read_retry(pipes->read_in.read, &go, 1) != 1) {
        perror("Failed receiving notification message");
        _exit(1);
    }
    bool ready = dup2(pipes->write_out.read, STDIN_FILENO) >= 0 &&
                 dup2(pipes->read_in.write, STDOUT_FILENO) >= 0 &&
                 dup2(pipes->read_err.write, STDERR_FILENO) >= 0 &&
                 (request->cwd == NULL || chdir(request->cwd) == 0);
    if (ready) {
        /* DEFECT: signal mask and ignored signals of the parent go on into the program. */
        union {
            char *const *given;
            char **wanted;
        } env = {.given = request->env};
        environ = env.wanted;
        (void)execvp(request->argv[0], request->argv);
    }
    int code = errno;
    ssize_t told = write(pipes->exec_control.write, &code, sizeof code);
    _exit(told == (ssize_t)sizeof code ? 1 : 2);
}

/* Takes the registration of a pid out of the list; its event pipe's write end, or -1. */
static int unregister(pid_t pid)
{
    int event_write_fd = -1;
    pthread_mutex_lock(&old.lock);
    for (struct registration **at = &old.registrations; *at != NULL; at = &(*at)->next) {
        if ((*at)->pid != pid)
            continue;
        struct registration *found = *at;
        *at = found->next;
        event_write_fd = found->event_write_fd;
        free(found);
        old.process_count--;
        break;
    }
    pthread_mutex_unlock(&old.lock);
    return event_write_fd;
}

/* The waiting thread. DEFECT: it takes the status of every child of the program, also of those
 * that other code started and now waits for in vain. */
static void *wait_for_any(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&old.lock);
        while (!old.ending && old.process_count == 0)
            pthread_cond_wait(&old.changed, &old.lock);
        bool ending = old.ending;
        pthread_mutex_unlock(&old.lock);
        if (ending)
            return NULL;

        int status;
        pid_t pid = wait(&status);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0) /* ECHILD: the old runtime aborts the whole program here */
            return NULL;
        int event_write_fd = unregister(pid);
        if (event_write_fd < 0)
            continue;
        ssize_t told = write(event_write_fd, &status, sizeof status);
        (void)told; /* a pipe just made has room for four bytes */
        (void)close(event_write_fd);
    }
}

/* The count goes up and the waiting thread begins. */
static void note_started(void)
{
    pthread_mutex_lock(&old.lock);
    old.process_count++;
    if (!old.waiter_runs)
        old.waiter_runs = pthread_create(&old.waiter, NULL, wait_for_any, NULL) == 0;
    pthread_cond_signal(&old.changed);
    pthread_mutex_unlock(&old.lock);
}

/* Makes the event pipe and enters the child. Returns 0 and the read end, or errno. */
static int register_child(pid_t pid, int *event_read_fd)
{
    struct pipe_ends event = {.read = -1, .write = -1};
    int code = make_pipe(&event);
    if (code != 0)
        return code;
    struct registration *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        close_both(&event);
        return ENOMEM;
    }
    pthread_mutex_lock(&old.lock);
    *entry =
        (struct registration){.pid = pid, .event_write_fd = event.write, .next = old.registrations};
    old.registrations = entry;
    pthread_mutex_unlock(&old.lock);
    *event_read_fd = event.read;
    return 0;
}

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Lets the child go and waits until its exec has succeeded (end-of-file) or failed (an errno). */
static int release_child(struct start_pipes *pipes)
{
    /* DEFECT: the parent holds read_in.read as well, so a child that has died in the meantime is
     * not noticed here: no EPIPE, and "started" is reported. */
    if (write(pipes->read_in.write, "g", 1) != 1)
        return errno;
    close_end(&pipes->exec_control.write);
    int code = 0;
    ssize_t got = read_retry(pipes->exec_control.read, &code, sizeof code);
    return got == (ssize_t)sizeof code ? code : 0;
}

int oldway_start(const struct oldway_request *request, struct oldway_child *ret)
{
    struct start_pipes pipes;
    int code = make_start_pipes(&pipes);
    if (code != 0)
        return code;
    pid_t pid = fork();
    if (pid == 0)
        be_the_child(request, &pipes);
    if (pid < 0) {
        code = errno;
        close_start_pipes(&pipes);
        return code;
    }

    note_started();
    int exit_fd = -1;
    code = register_child(pid, &exit_fd);
    if (code != 0) {
        /* DEFECT: the child exists and waits. It is not killed, not reaped, and still counted. A
         * sound start makes everything that can fail before the process, or undoes the process. */
        close_start_pipes(&pipes);
        return code;
    }
    code = release_child(&pipes);
    if (code != 0) {
        close_end(&exit_fd);
        close_start_pipes(&pipes);
        return code;
    }
    *ret = (struct oldway_child){.pid = pid,
                                 .in_fd = pipes.write_out.write,
                                 .out_fd = pipes.read_in.read,
                                 .err_fd = pipes.read_err.read,
                                 .exit_fd = exit_fd};
    set_nonblocking(ret->in_fd);
    set_nonblocking(ret->out_fd);
    set_nonblocking(ret->err_fd);
    pipes.write_out.write = pipes.read_in.read = pipes.read_err.read = -1;
    close_start_pipes(&pipes);
    return 0;
}

int oldway_finish(struct oldway_child *child, int *status)
{
    ssize_t got = read_retry(child->exit_fd, status, sizeof *status);
    int result = got < 0 ? -errno : got == (ssize_t)sizeof *status ? 0 : -EPIPE;
    close_end(&child->in_fd);
    close_end(&child->out_fd);
    close_end(&child->err_fd);
    close_end(&child->exit_fd);
    return result;
}

void oldway_shutdown(void)
{
    if (!old.waiter_runs)
        return;
    pthread_mutex_lock(&old.lock);
    old.ending = true;
    pthread_cond_signal(&old.changed);
    pthread_mutex_unlock(&old.lock);
    pid_t waker = fork();
    if (waker == 0)
        _exit(0);
    /* DEFECT: where this fork is refused, the old runtime waits here until some child ends, which
     * a stranded one never does. The fixture leaves the thread instead, to stay bounded. */
    if (waker < 0)
        return;
    pthread_join(old.waiter, NULL);
    (void)waitpid(waker, NULL, 0); /* nobody's, when the thread was not in wait(2) */
    old.waiter_runs = old.ending = false;
}
