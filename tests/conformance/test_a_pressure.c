/* SPDX-License-Identifier: MIT */
/*
 * All or nothing, when something runs out: descriptors at every number of free ones, whatever it is
 * at the first start of all, memory at every amount.
 *
 * Room tests. Invariant: what is left of it is exact, and raised by the test, not by time.
 */
#include "calls.h"
#include "faulty.h"
#include "kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_FREE = 16, MOST_CALLS = 200 };

/* ------------------------------------------------------------------ descriptors */

static int try_with_free(unsigned free_fds, const struct brood_options *options)
{
    static struct audit before;
    char why[1024];
    struct brood_child *child = NULL;
    struct brood_error error;
    long soft = lab_leave_fds(free_fds);
    REQUIRE(soft >= 0);
    audit_take(&before);
    int result = brood_start(options, &child, &error);
    if (result < 0)
        CHECK_SAY(result == -EMFILE && error.code == EMFILE, "%u free: %d", free_fds, result);
    brood_child_free(child);
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%u free: %s", free_fds, why);
    CHECK_INT(lab_restore_fds(soft), 0);
    return result;
}

static void every_number_of_free_ones(const struct brood_options *options)
{
    unsigned refused = 0;
    bool enough = false;
    for (unsigned k = 0; k <= MOST_FREE; k++) {
        int result = try_with_free(k, options);
        CHECK_SAY(!enough || result == 0, "%u free are too few, fewer were enough", k);
        enough = result == 0;
        refused += result < 0;
        struct brood_child *child = kit_start(options, __FILE__, __LINE__);
        CHECK_EXITED(END_OF(child), 3);
        brood_child_free(child);
    }
    CHECK(enough);
    CHECK_SAY(refused >= 7, "refused with %u or fewer", refused);
}

TEST(a05_partial_pipe_set_up_leak)
{
    const struct brood_stream pipe = A_PIPE, socket = {.kind = BROOD_SOCKET};
    every_number_of_free_ones(
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = pipe, .out = pipe, .err = pipe));
    every_number_of_free_ones(
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = socket, .out = socket, .err = pipe));
}

/* ------------------------------------------------------------------ the first start of all */

/* What a start does, told by its calls, but for those with which memory is got or time passes. */
struct manner {
    size_t count;
    struct {
        int role, number;
    } calls[MOST_CALLS];
    int pidfd_sign;
};

static bool is_of_memory_or_time(int number)
{
    static const int numbers[] = {SYS_mmap,    SYS_munmap, SYS_mprotect, SYS_mremap,
                                  SYS_madvise, SYS_brk,    SYS_futex,    SYS_ppoll};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* Caller and child run at once where no call waits for the other: each by itself. */
static void note_calls(const struct faulty *faulty, int role, struct manner *ret)
{
    size_t count;
    const struct inject_call *trace = inject_trace(faulty->inject, &count);
    for (size_t i = 0; i < count && ret->count < MOST_CALLS; i++) {
        if (trace[i].role != role || is_of_memory_or_time(trace[i].number))
            continue;
        ret->calls[ret->count].role = role;
        ret->calls[ret->count++].number = trace[i].number;
    }
}

/* Starts once with nothing in the way, and notes how. */
static void note_manner(struct faulty *faulty, struct manner *ret)
{
    faulty_run_clean(faulty);
    memset(ret, 0, sizeof *ret);
    ret->pidfd_sign = faulty->told->pidfd >= 0;
    note_calls(faulty, INJECT_CALLER, ret);
    note_calls(faulty, INJECT_CHILD, ret);
}

/* The errnos that say "not now". */
static int codes_of_pressure(const struct inject_call *call, unsigned choice)
{
    static const int pressure[] = {EMFILE, ENFILE, ENOMEM, EAGAIN, ENOBUFS};
    for (unsigned i = 0, found = 0;; i++) {
        int code = calls_codes(call, i);
        if (code <= 0)
            return found ? 0 : -1;
        for (size_t k = 0; k < sizeof pressure / sizeof *pressure; k++)
            if (pressure[k] == code && found++ == choice)
                return code;
    }
}

/* The first start of a process meets pressure from its nth call on; the next works, and then they
 * go as in a process that has never met any. Returns whether there was such a call. */
static bool first_fails_later_are_whole(const struct brood_options *options, unsigned nth,
                                        unsigned choice, const struct manner *whole)
{
    struct faulty faulty;
    static struct manner later;
    char what[64] = "";
    const struct inject_order order = {.action = INJECT_ERRNO,
                                       .role = INJECT_CALLER,
                                       .number = INJECT_ANY,
                                       .which = nth,
                                       .choice = choice,
                                       .sticky = true};
    faulty_open(&faulty, options, true, codes_of_pressure);
    bool came = faulty_run(&faulty, &order);
    const struct inject_call *hit = inject_hit(faulty.inject);
    if (came && hit) {
        (void)snprintf(what, sizeof what, "%s %u %s", calls_name(hit->number), hit->kth,
                       calls_errno_name(hit->code));
        CHECK_SAY(faulty.told->differences == 0, "%s: %s", what, faulty.told->why);
        faulty_run_clean(&faulty); /* what could not be learnt is learnt now */
        note_manner(&faulty, &later);
        CHECK_SAY(later.pidfd_sign == whole->pidfd_sign, "after %s: no pidfd", what);
        CHECK_SAY(later.count == whole->count &&
                      !memcmp(later.calls, whole->calls, sizeof later.calls),
                  "after %s a start goes another way: %zu calls, not %zu", what, later.count,
                  whole->count);
    }
    faulty_close(&faulty);
    return *what != '\0';
}

TEST_TIMEOUT(a12_one_time_init_poisoned_by_pressure, 60)
{
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .in = A_PIPE, .out = A_PIPE);
    static struct manner whole;
    struct faulty faulty;
    unsigned points = 0;
    faulty_open(&faulty, options, true, codes_of_pressure);
    faulty_run_clean(&faulty);
    note_manner(&faulty, &whole);
    faulty_close(&faulty);
    CHECK(whole.count > 4 && whole.count < MOST_CALLS);
    for (unsigned nth = 1; nth < MOST_CALLS; nth++) {
        unsigned choice = 0;
        while (first_fails_later_are_whole(options, nth, choice, &whole))
            choice++;
        if (choice == 0)
            break;
        points += choice;
    }
    CHECK_SAY(points >= 8, "%u points", points);
    NOTE("%u ways to fail first", points);
}

/* ------------------------------------------------------------------ memory */

enum { BIG_WORDS = 8, BIG_BYTES = 100000, STEP_BYTES = 65536, MOST_STEPS = 200 };

static rlim_t address_space_in_use(void)
{
    char text[64];
    REQUIRE(lab_read_file("/proc/self/statm", text, sizeof text) > 0);
    return (rlim_t)strtoul(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* An environment so large that no memory at hand is enough to copy it. */
static char *const *big_environment(void)
{
    static char *words[BIG_WORDS + 1];
    for (int i = 0; i < BIG_WORDS; i++) {
        words[i] = malloc(BIG_BYTES + 1);
        REQUIRE(words[i] != NULL);
        memset(words[i], 'x', BIG_BYTES);
        words[i][0] = (char)('A' + i);
        words[i][1] = '=';
        words[i][BIG_BYTES] = '\0';
    }
    return words;
}

/* One start with so much more than what is in use. Returns its result. */
static int try_with_memory(const struct brood_options *options, rlim_t more)
{
    static struct audit before;
    char why[1024];
    struct rlimit old, scarce;
    struct brood_child *child = NULL;
    struct brood_error error;
    audit_take(&before);
    size_t heap = heap_in_use();
    REQUIRE(getrlimit(RLIMIT_AS, &old) == 0);
    scarce = (struct rlimit){.rlim_cur = address_space_in_use() + more, .rlim_max = old.rlim_max};
    REQUIRE(setrlimit(RLIMIT_AS, &scarce) == 0);
    int result = brood_start(options, &child, &error);
    REQUIRE(setrlimit(RLIMIT_AS, &old) == 0);
    if (result < 0)
        CHECK_SAY(result == -ENOMEM && error.code == ENOMEM &&
                      (error.stage == BROOD_STAGE_MEMORY || error.stage == BROOD_STAGE_CREATE),
                  "%d at stage %s", result, brood_stage_name(error.stage));
    else
        CHECK_EXITED(END_OF(child), 3);
    brood_child_free(child);
    CHECK_SAY(heap_in_use() == heap, "%zu bytes in use, then %zu", heap, heap_in_use());
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    return result;
}

TEST(a14_out_of_memory_in_start)
{
    if (TEST_UNDER_ASAN || TEST_UNDER_TSAN)
        SKIP("a sanitizer needs the address space for itself");
    const struct brood_rlimit free_again = {
        .resource = RLIMIT_AS, .soft = UINT64_MAX, .hard = UINT64_MAX};
    char *const *environment = big_environment();
    const struct brood_options *options =
        BROOD_OPTIONS(.argv = TARGET("exit", "3"), .env = environment, .in = A_PIPE, .out = A_PIPE,
                      .rlimits = &free_again, .rlimit_count = 1);
    struct brood_child *unused = NULL;
    for (int i = 0; i < 10; i++) /* what malloc keeps at hand is then there */
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &unused, NULL), -ENOENT);
    int step = 0;
    while (step < MOST_STEPS && try_with_memory(options, (rlim_t)step * STEP_BYTES) < 0)
        step++;
    CHECK_SAY(step >= 4 && step < MOST_STEPS, "%d starts failed", step);
    NOTE("%d starts failed, the next had enough", step);
    for (int i = 0; i < BIG_WORDS; i++)
        free(environment[i]);
}
