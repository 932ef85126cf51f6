/* SPDX-License-Identifier: MIT */
/*
 * The leak audit: snapshot and difference of a process (audit.h says of what).
 *
 * Invariant: what is compared is read straight from the kernel. libc keeps a view of its own of
 * masks and dispositions (it hides signals 32 and 33), and a leak there would pass unseen.
 */
#include "audit_inside.h"
#include "lab.h"
#include "procs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

enum { HANDLER_IGNORE = 1, SIGNAL_CANCEL = 32, SIGNAL_SETXID = 33 /* glibc's own */ };

/* The kernel's struct sigaction, which is not libc's. */
struct kernel_sigaction {
    uint64_t handler, flags;
#if defined(__x86_64__) || defined(__i386__)
    uint64_t restorer;
#endif
    uint64_t mask;
};

void audit_say(struct audit_words *words, const char *format, ...)
{
    words->count++;
    if (words->used + 1 >= words->size)
        return;
    size_t room = words->size - words->used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words->text + words->used, room, format, arguments);
    va_end(arguments);
    words->used += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
    if (words->used + 1 < words->size) {
        words->text[words->used++] = '\n';
        words->text[words->used] = '\0';
    }
}

/* FNV-1a: tells values apart, keeps nothing secret. */
uint64_t audit_hash(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3U;
    return hash;
}

/*
 * What of a disposition has an effect. Mask and flags of a default or ignored signal have none,
 * except SIGCHLD's; libc's two signals get their handlers with the first thread and keep them.
 */
static struct audit_disposition settled_disposition(int number,
                                                    const struct kernel_sigaction *action)
{
    struct audit_disposition settled = {
        .handler = action->handler, .flags = action->flags, .mask = action->mask};
    if (number == SIGNAL_CANCEL || number == SIGNAL_SETXID)
        settled = (struct audit_disposition){.handler = 0};
    if (settled.handler <= HANDLER_IGNORE) {
        settled.mask = 0;
        settled.flags &= number == SIGCHLD ? SA_NOCLDWAIT | SA_NOCLDSTOP : 0;
    }
    return settled;
}

/* A signal that /proc calls neither ignored nor caught is default, and of the ignored there is no
 * more to know; SIGCHLD's flags count in any case. */
static void take_signals(struct audit *audit, const struct audit_status *status)
{
    (void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &audit->mask, sizeof audit->mask);
    for (int i = 0; i < AUDIT_SIGNALS; i++) {
        struct kernel_sigaction action = {.handler = status->ignored >> i & 1};
        if (!status->known || (status->caught >> i & 1) || i + 1 == SIGCHLD)
            (void)syscall(SYS_rt_sigaction, i + 1, NULL, &action, sizeof action.mask);
        audit->dispositions[i] = settled_disposition(i + 1, &action);
    }
}

static void take_children(struct audit *audit)
{
    ssize_t count = audit_list_children(audit->children, AUDIT_CHILDREN);
    audit->child_count = count < 0 ? 0 : (size_t)count;
    audit->child_rest = count < 0; /* some, and no descriptor to read which */
}

static void take_environment(struct audit *audit)
{
    for (char *const *entry = environ; entry && *entry; entry++) {
        uint64_t hash = audit_hash(*entry, strlen(*entry));
        if (audit->variable_count < AUDIT_VARIABLES)
            audit->variables[audit->variable_count] = hash;
        else
            audit->variable_rest += hash;
        audit->variable_count++;
    }
}

static void take_directory(struct audit *audit)
{
    char path[4096];
    ssize_t length = readlink(lab_proc("self/cwd"), path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    audit->directory_hash = audit_hash(path, strlen(path));
    memcpy(audit->directory, path, strnlen(path, sizeof audit->directory - 1));
}

void audit_take(struct audit *audit)
{
    struct audit_status status;
    memset(audit, 0, sizeof *audit);
    audit_read_status(&status);
    take_signals(audit, &status);
    take_children(audit);
    audit_take_fds(audit);
    take_environment(audit);
    take_directory(audit);
    for (unsigned i = 0; i < AUDIT_LIMITS; i++)
        (void)getrlimit(i, &audit->limits[i]);
    audit_take_facts(audit, &status);
}

static const char *signal_text(int number, char *text, size_t size)
{
#ifdef __GLIBC__
    const char *name = sigabbrev_np(number);
#else
    const char *name = NULL; /* numbers alone, where the C library has no names */
#endif
    if (name)
        (void)snprintf(text, size, "SIG%s", name);
    else
        (void)snprintf(text, size, "signal %d", number);
    return text;
}

static const char *handler_text(uint64_t handler)
{
    return handler == 0 ? "default" : handler == HANDLER_IGNORE ? "ignored" : "a handler";
}

static void diff_signals(const struct audit *before, const struct audit *after,
                         struct audit_words *words)
{
    char name[32];
    for (int i = 0; i < AUDIT_SIGNALS; i++) {
        signal_text(i + 1, name, sizeof name);
        if ((before->mask ^ after->mask) >> i & 1)
            audit_say(words, "signal mask changed: %s is %s", name,
                      after->mask >> i & 1 ? "blocked" : "no longer blocked");
        const struct audit_disposition *was = &before->dispositions[i],
                                       *is = &after->dispositions[i];
        if (was->handler != is->handler)
            audit_say(
                words, "disposition of %s changed: %s -> %s%s", name, handler_text(was->handler),
                was->handler > 1 && is->handler > 1 ? "an other, " : "", handler_text(is->handler));
        else if (was->flags != is->flags || was->mask != is->mask)
            audit_say(words, "disposition of %s changed: flags %#llx -> %#llx, mask %#llx -> %#llx",
                      name, (unsigned long long)was->flags, (unsigned long long)is->flags,
                      (unsigned long long)was->mask, (unsigned long long)is->mask);
    }
}

static size_t children_listed(const struct audit *audit)
{
    return audit->child_count < AUDIT_CHILDREN ? audit->child_count : AUDIT_CHILDREN;
}

static bool has_child(const struct audit *audit, pid_t pid)
{
    for (size_t i = 0; i < children_listed(audit); i++)
        if (audit->children[i] == pid)
            return true;
    return false;
}

static void diff_children(const struct audit *before, const struct audit *after,
                          struct audit_words *words)
{
    char text[320];
    if (before->child_count > AUDIT_CHILDREN || after->child_count > AUDIT_CHILDREN ||
        before->child_rest != after->child_rest) {
        if (before->child_count != after->child_count || before->child_rest != after->child_rest)
            audit_say(words, "children changed: %zu -> %zu%s", before->child_count,
                      after->child_count, after->child_rest ? " or more" : "");
        return;
    }
    for (size_t i = 0; i < children_listed(after); i++) {
        struct proc_facts facts;
        pid_t pid = after->children[i];
        if (has_child(before, pid))
            continue;
        bool dead = proc_read(pid, &facts) == 0 && facts.state == 'Z';
        audit_say(words, "%s left: %s", dead ? "zombie" : "child",
                  proc_describe(pid, text, sizeof text));
    }
    for (size_t i = 0; i < children_listed(before); i++)
        if (!has_child(after, before->children[i]))
            audit_say(words, "child gone: pid %d", (int)before->children[i]);
}

static bool has_variable(const struct audit *audit, uint64_t hash)
{
    for (size_t i = 0; i < audit->variable_count && i < AUDIT_VARIABLES; i++)
        if (audit->variables[i] == hash)
            return true;
    return false;
}

/* Walks, because the environment may be shorter now than when the snapshot was taken. */
static const char *variable_name(size_t index)
{
    char *const *entry = environ;
    while (entry && *entry && index-- > 0)
        entry++;
    return entry && *entry ? *entry : "?";
}

/* Names, never values: a variable may hold a secret and the words end in logs. */
static void diff_environment(const struct audit *before, const struct audit *after,
                             struct audit_words *words)
{
    unsigned found = words->count;
    for (size_t i = 0; i < after->variable_count && i < AUDIT_VARIABLES; i++) {
        if (has_variable(before, after->variables[i]))
            continue;
        const char *name = variable_name(i);
        audit_say(words, "environment changed: %.*s is new or has another value",
                  (int)strcspn(name, "="), name);
    }
    if (words->count == found && (before->variable_count != after->variable_count ||
                                  before->variable_rest != after->variable_rest))
        audit_say(words, "environment changed: %zu variables -> %zu", before->variable_count,
                  after->variable_count);
}

static void diff_limits(const struct audit *before, const struct audit *after,
                        struct audit_words *words)
{
    static const char *const names[AUDIT_LIMITS] = {
        "CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
        "MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
    for (int i = 0; i < AUDIT_LIMITS; i++) {
        const struct rlimit *was = &before->limits[i], *is = &after->limits[i];
        if (was->rlim_cur != is->rlim_cur || was->rlim_max != is->rlim_max)
            audit_say(words, "limit RLIMIT_%s changed: %lld:%lld -> %lld:%lld", names[i],
                      (long long)was->rlim_cur, (long long)was->rlim_max, (long long)is->rlim_cur,
                      (long long)is->rlim_max);
    }
}

unsigned audit_diff(const struct audit *before, const struct audit *after, char *why, size_t size)
{
    struct audit_words words = {.text = why, .size = size};
    if (size > 0)
        why[0] = '\0';
    diff_children(before, after, &words);
    audit_diff_fds(before, after, &words);
    diff_signals(before, after, &words);
    if (before->directory_hash != after->directory_hash)
        audit_say(&words, "working directory changed: %s -> %s", before->directory,
                  after->directory);
    diff_environment(before, after, &words);
    diff_limits(before, after, &words);
    audit_diff_facts(before, after, &words);
    return words.count;
}

unsigned audit_compare(const struct audit *before, char *why, size_t size)
{
    struct audit now;
    audit_settle_threads(before);
    audit_take(&now);
    return audit_diff(before, &now, why, size);
}
