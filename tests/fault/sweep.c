/* SPDX-License-Identifier: MIT */
/*
 * The sweep of one scenario; see sweep.h.
 *
 * Invariant: every sweep is bounded by its own count, and what the count missed is told.
 */
#include "sweep.h"
#include "alloc.h"
#include "bench.h"
#include "calls.h"
#include "expect.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_STARTS = 2 };

/* Builds of their own keep the library from sharing memory with the child, and from clone: no
 * kernel at hand makes it do so by itself. */
#if defined FAULT_COPIED
const struct world worlds[] = {{.name = "copied", .is_part = true}};
#elif defined FAULT_PORTABLE
const struct world worlds[] = {{.name = "portable", .is_part = true}};
#else
const struct world worlds[] = {
    {.name = ""},
    {.name = "old",
     .is_part = true,
     .denials = {{__NR_clone3, ENOSYS}, {__NR_close_range, ENOSYS}}},
};
#endif
const size_t world_count = sizeof worlds / sizeof *worlds;

/* ------------------------------------------------------------------ the clean start */

static bool counts_for_start(const struct inject_call *call)
{
    return call->role != INJECT_PROGRAM;
}

static void keep_trace(struct bench *bench)
{
    size_t count;
    const struct inject_call *trace = inject_trace(bench->inject, &count);
    bench->clean_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct inject_call *call = &trace[i];
        if (!counts_for_start(call))
            continue;
        bench->counts->calls++;
        if (!calls_known(call))
            bench_find(bench, NULL, "%s calls %s, which calls.c does not know",
                       bench_role_names[call->role], calls_name(call->number));
        if (bench->clean_count == POINTS_MAX)
            bench_find(bench, NULL, "more calls than the sweep has room for");
        else
            bench->clean[bench->clean_count++] = *call;
    }
}

static void print_trace(const struct bench *bench)
{
    for (size_t i = 0; i < bench->clean_count; i++) {
        const struct inject_call *call = &bench->clean[i];
        const char *never = calls_never(call);
        printf("#   %-7s %-14s %u%s%s\n", bench_role_names[call->role], calls_name(call->number),
               call->kth, never != NULL ? "  never: " : "", never != NULL ? never : "");
    }
}

/* Warm starts, then the one that is the measure of all others. */
static bool begin(struct bench *bench)
{
    char why[1024];
    for (int i = 0; i < WARM_STARTS; i++) {
        bench->subject->keep_report = true;
        if (!bench_undisturbed(bench, NULL) || bench->findings > 0)
            return false;
    }
    bench->subject->keep_report = false;
    keep_trace(bench);
    if (bench->scenario->stage == 0 && expect_facts(bench->subject, why, sizeof why) != NULL)
        bench_find(bench, NULL, "%s", why);
    if (bench->options->traces)
        print_trace(bench);
    return bench->findings == 0;
}

/* ------------------------------------------------------------------ the points */

/* A SIGKILL that the exec was faster than: the program had begun, or had failed to. */
static bool came_late(const struct subject *subject)
{
    char why[1024];
    return (subject->result == 0 && subject->child == CHILD_SIGNALLED) ||
           expect_outcome(subject, NULL, why, sizeof why) == NULL;
}

/* Of pressure that lasts, what came of any call that it met. */
static bool is_expected(const struct bench *bench, const struct inject_call *hit, char *why,
                        size_t size)
{
    char other[1024];
    if (expect_outcome(bench->subject, hit, why, size) == NULL)
        return true;
    size_t count;
    const struct inject_call *trace = inject_trace(bench->inject, &count);
    for (size_t i = 0; bench->lasting && i < count; i++)
        if (trace[i].fate == INJECT_FAILED &&
            expect_outcome(bench->subject, &trace[i], other, sizeof other) == NULL)
            return true;
    return false;
}

/* One point and the start after it. Returns whether the point was there. */
static bool strike(struct bench *bench, const struct inject_order *order)
{
    char why[1024];
    bench->lasting = order->sticky;
    bench->racing = order->action == INJECT_KILL_DURING;
    if (!bench_trial(bench, order, NULL))
        return true; /* told, and there may be more behind it */
    const struct inject_call *hit = inject_hit(bench->inject);
    if (hit == NULL)
        return false;
    struct inject_call call = bench->met = *hit;
    bool late = bench->racing && came_late(bench->subject);
    bench->race_begun = late && bench->subject->result == 0;
    if (!late && !is_expected(bench, &call, why, sizeof why))
        bench_find(bench, &call, "%s", why);
    bench_look_around(bench, &call);
    for (size_t i = 0; i < bench->clean_count; i++)
        if (bench->clean[i].role == call.role && bench->clean[i].number == call.number &&
            bench->clean[i].kth == call.kth)
            bench->clean[i].fate = call.fate; /* it has been met */
    bench_undisturbed(bench, &call);
    return true;
}

static unsigned *counter(struct bench *bench, int role)
{
    return role == INJECT_CALLER ? &bench->counts->caller : &bench->counts->child;
}

/* The N-th call that can fail, N = 1.. until a start in which there is none: with every errno, or
 * with the first alone where the like has been seen. */
static void sweep_errnos(struct bench *bench, int role)
{
    for (unsigned nth = 1; nth < POINTS_MAX; nth++) {
        bool one_is_enough = !bench->options->all && bench->world->name[0] != 0;
        for (unsigned choice = 0;; choice++) {
            struct inject_order order = {.action = INJECT_ERRNO,
                                         .role = role,
                                         .number = INJECT_ANY,
                                         .which = nth,
                                         .choice = choice};
            bool met = strike(bench, &order);
            bool spent = bench->inject != NULL && inject_spent(bench->inject);
            if (!met && !spent && choice == 0)
                return;
            *counter(bench, role) += met;
            if (met && choice == 0 && !bench->options->all)
                one_is_enough |= bench_is_familiar(bench, &bench->met);
            if (!met || bench->inject == NULL || one_is_enough)
                break;
        }
    }
    bench_find(bench, NULL, "the sweep of the %s does not end", bench_role_names[role]);
}

/* One of a row of equal calls, such as one for each signal: the first two stand for all. */
static bool is_one_of_many(const struct bench *bench, unsigned step)
{
    for (size_t i = 0; i < bench->clean_count; i++)
        if (bench->clean[i].role == INJECT_CHILD && bench->clean[i].step == step)
            return bench->clean[i].nth == 0 && bench->clean[i].kth > 2;
    return false;
}

static void sweep_kills_in_the_middle(struct bench *bench)
{
    struct inject_order order = {
        .action = INJECT_KILL, .role = INJECT_MIDDLE, .number = INJECT_ANY, .which = 1};
    for (; strike(bench, &order); order.which++)
        bench->counts->kills++;
}

/* The child's maker is killed while the child is at its N-th call: nobody is left to wait. */
static void sweep_orphans(struct bench *bench)
{
    struct inject_order order = {
        .action = INJECT_ORPHAN, .role = INJECT_CHILD, .number = INJECT_ANY, .which = 1};
    for (;; order.which++) {
        if (!bench->options->all && is_one_of_many(bench, order.which))
            continue;
        if (!strike(bench, &order))
            break;
        bench->counts->kills++;
    }
    if (order.which == 1)
        bench_find(bench, NULL, "nobody was killed in the middle");
}

/* A filter that answers 0 without the call: the child is still who the caller is. */
static void sweep_lies(struct bench *bench)
{
    static const int numbers[] = {__NR_setgroups, __NR_setresgid, __NR_setresuid};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct inject_order order = {
            .action = INJECT_LIE, .role = INJECT_CHILD, .number = numbers[i], .which = 1};
        if (!strike(bench, &order))
            bench_find(bench, NULL, "there is no %s", calls_name(numbers[i]));
        bench->counts->child++;
    }
}

/* SIGKILL in place of the child's N-th call, whatever it is; then of the program's first. */
static void sweep_kills(struct bench *bench)
{
    struct inject_order order = {.action = INJECT_KILL, .role = INJECT_CHILD, .number = INJECT_ANY};
    for (order.which = 1;; order.which++) {
        if (!bench->options->all && is_one_of_many(bench, order.which))
            continue;
        if (!strike(bench, &order))
            break;
        bench->counts->kills++;
    }
    order.role = INJECT_PROGRAM;
    order.which = 1;
    bench->counts->kills += strike(bench, &order);
}

/* The child stands still at its N-th call: the start timeout is the only way out. With memory of
 * its own the child is waited for by the kernel alone, so its timer must have been set before. */
static void sweep_holds(struct bench *bench)
{
    struct inject_order order = {
        .action = INJECT_HOLD, .role = INJECT_CHILD, .number = INJECT_ANY, .which = 1};
#ifdef FAULT_COPIED
    order.which = 3;
#endif
    for (; strike(bench, &order); order.which++)
        bench->counts->kills++;
}

/* A SIGKILL that meets the exec somewhere on its way: which side of the point of no return it met
 * is not known, but it must be one of the two. */
static void sweep_races(struct bench *bench)
{
    struct inject_order order = {
        .action = INJECT_KILL_DURING, .role = INJECT_CHILD, .number = __NR_execve, .which = 1};
    unsigned races = 0, begun = 0;
    for (order.delay_us = 0; order.delay_us < 4000; order.delay_us = order.delay_us * 5 / 4 + 1) {
        races += strike(bench, &order);
        begun += bench->race_begun;
    }
    bench->counts->kills += races;
    printf("# %s: of %u exec calls met by SIGKILL %u had begun\n", bench->scenario->name, races,
           begun);
}

/* Pressure that lasts: the call fails from the N-th on. Only with errnos that mean it, and not for
 * polls: without them nothing can be waited for, and few descriptors need no kernel memory. */
static void sweep_pressure(struct bench *bench)
{
    static const int codes[] = {EMFILE, ENFILE, ENOMEM, EAGAIN, EACCES};
    for (size_t i = 0; i < bench->clean_count; i++) {
        struct inject_call call = bench->clean[i];
        for (unsigned choice = 0; call.nth > 0 && bench_codes(&call, choice) > 0; choice++) {
            bool means_it = false;
            for (size_t k = 0; k < sizeof codes / sizeof *codes; k++)
                means_it |= codes[k] == bench_codes(&call, choice);
            if (!means_it || call.number == __NR_ppoll ||
                bench->scenario->traits & (SCENARIO_RETRIES | SCENARIO_SEARCHES))
                continue;
            struct inject_order order = {.action = INJECT_ERRNO,
                                         .role = call.role,
                                         .number = call.number,
                                         .which = call.kth,
                                         .choice = choice,
                                         .sticky = true};
            *counter(bench, call.role) += strike(bench, &order);
        }
    }
}

static bool strike_allocation(struct bench *bench, unsigned kth)
{
    char why[1024];
    struct inject_call call = {.role = INJECT_CALLER,
                               .number = SWEEP_MALLOC,
                               .kth = kth,
                               .fate = INJECT_FAILED,
                               .code = ENOMEM};
    bench->subject->fail_allocation = kth;
    bool came = bench_trial(bench, &(struct inject_order){.action = INJECT_NOTHING}, &call);
    bench->subject->fail_allocation = 0;
    if (!came)
        return true;
    if (bench->subject->allocations < kth)
        return false;
    if (expect_memory(bench->subject, why, sizeof why) != NULL)
        bench_find(bench, &call, "%s", why);
    bench_look_around(bench, &call);
    bench_undisturbed(bench, &call);
    return true;
}

static void sweep_allocations(struct bench *bench)
{
    for (unsigned kth = 1; alloc_is_ours() && strike_allocation(bench, kth); kth++)
        bench->counts->allocations++;
}

/* How often these are called depends on time, so the k-th may be absent in one start: looks at a
 * process that is on its way. */
static bool depends_on_time(const struct inject_call *call)
{
    static const int looks[] = {__NR_ppoll,           __NR_read,   __NR_futex, __NR_waitid,
                                __NR_clock_nanosleep, __NR_setpgid};
    const char *name = strrchr(call->path, '/');
    bool is_look = call->number == __NR_openat && name != NULL && strcmp(name, "/stat") == 0;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        is_look |= call->number == looks[i];
    return is_look && call->role != INJECT_CHILD;
}

/* Each call of the clean trace that can fail has failed. One that the count passed by, because a
 * call of libc's own (an allocator's mmap) came between once, is met by its address. */
static void compare_with_trace(struct bench *bench)
{
    for (size_t i = 0; i < bench->clean_count; i++) {
        struct inject_call call = bench->clean[i];
        if (call.nth == 0 || call.fate != INJECT_MADE || depends_on_time(&call))
            continue;
        call.code = bench_codes(&call, 0);
        struct inject_order order = {.action = INJECT_ERRNO,
                                     .role = call.role,
                                     .number = call.number,
                                     .which = call.kth,
                                     .code = call.code};
        if (strike(bench, &order))
            ++*counter(bench, call.role);
        else
            bench_find(bench, &call, "in the clean trace, but never met by the sweep");
    }
}

static void one_point(struct bench *bench, const struct sweep_point *point)
{
    if (point->number == SWEEP_MALLOC) {
        if (!strike_allocation(bench, point->kth))
            bench_find(bench, NULL, "the point is not there");
        return;
    }
    if (point->code == SWEEP_RACE) {
        sweep_races(bench);
        return;
    }
    struct inject_order order = {.action = point->code == SWEEP_KILL     ? INJECT_KILL
                                           : point->code == SWEEP_HOLD   ? INJECT_HOLD
                                           : point->code == SWEEP_LIE    ? INJECT_LIE
                                           : point->code == SWEEP_ORPHAN ? INJECT_ORPHAN
                                                                         : INJECT_ERRNO,
                                 .role = point->role,
                                 .number = point->number,
                                 .which = point->kth,
                                 .code = point->code,
                                 .sticky = point->lasting};
    if (!strike(bench, &order))
        bench_find(bench, NULL, "the point is not there");
}

static void sweep_points(struct bench *bench)
{
    unsigned traits = bench->scenario->traits;
    sweep_errnos(bench, INJECT_CALLER);
    sweep_errnos(bench, INJECT_CHILD);
    if (traits & SCENARIO_DETACHED)
        sweep_errnos(bench, INJECT_MIDDLE);
    compare_with_trace(bench);
    sweep_kills(bench);
    if (traits & SCENARIO_DETACHED) {
        sweep_kills_in_the_middle(bench);
        sweep_orphans(bench);
    }
    if (traits & SCENARIO_IDS)
        sweep_lies(bench);
    if (traits & SCENARIO_STALLS)
        sweep_holds(bench);
    sweep_allocations(bench);
    if (bench->options->all) {
        sweep_races(bench);
        sweep_pressure(bench);
    }
}

void sweep_scenario(const struct sweep_options *options, const struct scenario *scenario,
                    const struct world *world, const struct sweep_point *point,
                    struct sweep_counts *counts)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.options = options;
    bench.scenario = scenario;
    bench.world = world;
    bench.counts = counts;
    bench.subject = mmap(NULL, sizeof *bench.subject, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bench.subject == MAP_FAILED) {
        bench_find(&bench, NULL, "no shared memory: %s", strerror(errno));
        return;
    }
    bench.subject->scenario = scenario;
    snprintf(bench.subject->directory, sizeof bench.subject->directory, "%s/%s", options->place,
             scenario->name);
    snprintf(bench.subject->witness, sizeof bench.subject->witness, "%s", options->witness);
    if (mkdir(bench.subject->directory, 0755) < 0 && errno != EEXIST)
        bench_find(&bench, NULL, "%s: %s", bench.subject->directory, strerror(errno));

    if (begin(&bench) && point != NULL) {
        one_point(&bench, point);
    } else if (bench.findings == 0 && !options->traces) {
        sweep_points(&bench);
    }
    bench_end(&bench);
    munmap(bench.subject, sizeof *bench.subject);
}
