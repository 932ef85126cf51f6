/* SPDX-License-Identifier: MIT */
/*
 * What the harness's own files share: the page that the runner and every process of a test write,
 * and the steps of one test. Tests include harness.h alone.
 *
 * Invariant: the page is mapped shared before the first test and never moves, so a process made by
 * any kind of fork can say what went wrong in it.
 */
#ifndef HARNESS_INSIDE_H
#define HARNESS_INSIDE_H

#include "harness.h"

#include <limits.h>
#include <stdatomic.h>

enum test_state {
    TEST_RUNNING,  /* nothing said yet: whoever ends now ends early */
    TEST_FINISHED, /* the body returned and the audit was made */
    TEST_SKIPPED,  /* SKIP, and the audit was made */
    TEST_GAVE_UP   /* a REQUIRE failed in the test's own process */
};

enum { PAGE_LOG = 96 * 1024, PAGE_NAMED = 64, EXIT_GAVE_UP = 99, END_WAIT_MS = 10000 };

struct test_page {
    _Atomic unsigned checks, failures;
    _Atomic int state;
    pid_t test_pid;
    bool in_place;            /* --no-fork */
    char skip_reason[256];    /* before state becomes TEST_SKIPPED */
    char directory[PATH_MAX]; /* lab_directory's, "" until it is asked for */
    pid_t named[PAGE_NAMED];  /* children that the test's own audit has named already */
    size_t named_count;
    _Atomic size_t log_used; /* may grow beyond PAGE_LOG: then lines were lost */
    char log[PAGE_LOG];
};

extern struct test_page *test_page;

/* How the runner was asked to run. */
struct run_options {
    const char *program; /* argv[0], for the line that repeats a test */
    unsigned timeout_s;  /* 0: each test's own */
    bool in_place;
};

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

/* Maps the page, makes the runner a subreaper and takes over its signals. False: cannot. */
bool runner_open(void);

/* Runs one test to its end, whatever it does, and leaves nothing of it behind. What it said is in
 * the page; what it printed is in the file `output_fd`, the caller's to close. */
enum verdict runner_run(const struct test_case *test, const struct run_options *options,
                        int *output_fd);

/* The number of the signal that asked the runner to stop, or 0. */
int runner_interrupted(void);

/* In the test's process: the audit, the verdict of the leak checkers, and the end. */
_Noreturn void test_finish(enum test_state state);

/* Prints the page after --no-fork. Returns the exit code. */
int report_in_place(void);

/* Counts a failure and adds its line to the page's log. Usable in any process of the test. */
void page_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends whatever the ended test left to the runner, and names what was still alive as a failure. */
void end_leftovers(void);

/* Removes the directory of the test, if it made one. */
void lab_clear(const char *directory);

#endif
