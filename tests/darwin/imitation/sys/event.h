/* SPDX-License-Identifier: MIT */
/* What lib/os uses of macOS's <sys/event.h>, for imitation.c. */
#ifndef IMITATION_SYS_EVENT_H
#define IMITATION_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
    uintptr_t ident;
    int16_t filter;
    uint16_t flags;
    uint32_t fflags;
    intptr_t data;
    void *udata;
};

#define EV_SET(event, i, f, fl, ff, d, u)                                                          \
    (*(event) = (struct kevent){(i), (f), (fl), (ff), (d), (u)})
#define EVFILT_PROC (-5)
#define EVFILT_USER (-10)
#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define NOTE_TRIGGER 0x01000000U
#define NOTE_EXITSTATUS 0x04000000U
#define NOTE_EXEC 0x20000000U
#define NOTE_EXIT 0x80000000U
#define NOTE_PDATAMASK 0x000fffff

int kqueue(void);
int kevent(int queue, const struct kevent *changes, int change_count, struct kevent *events,
           int event_count, const struct timespec *timeout);

#endif
