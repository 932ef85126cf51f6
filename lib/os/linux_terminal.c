/* SPDX-License-Identifier: MIT */
/*
 * The other end of a pseudoterminal, on Linux.
 *
 * Room os. Invariant: as posix_terminal.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "os.h"
#include "pty_peer.h"

enum { TERMINAL_NAME_BYTES = 64 };

/* TIOCGPTPEER (Linux 4.13) needs no name, which may mean something else in another mount
 * namespace. */
int bd_os_terminal_of(int master)
{
    int how = O_RDWR | O_NOCTTY | O_CLOEXEC;
#ifdef TIOCGPTPEER
    int fd = ioctl(master, TIOCGPTPEER, how);
    if (fd >= 0 || (errno != EINVAL && errno != ENOTTY && errno != EIO && errno != ENOSYS))
        return bd_os_lift(fd);
#endif
    char name[TERMINAL_NAME_BYTES];
    int result = ptsname_r(master, name, sizeof name);
    return result != 0 ? -result : bd_os_lift(open(name, how));
}

bool bd_os_pty_is_master(int fd)
{
    char name[TERMINAL_NAME_BYTES];
    return ptsname_r(fd, name, sizeof name) == 0;
}
