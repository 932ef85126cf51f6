/* SPDX-License-Identifier: MIT */
/*
 * Passing signals on to the command, and stopping and continuing with it. Room cli.
 *
 * Every signal is blocked and read from a signalfd(2): no handler, no race with the start.
 * Invariant: the command gets each signal as often as it would without brood run in between. What
 * the terminal sends to a whole group has reached a command of our group already, so it is not
 * passed on; what somebody sends to our process alone is. So is what was ignored when we began: it
 * comes in here all the same, as the kernel keeps every signal that is blocked, and the command,
 * which begins with it ignored, may have chosen to handle it.
 */
#include "pass.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
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

/* With a terminal to put in order first, a stop is ours to carry out. */
static void choose_signals(sigset_t *set, bool same_group, bool has_modes)
{
    (void)sigfillset(set); /* without the numbers that the C library keeps for itself */
    for (size_t i = 0; i < sizeof pass_never / sizeof pass_never[0]; i++)
        (void)sigdelset(set, pass_never[i]);
    for (size_t i = 0; i < sizeof pass_stops / sizeof pass_stops[0] && !same_group; i++)
        (void)sigdelset(set, pass_stops[i]);
    if (has_modes)
        (void)sigaddset(set, SIGTSTP);
}

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

int pass_open(struct pass *pass, bool same_group, uint64_t ignored, const char *name,
              struct terminal *terminal)
{
    *pass = (struct pass){.fd = -1, .same_group = same_group, .ignored = ignored, .name = name};
    pass->terminal = terminal;
    pass->leader = getsid(0) == getpid();
    pass->follows = same_group && has_terminal();
    /* Our own writes report EPIPE and EFBIG; a stop of the command announces itself by SIGCHLD. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        return -errno;
    sigset_t set;
    choose_signals(&set, same_group, terminal != NULL);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    pass->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return pass->fd < 0 ? -errno : 0;
}

static bool is_ignored(const struct pass *pass, int number)
{
    return number <= 31 && (pass->ignored >> (number - 1) & 1);
}

/* Has the command missed this signal? */
static bool is_ours_alone(const struct pass *pass, const struct signalfd_siginfo *info)
{
    if (info->ssi_code != SI_KERNEL || !pass->same_group)
        return true;
    /* A terminal that hangs up tells the leader of the session; others hear of it at its end. */
    return pass->leader && (info->ssi_signo == SIGHUP || info->ssi_signo == SIGCONT);
}

/* Take the default action of a stop signal, and come back when somebody continues us. The
 * terminal's own signal to us may be pending too: ours joins it while both are blocked, so that
 * we stop once. */
static void stop_self(int number)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, number);
    (void)kill(getpid(), number);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Has the command stopped or gone on, as asked for by `what`? Returns the signal, or 0. */
static int change_of(pid_t pid, int what)
{
    siginfo_t info = {0};
    bool changed = waitid(P_PID, (id_t)pid, &info, what | WNOHANG) == 0 && info.si_pid != 0;
    return changed ? info.si_status : 0;
}

/* We have been continued, and the command with us if it was a shell that continued the whole
 * group; else it gets a push. A stop that nobody has seen is a new one, since it must have gone on
 * meanwhile: somebody has typed Ctrl-Z again before we came to run, or it reads from the terminal
 * in the background. It is left to be followed. */
static void continue_child(struct brood_child *child, pid_t pid)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCONT);
    (void)sigtimedwait(&set, NULL, &(struct timespec){0});
    if (!change_of(pid, WSTOPPED | WNOWAIT) && !change_of(pid, WCONTINUED))
        (void)brood_child_signal(child, SIGCONT);
}

/* A command that the terminal has stopped stops us: only then does the shell take the terminal
 * back, so an editor has put the screen in order before. Any other stop is between the command
 * and whoever sent it, and time goes on. */
static void follow_stop(const struct pass *pass, struct brood_child *child)
{
    pid_t pid = brood_child_pid(child); /* not reaped yet, so it is nobody else's */
    for (int number = change_of(pid, WSTOPPED); number; number = change_of(pid, WSTOPPED)) {
        if (!pass->follows || !is_stop(number))
            continue;
        stop_self(number);
        continue_child(child, pid);
    }
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

/* What concerns our terminal. True: that was all, it is not passed on. */
static bool keep_terminal(const struct pass *pass, struct brood_child *child, int number)
{
    if (!pass->terminal)
        return false;
    if (number == SIGTSTP) {
        terminal_leave(pass->terminal);
        stop_self(number);
    }
    if (number != SIGTSTP && number != SIGCONT && number != SIGWINCH)
        return false;
    /* Whoever had the terminal meanwhile may have changed its modes and its size. */
    terminal_enter(pass->terminal);
    terminal_resize(pass->terminal, child);
    return number != SIGCONT;
}

bool pass_read(struct pass *pass, struct brood_child *child)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct signalfd_siginfo info;
    bool asked_to_end = false;
    while (read(pass->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (!child)
            asked_to_end = asked_to_end || (is_one_of(number, ends, sizeof ends / sizeof ends[0]) &&
                                            !is_ignored(pass, number));
        else if (number == SIGCHLD)
            follow_stop(pass, child);
        else if (keep_terminal(pass, child, number))
            continue;
        else if (is_ours_alone(pass, &info))
            pass_on(pass, child, number);
    }
    return asked_to_end;
}

bool pass_has_come(struct pass *pass, int64_t number)
{
    struct signalfd_siginfo info;
    bool has_come = false;
    while (read(pass->fd, &info, sizeof info) == (ssize_t)sizeof info)
        has_come = has_come || info.ssi_signo == number;
    return has_come;
}
