/* SPDX-License-Identifier: MIT */
/*
 * Passing the command's output on (--drain, --pty). Room cli.
 *
 * One thread for each stream, so that a reader of ours that is slow blocks that stream alone: not
 * the other one, not the timeout, not a signal. (O_NONBLOCK is not ours to set: it belongs to the
 * description that others share with us.) Invariant: to the command a lane behaves as our own
 * stream would; when our reader goes away the pipe is closed, and the command finds out as it
 * would have directly.
 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LANE_BUFFER = 65536 };
#define NO_END UINT64_MAX

/* Returns 0 or -errno. Somebody may have made our stream non-blocking: then wait for room. */
static int write_whole(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written >= 0) {
            data += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            (void)poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* Passes one piece on, of at most `left` bytes. LANE_RUNNING: there may be more. */
static enum lane_state pass_piece(struct lane *lane, char *buffer, uint64_t *left)
{
    ssize_t length = read(lane->in, buffer, *left < LANE_BUFFER ? (size_t)*left : LANE_BUFFER);
    if (length == 0)
        return LANE_ENDED;
    if (length < 0) {
        lane->code = errno;
        if (errno == EIO && lane->source == LANE_FROM_TERMINAL)
            return LANE_ENDED; /* nobody has it open any more */
        return errno == EINTR || errno == EAGAIN ? LANE_RUNNING : LANE_FAILED;
    }
    if (*left != NO_END)
        *left -= (uint64_t)length;
    lane->code = -write_whole(lane->out, buffer, (size_t)length);
    if (lane->code == 0)
        return LANE_RUNNING;
    return lane->code == EPIPE ? LANE_READER_GONE : LANE_FAILED;
}

/* How much is left to pass on when told to stop: all of it if no writer is left, for that has an
 * end; else what has been written until now. */
static uint64_t left_at_stop(const struct lane *lane)
{
    struct pollfd writers = {.fd = lane->in, .events = POLLIN};
    int there = 0;
    if (poll(&writers, 1, 0) == 1 && writers.revents & POLLHUP)
        return NO_END;
    return ioctl(lane->in, FIONREAD, &there) == 0 && there > 0 ? (uint64_t)there : 0;
}

static enum lane_state pass_all(struct lane *lane)
{
    char buffer[LANE_BUFFER];
    uint64_t left = NO_END;
    bool stopping = false;
    enum lane_state state = LANE_RUNNING;
    while (state == LANE_RUNNING && left > 0) {
        /* No events asked of `out`: it reports by itself that its reader is gone. */
        struct pollfd fds[3] = {{.fd = lane->in, .events = POLLIN},
                                {.fd = lane->out},
                                {.fd = stopping ? -1 : lane->stop_fd, .events = POLLIN}};
        if (poll(fds, 3, -1) < 0 && errno != EINTR) {
            lane->code = errno;
            return LANE_FAILED;
        }
        if (fds[1].revents & (POLLERR | POLLHUP))
            return LANE_READER_GONE;
        if (fds[2].revents) {
            stopping = true;
            left = left_at_stop(lane);
        } else if (fds[0].revents) {
            state = pass_piece(lane, buffer, &left);
        }
    }
    return state == LANE_RUNNING ? LANE_HELD : state;
}

static void *lane_run(void *void_lane)
{
    struct lane *lane = void_lane;
    while (sem_wait(&lane->go) < 0)
        continue; /* EINTR */
    if (lane->in < 0)
        return NULL;
    enum lane_state state = pass_all(lane);
    (void)close(lane->in);
    (void)close(lane->out);
    atomic_store(&lane->state, (int)state);
    (void)eventfd_write(lane->event_fd, 1);
    return NULL;
}

static int open_lane(struct relay *relay, struct lane *lane, enum lane_source source, int fd)
{
    lane->stop_fd = relay->stop_fd;
    lane->event_fd = relay->event_fd;
    lane->source = source;
    lane->in = -1;
    lane->out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    /* The terminal's end stays the child's, which tells it its size; ours is a copy. This holds the
     * number for it, so that none can be missing then. */
    if (source == LANE_FROM_TERMINAL)
        lane->in = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (lane->out < 0 || (source == LANE_FROM_TERMINAL && lane->in < 0) ||
        sem_init(&lane->go, 0, 0) < 0)
        return -errno;
    int code = pthread_create(&lane->thread, NULL, lane_run, lane);
    if (code == 0)
        atomic_store(&lane->state, LANE_RUNNING);
    return -code;
}

int relay_open(struct relay *relay, enum lane_source out, enum lane_source err)
{
    *relay = (struct relay){
        .stop_fd = eventfd(0, EFD_CLOEXEC),
        .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    if (relay->stop_fd < 0 || relay->event_fd < 0)
        return -errno;
    int code = out ? open_lane(relay, &relay->lanes[0], out, STDOUT_FILENO) : 0;
    if (code == 0 && err)
        code = open_lane(relay, &relay->lanes[1], err, STDERR_FILENO);
    return code;
}

/* Gives the lane what it reads from: -1 without a child. */
static void connect_lane(struct lane *lane, struct brood_child *child, uint32_t stream)
{
    if (child && lane->source == LANE_FROM_PIPE)
        lane->in = brood_child_take_stream(child, stream);
    if (lane->source == LANE_FROM_PIPE)
        return;
    int fd = child ? brood_child_stream(child, stream) : -1;
    if (fd < 0 || dup3(fd, lane->in, O_CLOEXEC) < 0) {
        (void)close(lane->in);
        lane->in = -1;
    }
}

void relay_go(struct relay *relay, struct brood_child *child)
{
    static const uint32_t streams[2] = {BROOD_OUT, BROOD_ERR};
    for (int i = 0; i < 2; i++) {
        struct lane *lane = &relay->lanes[i];
        if (lane->state == LANE_UNUSED)
            continue;
        connect_lane(lane, child, streams[i]);
        if (lane->in < 0)
            lane->state = LANE_ENDED;
        (void)sem_post(&lane->go);
    }
}

bool relay_is_over(struct relay *relay)
{
    eventfd_t count = 0;
    (void)eventfd_read(relay->event_fd, &count);
    return relay_find(relay, LANE_RUNNING) < 0;
}

void relay_stop(struct relay *relay)
{
    (void)eventfd_write(relay->stop_fd, 1);
}

int relay_find(struct relay *relay, enum lane_state state)
{
    for (int i = 0; i < 2; i++) {
        if (atomic_load(&relay->lanes[i].state) == (int)state)
            return i;
    }
    return -1;
}

void relay_done(struct relay *relay)
{
    for (int i = 0; i < 2; i++) {
        struct lane *lane = &relay->lanes[i];
        int state = atomic_load(&lane->state);
        if (state == LANE_UNUSED || state == LANE_RUNNING)
            continue;
        (void)pthread_join(lane->thread, NULL);
        (void)sem_destroy(&lane->go);
        if (lane->in < 0)
            (void)close(lane->out); /* it never began */
    }
    if (relay_find(relay, LANE_RUNNING) >= 0)
        return;
    (void)close(relay->stop_fd);
    (void)close(relay->event_fd);
}
