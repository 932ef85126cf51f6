/* SPDX-License-Identifier: MIT */
/*
 * The order of a plan's steps is a contract with the new process: here it is, for the richest
 * options and for the barest, and for what settling must keep apart.
 *
 * Invariant: plans are made and settled, never launched.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <plan/options.h>
#include <plan/plan.h>

static char *const argv_true[] = {(char[]){"true"}, NULL};
static const int no_ends[BD_STREAMS] = {-1, -1, -1};

static void make(struct bd_plan *plan, const struct brood_options *options, const int *ends)
{
    struct brood_options settled;
    struct brood_error error;
    REQUIRE(bd_options_read(options, BD_FOR_START, &settled, &error) == 0);
    REQUIRE(bd_plan_make(plan, &settled, &error) == 0);
    bd_plan_settle(plan, ends);
}

static void check_ops(const struct bd_plan *plan, const uint16_t *ops, size_t count)
{
    CHECK_INT(plan->step_count, count);
    for (size_t i = 0; i < count && i < plan->step_count; i++)
        CHECK_SAY(plan->steps[i].op == ops[i], "step %zu is of kind %d, not %d", i,
                  plan->steps[i].op, ops[i]);
}

TEST(the_barest_plan)
{
    static const uint16_t ops[] = {OS_HIDE, OS_DISPOSITIONS, OS_MASK, OS_EXEC};
    struct bd_plan plan;
    make(&plan, BROOD_OPTIONS(.argv = argv_true), no_ends);
    check_ops(&plan, ops, sizeof ops / sizeof *ops);
    CHECK_INT(plan.steps[1].value, 0);
    CHECK_INT(plan.steps[1].value2, 0);
    CHECK_INT(plan.steps[2].from, 0);
    CHECK(plan.steps[3].data == &plan.exec);
    bd_plan_done(&plan);
}

/* Directory before files, files before hiding, hiding before moves, the limit of descriptors after
 * them, signals last. */
TEST(the_richest_plan)
{
    static const uint16_t ops[] = {
        OS_TIMER, OS_SESSION, OS_LIMIT, OS_LIMIT, OS_UMASK,        OS_NICE, OS_FCHDIR, OS_CHDIR,
        OS_OPEN,  OS_OPEN,    OS_HIDE,  OS_KEEP,  OS_MOVE,         OS_MOVE, OS_MOVE,   OS_SAVE,
        OS_MOVE,  OS_MOVE,    OS_CLOSE, OS_LIMIT, OS_DISPOSITIONS, OS_MASK, OS_EXEC};
    static const uint16_t stages[] = {
        BROOD_STAGE_TIMEOUT,  BROOD_STAGE_SESSION,  BROOD_STAGE_RESOURCE,  BROOD_STAGE_RESOURCE,
        BROOD_STAGE_RESOURCE, BROOD_STAGE_RESOURCE, BROOD_STAGE_DIRECTORY, BROOD_STAGE_DIRECTORY,
        BROOD_STAGE_OPEN,     BROOD_STAGE_OPEN};
    const struct brood_rlimit limits[] = {{.resource = RLIMIT_CORE},
                                          {.resource = RLIMIT_NOFILE, .soft = 8, .hard = 8},
                                          {.resource = RLIMIT_CPU, .soft = 1, .hard = 2}};
    REQUIRE(dup2(0, 5) == 5 && dup2(0, 6) == 6 && dup2(0, 7) == 7);
    const struct brood_fd_map map[] = {{5, 6}, {6, 5}, {7, 7}};
    struct bd_plan plan;
    make(&plan,
         BROOD_OPTIONS(.argv = argv_true, .cwd = "tmp", .cwd_fd = 7, .start_timeout_ms = 3000,
                       .flags =
                           BROOD_SET_UMASK | BROOD_SET_NICE | BROOD_SET_CWD_FD | BROOD_NEW_SESSION,
                       .umask = 027, .nice = 3, .signals = BROOD_KEEP_MASK, .ignore_signals = 4,
                       .in = {.kind = BROOD_NULL}, .out = {.kind = BROOD_FILE, .path = "log"},
                       .err = {.kind = BROOD_MERGE}, .fds = map, .fd_count = 3, .rlimits = limits,
                       .rlimit_count = 3),
         no_ends);
    check_ops(&plan, ops, sizeof ops / sizeof *ops);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        CHECK_INT(plan.steps[i].stage, stages[i]);
    CHECK_INT(plan.steps[0].value, 3000000000);
    CHECK_INT(plan.steps[2].from, RLIMIT_CORE);
    CHECK_INT(plan.steps[3].value2, 2);
    CHECK_STR(plan.steps[8].data, "/dev/null");
    CHECK_STR(plan.steps[9].data, "log");
    CHECK_INT(plan.steps[9].value, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY);
    CHECK_INT(plan.steps[9].value2, 0666);
    CHECK_INT(plan.steps[19].from, RLIMIT_NOFILE);
    CHECK_INT(plan.steps[20].value2, 4);
    CHECK_INT(plan.steps[21].from, 1);
    /* out and err are the same opened file */
    CHECK_INT(plan.steps[13].from, plan.steps[14].from);
    CHECK_INT(OS_MADE_STEP(plan.steps[13].from), 9);
    bd_plan_done(&plan);
    CHECK_INT(close(5) + close(6) + close(7), 0);
}

TEST(no_descriptor_is_hidden_when_all_are_kept)
{
    static const uint16_t ops[] = {OS_MOVE, OS_CLOSE, OS_DISPOSITIONS, OS_MASK, OS_EXEC};
    const int ends[BD_STREAMS] = {11, -1, -1};
    struct bd_plan plan;
    make(&plan,
         BROOD_OPTIONS(.argv = argv_true, .flags = BROOD_KEEP_ALL_FDS, .in = {.kind = BROOD_PIPE},
                       .out = {.kind = BROOD_CLOSED}),
         ends);
    check_ops(&plan, ops, sizeof ops / sizeof *ops);
    CHECK_INT(plan.steps[0].from, 11);
    CHECK_INT(plan.steps[0].to, 0);
    CHECK_INT(plan.steps[1].from, 1);
    bd_plan_done(&plan);
}

/* Settled twice, it is the same plan: a start that is tried again begins anew. */
TEST(settling_again_changes_nothing)
{
    const int ends[BD_STREAMS] = {11, 12, 13};
    struct bd_plan plan;
    make(&plan,
         BROOD_OPTIONS(.argv = argv_true, .in = {.kind = BROOD_PIPE}, .out = {.kind = BROOD_PIPE},
                       .err = {.kind = BROOD_PIPE}),
         ends);
    size_t count = plan.step_count;
    struct os_step first[32];
    REQUIRE(count < 32);
    memcpy(first, plan.steps, count * sizeof *first);
    bd_plan_settle(&plan, ends);
    CHECK_INT(plan.step_count, count);
    for (size_t i = 0; i < count; i++) { /* member by member: padding has no meaning */
        CHECK_INT(plan.steps[i].op, first[i].op);
        CHECK_INT(plan.steps[i].from, first[i].from);
        CHECK_INT(plan.steps[i].to, first[i].to);
        CHECK_INT(plan.steps[i].value, first[i].value);
        CHECK(plan.steps[i].data == first[i].data);
    }
    bd_plan_done(&plan);
}

static uint64_t flags_of(uint32_t flags, bool is_input)
{
    struct bd_plan plan;
    struct brood_options *options = BROOD_OPTIONS(.argv = argv_true);
    struct brood_stream stream = {.kind = BROOD_FILE, .path = "x", .flags = flags};
    if (is_input)
        options->in = stream;
    else
        options->err = stream;
    make(&plan, options, no_ends);
    CHECK_INT(plan.steps[0].op, OS_OPEN);
    uint64_t opened = plan.steps[0].value;
    bd_plan_done(&plan);
    return opened & ~(uint64_t)O_NOCTTY;
}

TEST(open_flags)
{
    CHECK_INT(flags_of(0, true), O_RDONLY);
    CHECK_INT(flags_of(0, false), O_WRONLY | O_CREAT | O_TRUNC);
    CHECK_INT(flags_of(BROOD_FILE_APPEND, false), O_WRONLY | O_CREAT | O_APPEND);
    CHECK_INT(flags_of(BROOD_FILE_KEEP, false), O_WRONLY | O_CREAT);
    CHECK_INT(flags_of(BROOD_FILE_EXISTING, false), O_WRONLY | O_TRUNC);
    CHECK_INT(flags_of(BROOD_FILE_EXISTING | BROOD_FILE_KEEP, false), O_WRONLY);
    CHECK_INT(flags_of(BROOD_FILE_EXISTING | BROOD_FILE_APPEND, false), O_WRONLY | O_APPEND);
    CHECK_INT(flags_of(BROOD_FILE_EXCLUSIVE, false), O_WRONLY | O_CREAT | O_EXCL | O_TRUNC);
}

/* What an error says of a step. */
TEST(steps_are_named)
{
    const struct brood_rlimit limit = {.resource = RLIMIT_NPROC, .soft = 1, .hard = 1};
    struct bd_plan plan;
    const char *subject;
    int64_t number;
    make(&plan,
         BROOD_OPTIONS(.argv = argv_true, .cwd = "/srv", .rlimits = &limit, .rlimit_count = 1,
                       .out = {.kind = BROOD_FD, .fd = 2}, .join_group = 7777),
         no_ends);
    bd_plan_name_step(&plan, 0, &subject, &number);
    CHECK_STR(subject, NULL);
    CHECK_INT(number, 7777);
    bd_plan_name_step(&plan, 1, &subject, &number);
    CHECK_STR(subject, "limit nproc");
    CHECK_INT(number, RLIMIT_NPROC);
    bd_plan_name_step(&plan, 2, &subject, &number);
    CHECK_STR(subject, "/srv");
    CHECK_INT(number, -1);
    bd_plan_name_step(&plan, 4, &subject, &number);
    CHECK_STR(subject, NULL);
    CHECK_INT(number, 1);
    bd_plan_done(&plan);
}

TEST(a_plan_owns_its_strings)
{
    char cwd[] = "/srv", path[] = "log", word[] = "true", set[] = "A=1", size_word[] = "x";
    char *const argv[] = {word, size_word, NULL}, *const env[] = {set, NULL};
    size_t heap = heap_in_use();
    struct bd_plan plan;
    make(&plan,
         BROOD_OPTIONS(.argv = argv, .cwd = cwd, .env = env, .search = BROOD_SEARCH_NONE,
                       .out = {.kind = BROOD_FILE, .path = path}),
         no_ends);
    memset(cwd, '!', 4);
    memset(path, '!', 3);
    memset(word, '!', 4);
    memset(set, '!', 3);
    memset(size_word, '!', 1);
    CHECK_STR(plan.steps[0].data, "/srv");
    CHECK_STR(plan.steps[1].data, "log");
    CHECK_STR(plan.exec.argv[0], "true");
    CHECK_STR(plan.exec.argv[1], "x");
    CHECK_STR(plan.exec.env[0], "A=1");
    CHECK_STR(plan.exec.candidates[0], "true");
    bd_plan_done(&plan);
    CHECK_INT(heap_in_use(), heap);
}
