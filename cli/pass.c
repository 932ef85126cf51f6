/* SPDX-License-Identifier: MIT */
/*
 * Passing signals on to the command, and stopping and continuing with it. Room cli.
 *
 * Every signal is blocked and read from a signalfd(2): no handler, no race with the start.
 * Invariant: the command gets each signal as often as it would without brood run in between. What
 * the terminal sends to a whole group has reached a command of our group already, so it is not
 * passed on; what somebody sends to our process alone is.
 */
#include "pass.h"
#include "words.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not passed on: what cannot be caught, what a fault of our own would raise, what only concerns
 * writes and children of our own. */
static const int pass_never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                 SIGTRAP, SIGSYS,  SIGPIPE, SIGXFSZ, SIGXCPU};

/* With a command in another group these stop brood run alone, as they would any program. */
static const int pass_stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};

static bool is_one_of(int number, const int *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == number)
            return true;
    }
    return false;
}

static bool is_stop(int number)
{
    return is_one_of(number, pass_stops, sizeof pass_stops / sizeof pass_stops[0]);
}

static void choose_signals(sigset_t *set, bool same_group, uint64_t ignored)
{
    (void)sigfillset(set); /* without the numbers that the C library keeps for itself */
    for (size_t i = 0; i < sizeof pass_never / sizeof pass_never[0]; i++)
        (void)sigdelset(set, pass_never[i]);
    for (int number = 1; number <= 31; number++) {
        if (ignored >> (number - 1) & 1 || (is_stop(number) && !same_group))
            (void)sigdelset(set, number);
    }
}

int pass_open(struct pass *pass, bool same_group, uint64_t ignored, const char *name)
{
    *pass = (struct pass){.fd = -1, .same_group = same_group, .name = name};
    pass->leader = getsid(0) == getpid();
    /* Our own writes report EPIPE and EFBIG; a stop of the command announces itself by SIGCHLD. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        return -errno;
    sigset_t set;
    choose_signals(&set, same_group, ignored);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    pass->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return pass->fd < 0 ? -errno : 0;
}

/* Has the command missed this signal? */
static bool is_ours_alone(const struct pass *pass, const struct signalfd_siginfo *info)
{
    if (info->ssi_code != SI_KERNEL || !pass->same_group)
        return true;
    /* A terminal that hangs up tells the leader of the session; others hear of it at its end. */
    return pass->leader && (info->ssi_signo == SIGHUP || info->ssi_signo == SIGCONT);
}

/* Take the default action of a stop signal, and come back when somebody continues us. */
static void stop_self(int number)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, number);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(number);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* A command that the terminal has stopped stops us: only then does the shell take the terminal
 * back, so an editor has put the screen in order before. Any other stop is between the command
 * and whoever sent it, and time goes on. */
static void follow_stop(const struct pass *pass, struct brood_child *child)
{
    siginfo_t info = {0};
    id_t pid = (id_t)brood_child_pid(child); /* not reaped yet, so it is nobody else's */
    if (waitid(P_PID, pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid != 0 &&
        pass->same_group && is_stop(info.si_status))
        stop_self(info.si_status);
}

static void pass_on(const struct pass *pass, struct brood_child *child, int number)
{
    int code = brood_child_signal(child, number);
    if (code == 0 || code == -ESRCH)
        return;
    const char *signal_name = brood_signal_name(number);
    (void)words_say("brood run", "cannot pass %s on to %s: %s",
                    signal_name ? signal_name : "a signal", pass->name, strerror(-code));
}

bool pass_read(struct pass *pass, struct brood_child *child)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct signalfd_siginfo info;
    bool asked_to_end = false;
    while (read(pass->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (!child)
            asked_to_end = asked_to_end || is_one_of(number, ends, sizeof ends / sizeof ends[0]);
        else if (number == SIGCHLD)
            follow_stop(pass, child);
        else if (is_ours_alone(pass, &info))
            pass_on(pass, child, number);
    }
    return asked_to_end;
}
