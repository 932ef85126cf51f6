/* SPDX-License-Identifier: MIT */
/*
 * Calls whose form differs between systems; bd_os_pause_ns() of os.h is one more.
 *
 * Room os. Invariants: what is made is close-on-exec; numbers are as the system gives them.
 */
#ifndef BD_OS_RAW_H
#define BD_OS_RAW_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

int bd_os_raw_pipe(int ends[2]); /* {read, write}. 0 or -errno, as the next one */
int bd_os_raw_socket_pair(int ends[2]);

/* Writes a new file from its beginning on; its position stays there. 0 or -errno. All do it so. */
int bd_os_fill_file(int fd, const void *bytes, size_t length);

/* poll(2) until a deadline: its result, -1 with errno set. */
int bd_os_raw_poll(struct pollfd *polls, size_t count, int64_t deadline_ns);

#endif
