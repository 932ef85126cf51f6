/* SPDX-License-Identifier: MIT */
/*
 * A program that tells of its terminal, for the tests of pseudoterminals and of the foreground:
 * `seat VERB`. What it tells goes to descriptor 9, since 0, 1 and 2 are what is looked at.
 *
 * Invariant: no verb lives longer than a minute; each line is written whole and at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { TOLD_FD = 9, LIFE_S = 60, MISUSED = 64 };

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    char line[256];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (write(TOLD_FD, line, (size_t)length) < 0)
        _exit(1);
}

/* "tty 1 0 0 same 1 control 1 leader 1 foreground 1 size 24 80": which of 0 to 2 are terminals, all
 * of these one, /dev/tty can be opened, we lead the session, our group has the foreground. */
static void tell_seat(void)
{
    const char *name = NULL;
    bool same = true, is[3];
    for (int fd = 0; fd < 3; fd++) {
        is[fd] = isatty(fd) == 1;
        const char *this = is[fd] ? ttyname(fd) : NULL;
        if (this && name)
            same = same && !strcmp(this, name);
        else if (this)
            name = strdup(this);
    }
    struct winsize size = {0};
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int code = tty < 0 ? errno : 0;
    (void)ioctl(tty, TIOCGWINSZ, &size);
    tell("tty %d %d %d same %d control %d leader %d foreground %d size %d %d\n", is[0], is[1],
         is[2], same, code ? -code : 1, getsid(0) == getpid(),
         tty >= 0 && tcgetpgrp(tty) == getpgrp(), size.ws_row, size.ws_col);
    if (tty >= 0)
        (void)close(tty);
}

static void stay(void)
{
    (void)alarm(LIFE_S);
    for (;;)
        (void)pause();
}

/* tell CODE: says it and ends with CODE. */
static int verb_tell(char **argv)
{
    tell_seat();
    return argv[0] ? atoi(argv[0]) : 0;
}

/* hold CODE: says it, stays until end-of-file on 0, says it again, ends with CODE. */
static int verb_hold(char **argv)
{
    char byte;
    (void)alarm(LIFE_S);
    tell_seat();
    while (read(0, &byte, 1) > 0)
        continue;
    tell_seat();
    return argv[0] ? atoi(argv[0]) : 0;
}

/* stay: says it and stays until a signal ends it. */
static int verb_stay(char **argv)
{
    (void)argv;
    tell_seat();
    stay();
    return 0;
}

/* winch: the size after each SIGWINCH. */
static int verb_winch(char **argv)
{
    (void)argv;
    sigset_t winch;
    int number;
    (void)sigemptyset(&winch);
    (void)sigaddset(&winch, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &winch, NULL);
    (void)alarm(LIFE_S);
    tell_seat();
    while (sigwait(&winch, &number) == 0)
        tell_seat();
    return 1;
}

/* raw: the terminal on 0 hands every byte on and nobody reads; stays. */
static int verb_raw(char **argv)
{
    struct termios raw;
    (void)argv;
    if (tcgetattr(0, &raw) < 0)
        return 1;
    cfmakeraw(&raw);
    if (tcsetattr(0, TCSANOW, &raw) < 0)
        return 1;
    tell_seat();
    stay();
    return 0;
}

/* hung-up: ignores SIGHUP, waits for the end of its terminal, says so. */
static int verb_hung_up(char **argv)
{
    char byte;
    (void)argv;
    (void)signal(SIGHUP, SIG_IGN);
    (void)alarm(LIFE_S);
    tell_seat();
    while (read(0, &byte, 1) > 0)
        continue;
    tell("hung up\n");
    return 0;
}

/* take: gives the foreground to a new group of its own and stays. */
static int verb_take(char **argv)
{
    (void)argv;
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    (void)signal(SIGTTOU, SIG_IGN);
    if (tty < 0 || setpgid(0, 0) < 0 || tcsetpgrp(tty, getpgrp()) < 0)
        return 1;
    tell_seat();
    stay();
    return 0;
}

static const struct {
    const char *name;
    int (*run)(char **argv);
} verbs[] = {
    {"tell", verb_tell}, {"hold", verb_hold},       {"stay", verb_stay}, {"winch", verb_winch},
    {"raw", verb_raw},   {"hung-up", verb_hung_up}, {"take", verb_take},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argv + 2);
    return MISUSED;
}
