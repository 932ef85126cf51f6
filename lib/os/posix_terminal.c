/* SPDX-License-Identifier: MIT */
/*
 * Terminals: a pseudoterminal for a child, and the foreground group of the caller's own.
 *
 * Room os. Invariants: nothing here becomes anybody's controlling terminal; SIGTTOU is neither
 * raised nor left pending; what is made is close-on-exec and not below 3.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "pty_peer.h"

/* ------------------------------------------------------------------ a pseudoterminal */

/* The terminal, with its size: some systems know of none before it is open. */
static int open_terminal(int master, uint16_t rows, uint16_t columns)
{
    if (grantpt(master) < 0 || unlockpt(master) < 0)
        return -errno;
    int terminal = bd_os_terminal_of(master);
    if (terminal < 0)
        return terminal;
    int result = bd_os_pty_resize(master, rows, columns);
    if (result == 0)
        return terminal;
    bd_os_close(terminal);
    return result;
}

int bd_os_pty_open(uint16_t rows, uint16_t columns, struct os_pair *ret)
{
    int master = bd_os_lift(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (master < 0)
        return master;
    int terminal = open_terminal(master, rows, columns);
    if (terminal < 0) {
        bd_os_close(master);
        return terminal;
    }
    *ret = (struct os_pair){.ours = master, .childs = terminal};
    return 0;
}

int bd_os_pty_give(int fd, uint32_t uid)
{
    return fchown(fd, uid, (gid_t)-1) < 0 ? -errno : 0;
}

int bd_os_pty_resize(int master, uint16_t rows, uint16_t columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------ the caller's terminal */

int bd_os_terminal_open(int *ret)
{
    int fd = bd_os_lift(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (fd < 0)
        return fd;
    *ret = fd;
    return 0;
}

pid_t bd_os_terminal_foreground(int fd)
{
    pid_t group = tcgetpgrp(fd);
    return group < 0 ? -errno : group;
}

int bd_os_terminal_give(int fd, pid_t group)
{
    sigset_t output, before;
    (void)sigemptyset(&output);
    (void)sigaddset(&output, SIGTTOU);
    (void)pthread_sigmask(SIG_BLOCK, &output, &before);
    int result = tcsetpgrp(fd, group) < 0 ? -errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

void bd_os_terminal_give_back(int fd, pid_t group)
{
    if (bd_os_terminal_give(fd, group) < 0)
        (void)bd_os_terminal_give(fd, getpgrp());
}
