/* SPDX-License-Identifier: MIT */
/* Between inject.c and filter.c: how the listener of the filter changes hands. */
#ifndef FILTER_H
#define FILTER_H

/* The prctl(2) option of the marks; the kernel knows none of this number. */
enum { FILTER_MARK = 0x42524f44 };

/* In the target: from here on every call is trapped. Returns 0 or -errno. Closes the socket. */
int filter_enter(int socket_fd);

/* In the supervisor: the listener, or -errno. */
int filter_receive(int socket_fd);

#endif
