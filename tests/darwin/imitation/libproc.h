/* SPDX-License-Identifier: MIT */
/* What lib/os uses of macOS's <libproc.h>, for imitation.c. */
#ifndef IMITATION_LIBPROC_H
#define IMITATION_LIBPROC_H

#include <stdint.h>

struct proc_fdinfo {
    int32_t proc_fd;
    uint32_t proc_fdtype;
};

enum { PROC_PIDLISTFDS = 1 };

int proc_pidinfo(int pid, int flavor, uint64_t argument, void *buffer, int size);

#endif
