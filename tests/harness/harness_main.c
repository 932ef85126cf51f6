/* SPDX-License-Identifier: MIT */
/*
 * The program around the tests: options, the list of tests, TAP 13.
 *
 * Invariant: the exit code is 0 only when every test that was asked for passed or was skipped.
 */
#include "inside.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, OUTPUT_SHOWN = 8 * 1024 };

static struct test_case *first_test, **last_test = &first_test;

/* A run's tally, and the skips held back: when nothing else comes, they become the plan. */
struct tally {
    unsigned run, failed, skipped;
    FILE *held;
    char *held_text;
    size_t held_length;
    char reason[256];
};

void test_add(struct test_case *test)
{
    *last_test = test;
    last_test = &test->next;
}

/* Prints text as TAP comments: one prefix a line, and nothing that a terminal would act on. */
static void print_comment(const char *prefix, const char *text, size_t length)
{
    bool at_start = true;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '\0')
            continue;
        if (at_start)
            (void)printf("# %s", prefix);
        at_start = byte == '\n';
        (void)putchar(byte >= ' ' || byte == '\n' || byte == '\t' ? byte : '?');
    }
    if (!at_start)
        (void)putchar('\n');
}

static void print_log(void)
{
    size_t used = atomic_load(&test_page->log_used);
    print_comment("", test_page->log, used < PAGE_LOG ? used : PAGE_LOG);
    if (used > PAGE_LOG)
        (void)printf("# ... and %zu bytes of further words\n", used - PAGE_LOG);
}

/* The end of what the test printed: the last words are the ones that matter. */
static void print_output(int fd)
{
    static char text[OUTPUT_SHOWN];
    off_t end = lseek(fd, 0, SEEK_END);
    off_t from = end > OUTPUT_SHOWN ? end - OUTPUT_SHOWN : 0;
    ssize_t length = end > 0 ? pread(fd, text, sizeof text, from) : 0;
    if (length <= 0)
        return;
    (void)printf("# output%s:\n", from > 0 ? " (its end)" : "");
    print_comment("| ", text, (size_t)length);
}

static void print_skip(struct tally *tally, const struct test_case *test)
{
    FILE *to = tally->held ? tally->held : stdout;
    (void)fprintf(to, "ok %u - %s # SKIP %s\n", tally->run, test->name, test_page->skip_reason);
    if (tally->skipped == 1)
        (void)snprintf(tally->reason, sizeof tally->reason, "%s", test_page->skip_reason);
}

static void release_held(struct tally *tally)
{
    if (!tally->held)
        return;
    (void)fclose(tally->held);
    (void)fwrite(tally->held_text, 1, tally->held_length, stdout);
    free(tally->held_text);
    tally->held = NULL;
}

static void run_one(struct tally *tally, const struct test_case *test,
                    const struct run_options *options)
{
    int output = -1;
    (void)fflush(stdout);
    enum verdict verdict = runner_run(test, options, &output);
    tally->run++;
    if (getenv("HARNESS_TELLS_PIDS"))
        (void)printf("# process %d\n", (int)test_page->test_pid);
    if (verdict == VERDICT_SKIPPED) {
        tally->skipped++;
        print_skip(tally, test);
    } else {
        release_held(tally);
        (void)printf("%sok %u - %s\n", verdict == VERDICT_PASSED ? "" : "not ", tally->run,
                     test->name);
        print_log();
    }
    if (verdict == VERDICT_FAILED) {
        tally->failed++;
        print_output(output);
        (void)printf("# repeat: %s --only %s\n", options->program, test->name);
    }
    if (output >= 0)
        (void)close(output);
}

int report_in_place(void)
{
    unsigned failures = atomic_load(&test_page->failures);
    print_log();
    (void)printf("# %u checks, %u failures\n", atomic_load(&test_page->checks), failures);
    lab_clear(test_page->directory);
    return failures > 0;
}

/* Named in HARNESS_EXCEPT as PROGRAM:NAME, among others. */
static bool is_left_out(const struct run_options *options, const struct test_case *test)
{
    char name[512];
    const char *slash = strrchr(options->program, '/'), *list = getenv("HARNESS_EXCEPT");
    (void)snprintf(name, sizeof name, "%s:%s", slash ? slash + 1 : options->program, test->name);
    size_t length = strlen(name);
    while (list && *list) {
        size_t end = strcspn(list, " ");
        if (end == length && strncmp(list, name, length) == 0)
            return true;
        list += end + strspn(list + end, " ");
    }
    return false;
}

static int run_all(const char *pattern, const struct run_options *options)
{
    struct tally tally = {.run = 0};
    (void)puts("TAP version 13");
    tally.held = open_memstream(&tally.held_text, &tally.held_length);
    for (const struct test_case *test = first_test; test && !runner_interrupted();
         test = test->next)
        if (fnmatch(pattern, test->name, 0) == 0 && !is_left_out(options, test))
            run_one(&tally, test, options);
    if (runner_interrupted()) {
        (void)printf("Bail out! Interrupted by signal %d\n", runner_interrupted());
        return 128 + runner_interrupted();
    }
    if (tally.run > 0 && tally.run == tally.skipped)
        (void)printf("1..0 # SKIP %s\n", tally.reason);
    else
        (void)printf("1..%u\n", tally.run);
    if (tally.failed > 0)
        (void)printf("# failed %u of %u\n", tally.failed, tally.run);
    if (tally.held) {
        (void)fclose(tally.held);
        free(tally.held_text);
    }
    return tally.failed > 0;
}

static unsigned count_tests(const char *pattern, bool print)
{
    unsigned count = 0;
    for (const struct test_case *test = first_test; test; test = test->next)
        if (fnmatch(pattern, test->name, 0) == 0) {
            count++;
            if (print)
                (void)puts(test->name);
        }
    return count;
}

static int usage(const char *program, const char *problem)
{
    (void)fprintf(
        stderr,
        "%s: %s\nusage: %s [--only NAME] [--list] [--timeout SECONDS] [--no-fork]\n"
        "NAME may be a pattern; --no-fork runs one test in this process, for a debugger\n",
        program, problem, program);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct run_options options = {.program = argv[0]};
    const char *pattern = "*";
    bool list = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--list"))
            list = true;
        else if (!strcmp(argv[i], "--no-fork"))
            options.in_place = true;
        else if (!strcmp(argv[i], "--only") && value) {
            pattern = value;
            i++;
        } else if (!strcmp(argv[i], "--timeout") && value && strtoul(value, NULL, 10) > 0) {
            options.timeout_s = (unsigned)strtoul(value, NULL, 10);
            i++;
        } else
            return usage(argv[0], "unknown option, or one without its value");
    }
    unsigned count = count_tests(pattern, list);
    if (list)
        return 0;
    if (count == 0)
        return usage(argv[0], "no test has that name");
    if (options.in_place && count != 1)
        return usage(argv[0], "--no-fork runs a single test: name it with --only");
    if (!runner_open()) {
        (void)printf("Bail out! The runner cannot be set up: %s\n", strerror(errno));
        return 1;
    }
    return run_all(pattern, &options);
}
