/* SPDX-License-Identifier: MIT */
/*
 * The bench of one scenario; see bench.h.
 *
 * Invariant: a target that does not come back in time is itself a finding and is replaced; the
 * sweep goes on with the next point and always ends.
 */
#include "bench.h"
#include "alloc.h"
#include "calls.h"
#include "expect.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIAL_MS = 30000, FINDINGS_SHOWN = 12 };

/* ------------------------------------------------------------------ words */

const char *const bench_role_names[] = {"caller", "child", "program", "middle"};

static void address(const struct bench *bench, const struct inject_call *call, char *text,
                    size_t size)
{
    const char *code = bench->racing                   ? "RACE"
                       : call->fate == INJECT_KILLED   ? "KILL"
                       : call->fate == INJECT_HELD     ? "HOLD"
                       : call->fate == INJECT_LIED     ? "LIE"
                       : call->fate == INJECT_ORPHANED ? "ORPHAN"
                                                       : calls_errno_name(call->code);
    snprintf(text, size, "%s%s%s/%s/%s/%u/%s%s", bench->scenario->name,
             bench->world->name[0] != 0 ? "@" : "", bench->world->name,
             bench_role_names[call->role],
             call->number == SWEEP_MALLOC ? "malloc" : calls_name(call->number), call->kth, code,
             bench->lasting ? "+" : "");
}

/* `call`: what was made to fail; NULL: nothing was. */
__attribute__((format(printf, 3, 4))) void bench_find(struct bench *bench,
                                                      const struct inject_call *call,
                                                      const char *format, ...)
{
    bench->counts->findings++;
    if (++bench->findings > FINDINGS_SHOWN)
        return;
    char where[256];
    if (call != NULL)
        address(bench, call, where, sizeof where);
    else
        snprintf(where, sizeof where, "%s%s%s", bench->scenario->name,
                 bench->world->name[0] != 0 ? "@" : "", bench->world->name);
    printf("# %s: ", where);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n# repeat: %s --only %s\n", bench->options->self, where);
    fflush(stdout);
}

/* ------------------------------------------------------------------ the target */

int bench_codes(const struct inject_call *call, unsigned choice)
{
    /* A sanitizer's allocator maps memory as it likes and does not survive being refused. */
    bool is_memory = call->number == __NR_mmap || call->number == __NR_mprotect;
    if (is_memory && !alloc_is_ours())
        return -1;
    /* The probes of a first start wait with every signal blocked: nothing can interrupt them. */
    if (call->role == INJECT_CALLER && call->number == __NR_wait4)
        return -1;
    /* Where the terminal cannot be given back, or asked whose it is then, there is no other way. */
    bool gives_back = call->args[1] == TIOCSPGRP || (call->args[1] == TIOCGPGRP && call->kth > 1);
    if (call->role == INJECT_CALLER && call->number == __NR_ioctl && gives_back)
        return -1;
    return calls_codes(call, choice);
}

/* Files of a scene are as good as each other; what the system has is a thing of its own each. */
static bool is_same_thing(const char *path, const char *other)
{
    bool is_ours = strncmp(path, "/tmp/", 5) == 0, is_ours_too = strncmp(other, "/tmp/", 5) == 0;
    const char *name = strrchr(path, '/'), *other_name = strrchr(other, '/');
    if (is_ours || is_ours_too || name == NULL || other_name == NULL)
        return is_ours == is_ours_too && (is_ours || strcmp(path, other) == 0);
    return strcmp(name, other_name) == 0;
}

bool bench_is_familiar(const struct bench *bench, const struct inject_call *call)
{
    enum { KINDS = 512 };
    static struct inject_call seen[KINDS];
    static unsigned traits[KINDS];
    static size_t count;
    bool has_request = call->number == __NR_ioctl || call->number == __NR_fcntl;
    for (size_t i = 0; i < count; i++)
        if (traits[i] == bench->scenario->traits && seen[i].role == call->role &&
            seen[i].number == call->number && (!has_request || seen[i].args[1] == call->args[1]) &&
            is_same_thing(seen[i].path, call->path))
            return true;
    if (count < KINDS) {
        seen[count] = *call;
        traits[count++] = bench->scenario->traits;
    }
    return false;
}

static void end_target(struct bench *bench)
{
    unsigned others = inject_free(bench->inject);
    bench->inject = NULL;
    bench->refused = 0;
    if (others > 0)
        bench_find(bench, NULL, "%u processes were left when the target ended", others);
}

static bool begin_target(struct bench *bench)
{
    bench->inject = inject_new(subject_body, bench->subject, bench_codes);
    if (bench->inject == NULL) {
        bench_find(bench, NULL, "no target: %s", strerror(errno));
        return false;
    }
    if (bench->scenario->traits & SCENARIO_DETACHED)
        inject_has_middle(bench->inject);
    for (size_t i = 0; i < 4 && bench->world->denials[i].code != 0; i++)
        inject_deny(bench->inject, bench->world->denials[i].number, 0,
                    bench->world->denials[i].code);
    return inject_wait(bench->inject, TRIAL_MS) == INJECT_EVENT_READY;
}

/* The target is our only child, unless a start has left one behind that lost its parent. Ends them,
 * so that each is told once: they are our own children, their numbers nobody else's. */
static unsigned end_orphans(pid_t target)
{
    char text[4096] = "";
    FILE *list = fopen("/proc/thread-self/children", "re");
    if (list == NULL)
        return 0;
    char *at = fgets(text, sizeof text, list) != NULL ? text : NULL;
    fclose(list);
    unsigned count = 0;
    for (long pid = at != NULL ? strtol(at, &at, 10) : 0; pid > 0; pid = strtol(at, &at, 10)) {
        if (pid == target)
            continue;
        count++;
        kill((pid_t)pid, SIGKILL);
        waitpid((pid_t)pid, NULL, 0);
    }
    return count;
}

/* One start under an order. False if the target did not come back; that is told. */
bool bench_trial(struct bench *bench, const struct inject_order *order,
                 const struct inject_call *blamed)
{
    if (bench->inject == NULL && !begin_target(bench))
        return false;
    struct subject *subject = bench->subject;
    subject->ran = false;
    subject->result = 0;
    subject->child = CHILD_NONE;
    subject->words[0] = 0;
    memset(&subject->error, 0, sizeof subject->error);
    bench->counts->starts++;
    inject_set(bench->inject, order);
    inject_go(bench->inject);
    int event = inject_wait(bench->inject, TRIAL_MS);
    const struct inject_call *hit = inject_hit(bench->inject);
    if (event == INJECT_EVENT_READY && subject->ran)
        return true;
    static const char *const names[] = {"came back too early", "ran into a crash", "died",
                                        "is stuck", "cannot be watched"};
    bench_find(bench, hit != NULL ? hit : blamed, "the target %s", names[event]);
    end_target(bench);
    return false;
}

/* What must hold after a trial whatever its point was. */
void bench_look_around(struct bench *bench, const struct inject_call *call)
{
    char why[1024];
    if (expect_nothing_left(bench->subject, why, sizeof why) != NULL)
        bench_find(bench, call, "%s", why);
    unsigned refused = inject_refused(bench->inject);
    if (refused != bench->refused)
        bench_find(bench, call, "a kill(2) that could have hit a stranger");
    bench->refused = refused;
    if (end_orphans(inject_target(bench->inject)) > 0)
        bench_find(bench, call, "an orphan was left");
}

/* An undisturbed start, which must go as the scenario says. `after`: the point met before. */
bool bench_undisturbed(struct bench *bench, const struct inject_call *after)
{
    char why[1024];
    bench->subject->fail_allocation = 0;
    if (!bench_trial(bench, &(struct inject_order){.action = INJECT_NOTHING}, after))
        return false;
    if (expect_outcome(bench->subject, NULL, why, sizeof why) != NULL)
        bench_find(bench, after, "%s: %s", after != NULL ? "the next start" : "undisturbed", why);
    bench_look_around(bench, after);
    return true;
}

void bench_end(struct bench *bench)
{
    end_target(bench);
    if (bench->findings > FINDINGS_SHOWN)
        printf("# %u findings more\n", bench->findings - FINDINGS_SHOWN);
}
