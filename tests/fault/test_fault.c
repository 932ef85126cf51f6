/* SPDX-License-Identifier: MIT */
/*
 * Failure at every step of a start: the program. README.md beside it says how to read it.
 *
 *     test_fault [--all] [--list] [--trace SCENARIO] [--only ADDRESS]
 *     ADDRESS: SCENARIO[@WORLD][/ROLE/CALL/K/ERRNO]
 *
 * Invariant: one TAP line for each scenario in each world, `not ok` for any finding in it.
 */
#include "around.h"
#include "calls.h"
#include "isolate.h"
#include "sweep.h"

#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct request {
    const char *scenario, *world; /* NULL: all */
    struct sweep_point point;
    bool has_point, list;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _Noreturn void misused(const char *word)
{
    fprintf(stderr,
            "test_fault: what is '%s'?\n"
            "usage: test_fault [--all] [--list] [--trace SCENARIO] [--only ADDRESS]\n"
            "       ADDRESS: SCENARIO[@WORLD][/ROLE/CALL/K/ERRNO], as a finding prints it\n",
            word);
    exit(2);
}

/* ------------------------------------------------------------------ what is asked for */

/* An errno, with a + when it lasts, or what else can happen to a call. */
static int read_code(char *word, bool *ret_lasting)
{
    static const struct {
        const char *word;
        int code;
    } others[] = {{"KILL", SWEEP_KILL},
                  {"HOLD", SWEEP_HOLD},
                  {"RACE", SWEEP_RACE},
                  {"LIE", SWEEP_LIE},
                  {"ORPHAN", SWEEP_ORPHAN}};
    size_t length = strlen(word);
    *ret_lasting = length > 0 && word[length - 1] == '+';
    if (*ret_lasting)
        word[length - 1] = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(word, others[i].word) == 0)
            return others[i].code;
    return calls_errno(word);
}

static struct sweep_point read_point(char *text)
{
    char *fields[4] = {0};
    size_t count = 0;
    for (char *at = strtok(text, "/"); at != NULL && count < 4; at = strtok(NULL, "/"))
        fields[count++] = at;
    if (count < 4)
        misused("an address without role, call, k or errno");
    struct sweep_point point = {.kth = (unsigned)strtoul(fields[2], NULL, 10)};
    point.role = strcmp(fields[0], "caller") == 0   ? INJECT_CALLER
                 : strcmp(fields[0], "child") == 0  ? INJECT_CHILD
                 : strcmp(fields[0], "middle") == 0 ? INJECT_MIDDLE
                                                    : INJECT_PROGRAM;
    bool allocates = strcmp(fields[1], "malloc") == 0;
    point.number = allocates ? SWEEP_MALLOC : calls_number(fields[1]);
    point.code = read_code(fields[3], &point.lasting);
    if ((!allocates && point.number < 0) || point.kth == 0 || point.code == 0)
        misused(fields[1]);
    return point;
}

static void read_address(char *text, struct request *request)
{
    char *slash = strchr(text, '/');
    if (slash != NULL) {
        *slash = 0;
        request->point = read_point(slash + 1);
        request->has_point = true;
    }
    char *at = strchr(text, '@');
    if (at != NULL)
        *at = 0;
    request->world = at != NULL ? at + 1 : request->has_point ? worlds[0].name : NULL;
    request->scenario = text;
}

static void read_arguments(char **argv, struct request *request, struct sweep_options *options)
{
    for (size_t i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--all") == 0)
            options->all = true;
        else if (strcmp(argv[i], "--list") == 0)
            request->list = true;
        else if (strcmp(argv[i], "--only") == 0 && argv[i + 1] != NULL)
            read_address(argv[++i], request);
        else if (strcmp(argv[i], "--trace") == 0 && argv[i + 1] != NULL) {
            options->traces = true;
            read_address(argv[++i], request);
        } else
            misused(argv[i]);
    }
    const struct scenario *scenario;
    for (size_t i = 0; request->scenario != NULL && (scenario = scenario_at(i)) != NULL; i++)
        if (strcmp(scenario->name, request->scenario) == 0)
            return;
    if (request->scenario != NULL)
        misused(request->scenario);
}

static bool is_wanted(const char *asked, const char *name)
{
    return asked == NULL || strcmp(asked, name) == 0;
}

/* ------------------------------------------------------------------ the place */

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

/* The same surroundings wherever it is run: the report of a start has all of them in it. */
static void settle_surroundings(void)
{
    clearenv();
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("LC_ALL", "C", 1);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void find_witness(char *path, size_t size)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    snprintf(path, size, "%s/witness", dirname(self));
    if (access(path, X_OK) == 0)
        return;
    fprintf(stderr, "test_fault: %s: %s\n", path, strerror(errno));
    exit(1);
}

/* ------------------------------------------------------------------ the program */

static void tell_counts(const struct sweep_counts *counts, unsigned sweeps, int64_t took_ms)
{
    printf("# %u sweeps, %u points: %u calls of the caller, %u of the child, %u kills, "
           "%u allocations; %u starts, %u findings, %lld ms\n",
           sweeps, counts->caller + counts->child + counts->kills + counts->allocations,
           counts->caller, counts->child, counts->kills, counts->allocations, counts->starts,
           counts->findings, (long long)took_ms);
}

static void one_line(const struct sweep_options *options, const struct request *request,
                     const struct scenario *scenario, const struct world *world, unsigned number,
                     struct sweep_counts *total)
{
    struct sweep_counts counts = {0};
    const char *mark = world->name[0] != 0 ? "@" : "";
    const char *lacks = scenario->lacks != NULL ? scenario->lacks() : NULL;
    if (lacks != NULL) {
        printf("ok %u - %s%s%s # SKIP %s\n", number, scenario->name, mark, world->name, lacks);
        return;
    }
    sweep_scenario(options, scenario, world, request->has_point ? &request->point : NULL, &counts);
    printf("%s %u - %s%s%s: %u caller, %u child, %u kills, %u allocations\n",
           counts.findings == 0 ? "ok" : "not ok", number, scenario->name, mark, world->name,
           counts.caller, counts.child, counts.kills, counts.allocations);
    fflush(stdout);
    total->caller += counts.caller;
    total->child += counts.child;
    total->kills += counts.kills;
    total->allocations += counts.allocations;
    total->starts += counts.starts;
    total->findings += counts.findings;
    total->calls += counts.calls;
}

static unsigned sweep_all(const struct sweep_options *options, const struct request *request,
                          struct sweep_counts *total)
{
    unsigned number = 0;
    const struct scenario *scenario;
    for (size_t w = 0; w < world_count; w++)
        for (size_t s = 0; (scenario = scenario_at(s)) != NULL; s++) {
            bool whole = options->all || request->scenario != NULL || !worlds[w].is_part;
            if (is_wanted(request->scenario, scenario->name) &&
                is_wanted(request->world, worlds[w].name) &&
                (whole || (scenario->traits & SCENARIO_EVERYWHERE)))
                one_line(options, request, scenario, &worlds[w], ++number, total);
        }
    return number;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct request request = {0};
    struct sweep_options options = {.self = argv[0]};
    struct sweep_counts total = {0};
    char witness[4096], place[] = "/tmp/brood-fault.XXXXXX";
    read_arguments(argv, &request, &options);
    if (request.list) {
        for (size_t i = 0; scenario_at(i) != NULL; i++)
            printf("%s\n", scenario_at(i)->name);
        return 0;
    }
    find_witness(witness, sizeof witness);
    settle_surroundings();
    const char *how = isolate();
    if (mkdtemp(place) == NULL || chmod(place, 0755) < 0) {
        perror(place);
        return 1;
    }
    around_name_cgroup(strrchr(place, '/') + 1);
    options.place = place;
    options.witness = witness;
    printf("TAP version 13\n# %s\n", how);
    int64_t began_ms = now_ms();
    unsigned sweeps = sweep_all(&options, &request, &total);
    printf("1..%u\n", sweeps);
    tell_counts(&total, sweeps, now_ms() - began_ms);
    around_done();
    nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return total.findings > 0 || sweeps == 0;
}
