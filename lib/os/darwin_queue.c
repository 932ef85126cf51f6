/* SPDX-License-Identifier: MIT */
/*
 * The end of a process as something that poll(2) waits for.
 *
 * Room os. Beside the end, the queue holds an event of our own, the mark, numbered as the process.
 * It is set off when the end has come already, and it tells our queue from whatever else has its
 * number in a forked copy of the program: a kqueue is not inherited.
 */
#include "darwin_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <time.h>

static int change_queue(int queue, struct os_process process, int16_t filter, uint16_t flags,
                        uint32_t words)
{
    struct kevent change;
    EV_SET(&change, (uintptr_t)process.pid, filter, flags, words, 0, NULL);
    return kevent(queue, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

static int set_off_mark(struct os_process process)
{
    return change_queue(process.pidfd, process, EVFILT_USER, 0, NOTE_TRIGGER);
}

int bd_os_queue_open(void)
{
    int queue = bd_os_lift(kqueue());
    if (queue >= 0)
        (void)fcntl(queue, F_SETFD, FD_CLOEXEC); /* fork leaves it behind in any case */
    return queue;
}

int bd_os_queue_attach(struct os_process process)
{
    int result = change_queue(process.pidfd, process, EVFILT_USER, EV_ADD, 0);
    if (result < 0)
        return result;
    result = change_queue(process.pidfd, process, EVFILT_PROC, EV_ADD, NOTE_EXIT | NOTE_EXITSTATUS);
    if (result == -EACCES) /* it has taken another user's ids already */
        result = change_queue(process.pidfd, process, EVFILT_PROC, EV_ADD, NOTE_EXIT);
    return result == -ESRCH ? set_off_mark(process) : result;
}

bool bd_os_queue_take_status(struct os_process process, int *ret_wait_status)
{
    struct kevent events[2];
    const struct timespec now = {0};
    bool found = false;
    if (process.pidfd < 0)
        return false;
    int count = kevent(process.pidfd, NULL, 0, events, 2, &now);
    for (int i = 0; i < count; i++) {
        if (events[i].filter != EVFILT_PROC || !(events[i].fflags & NOTE_EXITSTATUS))
            continue;
        *ret_wait_status = (int)(events[i].data & NOTE_PDATAMASK);
        found = true;
    }
    (void)set_off_mark(process);
    return found;
}

void bd_os_process_close(struct os_process process)
{
    if (process.pidfd >= 0 && change_queue(process.pidfd, process, EVFILT_USER, EV_DELETE, 0) == 0)
        bd_os_close(process.pidfd);
}
