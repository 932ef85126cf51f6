/* SPDX-License-Identifier: MIT */
/*
 * Exits in words.
 *
 * Room one. Invariant: made from the struct alone.
 */
#include <signal.h>
#include <string.h>

#include <brood.h>

#include "../base/text.h"

static const struct {
    int number;
    const char *name;
} signal_names[] = {
    {SIGHUP, "SIGHUP"},       {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},   {SIGILL, "SIGILL"},
    {SIGTRAP, "SIGTRAP"},     {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},     {SIGFPE, "SIGFPE"},
    {SIGKILL, "SIGKILL"},     {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"},   {SIGUSR2, "SIGUSR2"},
    {SIGPIPE, "SIGPIPE"},     {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},   {SIGCHLD, "SIGCHLD"},
    {SIGCONT, "SIGCONT"},     {SIGSTOP, "SIGSTOP"}, {SIGTSTP, "SIGTSTP"},   {SIGTTIN, "SIGTTIN"},
    {SIGTTOU, "SIGTTOU"},     {SIGURG, "SIGURG"},   {SIGXCPU, "SIGXCPU"},   {SIGXFSZ, "SIGXFSZ"},
    {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"}, {SIGWINCH, "SIGWINCH"}, {SIGIO, "SIGIO"},
    {SIGSYS, "SIGSYS"},
#ifdef SIGSTKFLT
    {SIGSTKFLT, "SIGSTKFLT"}, {SIGPWR, "SIGPWR"},
#endif
#ifdef SIGINFO
    {SIGEMT, "SIGEMT"},       {SIGINFO, "SIGINFO"},
#endif
};

#ifdef SIGRTMIN
/* The kernel's real-time range, counted from libc's first one; two below that are libc's own. */
static const char *const realtime_names[] = {
    "SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+2",  "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",
    "SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",  "SIGRTMIN+9",  "SIGRTMIN+10", "SIGRTMIN+11",
    "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+16", "SIGRTMIN+17",
    "SIGRTMIN+18", "SIGRTMIN+19", "SIGRTMIN+20", "SIGRTMIN+21", "SIGRTMIN+22", "SIGRTMIN+23",
    "SIGRTMIN+24", "SIGRTMIN+25", "SIGRTMIN+26", "SIGRTMIN+27", "SIGRTMIN+28", "SIGRTMIN+29",
    "SIGRTMIN+30",
};

static const char *realtime_name(int signal)
{
    if (signal < SIGRTMIN || signal > SIGRTMAX)
        return NULL;
    size_t above = (size_t)(signal - SIGRTMIN);
    return above < sizeof realtime_names / sizeof realtime_names[0] ? realtime_names[above] : NULL;
}
#else
static const char *realtime_name(int signal)
{
    (void)signal;
    return NULL;
}
#endif

const char *brood_signal_name(int signal)
{
    for (size_t i = 0; i < sizeof signal_names / sizeof signal_names[0]; i++)
        if (signal_names[i].number == signal)
            return signal_names[i].name;
    return realtime_name(signal);
}

int brood_exit_code(const struct brood_exit *exit)
{
    enum { SIGNALLED_BASE = 128 };
    if (exit->kind == BROOD_EXITED)
        return exit->code;
    return exit->kind == BROOD_SIGNALLED ? SIGNALLED_BASE + exit->code : -1;
}

static const char *cause_words(uint32_t cause)
{
    switch ((enum brood_cause)cause) {
    case BROOD_CAUSE_OWN:
        return "";
    case BROOD_CAUSE_ASKED:
        return " (asked to)";
    case BROOD_CAUSE_TIMEOUT:
        return " (timed out)";
    case BROOD_CAUSE_OUTPUT_LIMIT:
        return " (output limit)";
    }
    return "";
}

const char *brood_exit_text(const struct brood_exit *exit, char *buffer, size_t size)
{
    struct bd_text text = bd_text_over(buffer, size);
    if (exit->kind == BROOD_EXITED) {
        bd_text_add(&text, "exited with ");
        bd_text_add_number(&text, exit->code);
    } else if (exit->kind == BROOD_SIGNALLED) {
        const char *name = brood_signal_name(exit->code);
        bd_text_add(&text, "killed by ");
        bd_text_add(&text, name ? name : "signal ");
        if (!name)
            bd_text_add_number(&text, exit->code);
        if (exit->flags & BROOD_EXIT_CORE)
            bd_text_add(&text, ", core dumped");
    } else {
        bd_text_add(&text, "ended, but its status was taken by something else");
    }
    bd_text_add(&text, cause_words(exit->cause));
    if (exit->flags & BROOD_EXIT_STREAMS_HELD)
        bd_text_add(&text, "; another process holds its output open");
    return buffer;
}
