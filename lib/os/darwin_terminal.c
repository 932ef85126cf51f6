/* SPDX-License-Identifier: MIT */
/*
 * The other end of a pseudoterminal, on macOS.
 *
 * Room os. Invariant: as posix_terminal.c. The kernel's own question for the name, and not
 * ptsname(3), whose answer lies in memory that all threads share.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "os.h"
#include "pty_peer.h"

enum { TERMINAL_NAME_BYTES = 128 }; /* as TIOCPTYGNAME is defined */

int bd_os_terminal_of(int master)
{
    char name[TERMINAL_NAME_BYTES];
    if (ioctl(master, TIOCPTYGNAME, name) < 0)
        return -errno;
    return bd_os_lift(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

bool bd_os_pty_is_master(int fd)
{
    char name[TERMINAL_NAME_BYTES];
    return ioctl(fd, TIOCPTYGNAME, name) == 0;
}
