/* SPDX-License-Identifier: MIT */
/*
 * Reads a child's output into memory.
 *
 * Room one. The buffer doubles; the pipe is made larger only once a read has filled it, since a
 * plain user has few large pipes to spend. Invariant: see collect.h.
 */
#include "collect.h"

#include <errno.h>
#include <stdlib.h>

#include "../os/os.h"

enum { FIRST_ROOM = 8192, PIPE_BYTES = 65536, LARGE_PIPE_BYTES = 1048576, SCRATCH_BYTES = 16384 };

int bd_collector_init(struct bd_collector *collector, const struct brood_stream *stream)
{
    *collector = (struct bd_collector){.fd = -1};
    if (stream->kind != BROOD_MEMORY)
        return 0;
    collector->limit = stream->output_limit ? stream->output_limit : UINT64_MAX;
    collector->discards = stream->flags & BROOD_OUTPUT_DISCARD;
    collector->bytes = malloc(FIRST_ROOM);
    collector->room = FIRST_ROOM;
    return collector->bytes ? 0 : -ENOMEM;
}

void bd_collector_done(struct bd_collector *collector)
{
    bd_os_close(bd_os_take(&collector->fd));
    free(collector->bytes);
    collector->bytes = NULL;
}

static int make_room(struct bd_collector *collector)
{
    if (collector->room - collector->length > 1)
        return 0;
    if (collector->room > SIZE_MAX / 2)
        return -ENOMEM;
    unsigned char *larger = realloc(collector->bytes, collector->room * 2);
    if (!larger)
        return -ENOMEM;
    collector->bytes = larger;
    collector->room *= 2;
    return 0;
}

static void note_count(struct bd_collector *collector, ssize_t count)
{
    if (count == 0) {
        bd_os_close(bd_os_take(&collector->fd));
    } else if (count >= PIPE_BYTES && !collector->grown) {
        (void)bd_os_grow_pipe(collector->fd, LARGE_PIPE_BYTES);
        collector->grown = true;
    }
}

/* The limit is met. One read tells whether the stream goes beyond it. */
static int read_beyond_limit(struct bd_collector *collector)
{
    char scratch[SCRATCH_BYTES];
    ssize_t count = bd_os_read(collector->fd, scratch, sizeof scratch);
    if (count < 0)
        return count == -EAGAIN ? 0 : (int)count;
    note_count(collector, count);
    if (count == 0)
        return 0;
    collector->over_limit = true;
    if (!collector->discards)
        bd_os_close(bd_os_take(&collector->fd)); /* the child gets EPIPE or SIGPIPE */
    return 0;
}

static int read_at_most(struct bd_collector *collector, size_t most)
{
    uint64_t left = collector->limit - collector->length;
    if (left == 0)
        return read_beyond_limit(collector);
    int result = make_room(collector);
    if (result < 0)
        return result;
    size_t room = collector->room - collector->length - 1; /* the zero byte */
    if (room > left)
        room = (size_t)left;
    if (room > most)
        room = most;
    ssize_t count = bd_os_read(collector->fd, collector->bytes + collector->length, room);
    if (count < 0)
        return count == -EAGAIN ? 0 : (int)count;
    collector->length += (size_t)count;
    note_count(collector, count);
    return 0;
}

int bd_collector_read(struct bd_collector *collector)
{
    return read_at_most(collector, SIZE_MAX);
}

int bd_collector_read_pending(struct bd_collector *collector)
{
    int64_t pending = collector->fd >= 0 ? bd_os_pending(collector->fd) : 0;
    while (pending > 0 && collector->fd >= 0) {
        size_t before = collector->length;
        bool keeps = collector->length < collector->limit;
        int result = read_at_most(collector, (size_t)pending);
        if (result < 0)
            return result;
        pending -= keeps ? (int64_t)(collector->length - before) : SCRATCH_BYTES;
    }
    struct os_watch watch = {.fd = collector->fd};
    if (collector->fd >= 0 && bd_os_watch(&watch, 1, 0) > 0 && bd_os_pending(collector->fd) == 0)
        return bd_collector_read(collector);
    return 0;
}

void *bd_collector_take(struct bd_collector *collector, size_t *ret_length)
{
    unsigned char *bytes = collector->bytes;
    if (bytes)
        bytes[collector->length] = '\0';
    *ret_length = collector->length;
    collector->bytes = NULL;
    return bytes;
}
