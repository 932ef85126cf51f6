/* SPDX-License-Identifier: MIT */
/*
 * Passing our standard input on to the command's terminal (--pty). Room cli.
 *
 * A thread of its own, as a command that does not read must not keep us from its output, from
 * signals or from a timeout. Invariant: it never waits but in poll(2), where it can be told to
 * stop.
 */
#include "feeder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { FEED_BUFFER = 4096, END_CHARACTER = 4, END_LOOK_MS = 100 };

/* Waits until `fd` is ready. False: told to stop. */
static bool wait_ready(const struct feed *feed, int fd, short events)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = events},
                                {.fd = feed->stop_fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return false;
        if (fds[1].revents)
            return false;
        if (fds[0].revents)
            return true;
    }
}

static bool stopped_within(const struct feed *feed, int ms)
{
    struct pollfd stop = {.fd = feed->stop_fd, .events = POLLIN};
    return poll(&stop, 1, ms) > 0;
}

/* The terminal's end does not block, see settle.c. */
static bool pass_whole(const struct feed *feed, const char *data, size_t length)
{
    while (length > 0) {
        if (!wait_ready(feed, feed->out, POLLOUT))
            return false;
        ssize_t written = write(feed->out, data, length);
        if (written < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (written > 0) {
            data += written;
            length -= (size_t)written;
        }
    }
    return true;
}

/* Has the command read all that was passed on? Asked at the terminal itself, which is open for a
 * moment: as long as anybody has it open, its end cannot be seen. */
static bool has_taken_all(const struct feed *feed)
{
    int terminal = ioctl(feed->out, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return true;
    struct pollfd unread = {.fd = terminal, .events = POLLIN};
    bool all = poll(&unread, 1, 0) == 0;
    (void)close(terminal);
    return all;
}

/* At the beginning of a line the character is the end; within one it only hands the line over, so
 * there it takes two. */
static bool pass_end(const struct feed *feed, const struct termios *modes, bool within_line)
{
    char end = (char)modes->c_cc[VEOF];
    if (end == _POSIX_VDISABLE)
        end = END_CHARACTER;
    const char ends[2] = {end, end};
    return pass_whole(feed, ends, within_line ? 2 : 1);
}

/* A terminal knows no closing: its end-of-file is a character, and good for one read. So that the
 * input stays at its end, another one follows whenever one has been read; where the command reads
 * keys and not lines only one, since there it is a key as others are. */
static void pass_ends(const struct feed *feed, bool within_line)
{
    bool passed_key = false;
    do {
        struct termios modes = {.c_lflag = ICANON, .c_cc[VEOF] = END_CHARACTER};
        (void)tcgetattr(feed->out, &modes);
        bool by_line = (modes.c_lflag & ICANON) != 0;
        if (!has_taken_all(feed) || (!by_line && passed_key))
            continue;
        if (!pass_end(feed, &modes, within_line && by_line))
            return;
        within_line = false;
        passed_key = !by_line;
    } while (!stopped_within(feed, END_LOOK_MS));
}

static void pass_input(const struct feed *feed)
{
    char buffer[FEED_BUFFER];
    bool within_line = false;
    while (wait_ready(feed, feed->in, POLLIN)) {
        ssize_t length = read(feed->in, buffer, sizeof buffer);
        if (length < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (length <= 0) {
            pass_ends(feed, within_line);
            return;
        }
        if (!pass_whole(feed, buffer, (size_t)length))
            return;
        within_line = buffer[length - 1] != '\n';
    }
}

static void *feed_run(void *void_feed)
{
    struct feed *feed = void_feed;
    while (sem_wait(&feed->go) < 0)
        continue; /* EINTR */
    if (feed->out >= 0)
        pass_input(feed);
    return NULL;
}

int feed_open(struct feed *feed)
{
    *feed = (struct feed){.in = -1, .out = -1, .stop_fd = eventfd(0, EFD_CLOEXEC)};
    if (feed->stop_fd < 0)
        return -errno;
    feed->in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    /* It holds the number for the other end, so that none can be missing then. */
    feed->out = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (feed->in < 0 || feed->out < 0 || sem_init(&feed->go, 0, 0) < 0)
        return -errno;
    int code = pthread_create(&feed->thread, NULL, feed_run, feed);
    feed->made = code == 0;
    return -code;
}

void feed_go(struct feed *feed, int fd)
{
    if (!feed->made)
        return;
    if (fd < 0 || dup3(fd, feed->out, O_CLOEXEC) < 0) {
        (void)close(feed->out);
        feed->out = -1;
    }
    (void)sem_post(&feed->go);
}

void feed_done(struct feed *feed)
{
    if (feed->made) {
        (void)eventfd_write(feed->stop_fd, 1);
        (void)pthread_join(feed->thread, NULL);
        (void)sem_destroy(&feed->go);
    }
    int *const fds[] = {&feed->in, &feed->out, &feed->stop_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (*fds[i] >= 0)
            (void)close(*fds[i]);
        *fds[i] = -1;
    }
    feed->made = false;
}
