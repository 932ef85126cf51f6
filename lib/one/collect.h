/* SPDX-License-Identifier: MIT */
/*
 * Output that grows in memory, up to a limit.
 *
 * Room one. Invariants: `fd` is owned, and -1 once the stream has ended; `length` is never above
 * `limit`; there is always room for a zero byte after the end.
 */
#ifndef BD_ONE_COLLECT_H
#define BD_ONE_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood.h>

struct bd_collector {
    int fd;
    unsigned char *bytes; /* NULL: nothing is collected */
    size_t length, room;
    uint64_t limit;
    bool discards;   /* past the limit: read on and throw away */
    bool over_limit; /* something was thrown away, or the stream closed, for the limit */
    bool grown;      /* the pipe has been asked to be larger */
};

int bd_collector_init(struct bd_collector *collector, const struct brood_stream *stream);

/* One read of a stream that is ready. 0, or -ENOMEM, -errno. */
int bd_collector_read(struct bd_collector *collector);

/* What is there now, however much comes after. Notices an end that is there too. */
int bd_collector_read_pending(struct bd_collector *collector);

/* The bytes, now the caller's to free(); NULL if nothing was to be collected. */
void *bd_collector_take(struct bd_collector *collector, size_t *ret_length);

void bd_collector_done(struct bd_collector *collector);

#endif
