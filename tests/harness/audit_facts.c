/* SPDX-License-Identifier: MIT */
/*
 * The audit's single values, one table of name and getter: umask, ids, switches, timers, threads.
 *
 * Invariant: every getter leaves the process as it was and needs no heap; a value that this kernel
 * does not know is the same error each time, so it never makes a difference.
 */
#include "audit_inside.h"
#include "lab.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE_MS = 1000, FACT_THREADS = 0, FACT_UMASK = 1 };

static bool status_value(const char *text, const char *name, int base, uint64_t *ret)
{
    const char *line = strstr(text, name);
    if (line)
        *ret = strtoull(line + strlen(name), NULL, base);
    return line != NULL;
}

void audit_read_status(struct audit_status *status)
{
    char text[4096];
    uint64_t mask;
    *status = (struct audit_status){.known = false};
    if (lab_read_file(lab_proc("thread-self/status"), text, sizeof text) <= 0 ||
        !status_value(text, "\nUmask:", 8, &mask) ||
        !status_value(text, "\nSigIgn:", 16, &status->ignored) ||
        !status_value(text, "\nSigCgt:", 16, &status->caught))
        return;
    status->umask = (int64_t)mask;
    status->known = true;
}

/* umask(2) can only be read by writing it, which another thread would see for a moment. */
static int64_t umask_of(const struct audit_status *status)
{
    if (status->known)
        return status->umask;
    mode_t mask = umask(077);
    (void)umask(mask);
    return (int64_t)mask;
}

/* /proc/self/task has a link for each thread beside its own two. */
static int64_t fact_threads(void)
{
    struct stat status;
    return stat(lab_proc("self/task"), &status) == 0 ? (int64_t)status.st_nlink - 2 : 0;
}

static int64_t fact_group(void)
{
    return getpgrp();
}

static int64_t fact_session(void)
{
    return getsid(0);
}

static int64_t fact_users(void)
{
    uid_t ids[3] = {0};
    (void)getresuid(&ids[0], &ids[1], &ids[2]);
    return (int64_t)(audit_hash(ids, sizeof ids) >> 1);
}

static int64_t fact_groups(void)
{
    gid_t ids[3 + 64] = {0};
    (void)getresgid(&ids[0], &ids[1], &ids[2]);
    (void)getgroups(64, ids + 3);
    return (int64_t)(audit_hash(ids, sizeof ids) >> 1);
}

static int64_t fact_nice(void)
{
    errno = 0;
    return getpriority(PRIO_PROCESS, 0);
}

static int64_t fact_policy(void)
{
    return sched_getscheduler(0);
}

static int64_t fact_affinity(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof set, &set);
    return (int64_t)(audit_hash(&set, sizeof set) >> 1);
}

static int64_t prctl_value(int what)
{
    int value = 0;
    return prctl(what, &value, 0, 0, 0) == 0 ? value : -errno;
}

static int64_t fact_subreaper(void)
{
    return prctl_value(PR_GET_CHILD_SUBREAPER);
}

static int64_t fact_parent_death_signal(void)
{
    return prctl_value(PR_GET_PDEATHSIG);
}

static int64_t fact_dumpable(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static int64_t fact_no_new_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static int64_t fact_keep_capabilities(void)
{
    return prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0);
}

static int64_t fact_timer_slack(void)
{
    return prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

static int64_t fact_name(void)
{
    char name[16] = "";
    (void)prctl(PR_GET_NAME, name, 0, 0, 0);
    return (int64_t)(audit_hash(name, sizeof name) >> 1);
}

static int64_t timer_is_set(unsigned which)
{
    struct itimerval timer = {.it_value.tv_sec = 0};
    (void)getitimer(which, &timer);
    return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

static int64_t fact_timer_real(void)
{
    return timer_is_set(ITIMER_REAL);
}

static int64_t fact_timer_virtual(void)
{
    return timer_is_set(ITIMER_VIRTUAL);
}

static int64_t fact_timer_profile(void)
{
    return timer_is_set(ITIMER_PROF);
}

static int64_t fact_signal_stack(void)
{
    stack_t stack = {.ss_flags = 0};
    (void)sigaltstack(NULL, &stack);
    return stack.ss_flags;
}

enum fact_form { IN_DECIMAL, IN_OCTAL, AS_HASH };

static const struct {
    const char *name;
    enum fact_form form;
    int64_t (*get)(void);
} facts[] = {
    [FACT_THREADS] = {"threads", IN_DECIMAL, fact_threads},
    [FACT_UMASK] = {"umask", IN_OCTAL, NULL},
    {"process group", IN_DECIMAL, fact_group},
    {"session", IN_DECIMAL, fact_session},
    {"user ids", AS_HASH, fact_users},
    {"group ids", AS_HASH, fact_groups},
    {"nice value", IN_DECIMAL, fact_nice},
    {"scheduling policy", IN_DECIMAL, fact_policy},
    {"processor affinity", AS_HASH, fact_affinity},
    {"child subreaper", IN_DECIMAL, fact_subreaper},
    {"parent death signal", IN_DECIMAL, fact_parent_death_signal},
    {"dumpable", IN_DECIMAL, fact_dumpable},
    {"no new privileges", IN_DECIMAL, fact_no_new_privileges},
    {"keep capabilities", IN_DECIMAL, fact_keep_capabilities},
    {"timer slack", IN_DECIMAL, fact_timer_slack},
    {"thread name", AS_HASH, fact_name},
    {"real timer", IN_DECIMAL, fact_timer_real},
    {"virtual timer", IN_DECIMAL, fact_timer_virtual},
    {"profile timer", IN_DECIMAL, fact_timer_profile},
    {"signal stack", IN_DECIMAL, fact_signal_stack},
};

_Static_assert(sizeof facts / sizeof *facts <= AUDIT_FACTS, "a snapshot has room for every fact");

void audit_take_facts(struct audit *audit, const struct audit_status *status)
{
    audit->fact_count = sizeof facts / sizeof *facts;
    for (size_t i = 0; i < audit->fact_count; i++)
        audit->facts[i] = facts[i].get ? facts[i].get() : 0;
    audit->facts[FACT_UMASK] = umask_of(status);
}

static const char *fact_text(enum fact_form form, int64_t value, char *text, size_t size)
{
    if (form == IN_OCTAL)
        (void)snprintf(text, size, "%#llo", (unsigned long long)value);
    else if (form == IN_DECIMAL)
        (void)snprintf(text, size, "%lld", (long long)value);
    else
        (void)snprintf(text, size, "#%08llx", (unsigned long long)value & 0xffffffffU);
    return text;
}

void audit_diff_facts(const struct audit *before, const struct audit *after,
                      struct audit_words *words)
{
    char was[32], is[32];
    for (size_t i = 0; i < before->fact_count; i++)
        if (before->facts[i] != after->facts[i])
            audit_say(words, "%s changed: %s -> %s", facts[i].name,
                      fact_text(facts[i].form, before->facts[i], was, sizeof was),
                      fact_text(facts[i].form, after->facts[i], is, sizeof is));
}

void audit_settle_threads(const struct audit *before)
{
    int64_t deadline = lab_now_ms() + SETTLE_MS;
    while (fact_threads() > before->facts[FACT_THREADS] && lab_now_ms() < deadline)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
