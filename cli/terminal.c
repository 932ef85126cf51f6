/* SPDX-License-Identifier: MIT */
/*
 * The two terminals of --pty: ours, which is made a mere wire, and the command's own. Room cli.
 *
 * Lines, echo, Ctrl-C and the like are the business of the command's terminal; ours must not do any
 * of it a second time. Invariant: the modes that we found are those that we leave, on every way out
 * that we can see (all but SIGKILL): at the command's end, and while we are stopped.
 */
#include "terminal.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void read_size(struct terminal *terminal)
{
    struct winsize size = {0};
    if (terminal->fd < 0 || ioctl(terminal->fd, TIOCGWINSZ, &size) < 0)
        return;
    terminal->rows = size.ws_row;
    terminal->columns = size.ws_col;
}

int terminal_note(struct terminal *terminal, const struct asked *asked)
{
    *terminal = (struct terminal){.fd = -1};
    bool feeds = !asked->streams[BROOD_IN].given;
    terminal->childs_fd = feeds                              ? STDIN_FILENO
                          : !asked->streams[BROOD_OUT].given ? STDOUT_FILENO
                                                             : STDERR_FILENO;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && terminal->fd < 0; fd++) {
        if (tcgetattr(fd, &terminal->modes) < 0)
            continue;
        terminal->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (terminal->fd < 0)
            return -errno;
        terminal->typed = feeds && fd == STDIN_FILENO;
    }
    terminal->no_echo = feeds && !terminal->typed;
    pid_t foreground = terminal->fd < 0 ? -1 : tcgetpgrp(terminal->fd);
    terminal->elsewhere = foreground > 0 && foreground != getpgrp();
    read_size(terminal);
    return 0;
}

void terminal_done(struct terminal *terminal)
{
    terminal_leave(terminal);
    if (terminal->fd >= 0)
        (void)close(terminal->fd);
    terminal->fd = -1;
}

int terminal_begin(void *void_terminal)
{
    const struct terminal *terminal = void_terminal;
    struct termios modes = terminal->modes;
    if ((terminal->fd < 0 || terminal->elsewhere) && tcgetattr(terminal->childs_fd, &modes) < 0)
        return errno;
    if (terminal->no_echo)
        modes.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    return tcsetattr(terminal->childs_fd, TCSANOW, &modes) < 0 ? errno : 0;
}

/* TCSANOW: nothing typed ahead is lost, and output that somebody has stopped with Ctrl-S cannot
 * hold us. */
void terminal_enter(struct terminal *terminal)
{
    if (!terminal->typed || terminal->raw || tcgetpgrp(terminal->fd) != getpgrp())
        return;
    if (tcgetattr(terminal->fd, &terminal->modes) < 0)
        return;
    struct termios raw = terminal->modes;
    cfmakeraw(&raw);
    terminal->raw = tcsetattr(terminal->fd, TCSANOW, &raw) == 0;
    words_at_raw_terminal(terminal->raw && isatty(STDERR_FILENO));
}

void terminal_leave(struct terminal *terminal)
{
    if (!terminal->raw)
        return;
    (void)tcsetattr(terminal->fd, TCSANOW, &terminal->modes);
    terminal->raw = false;
    words_at_raw_terminal(false);
}

void terminal_resize(struct terminal *terminal, struct brood_child *child)
{
    read_size(terminal);
    if (terminal->rows > 0 && terminal->columns > 0)
        (void)brood_child_resize(child, terminal->rows, terminal->columns);
}
