/* SPDX-License-Identifier: MIT */
/*
 * What tests of starting one child do again and again: start the helper program, hear what it
 * tells, see it end; and refused starts, with every word of the error.
 *
 * Invariant: each function checks that what it did left the calling process as it was (audit.h),
 * so a table of starts needs no checks of its own for leaks. Every wait is bounded.
 */
#ifndef STARTING_H
#define STARTING_H

#include "harness.h"

#include <brood.h>
#include <string.h>

enum { BOUND_MS = 15000 };

/* String literals as an argument vector, which exec(3)'s tradition wants without const. */
static inline char *const *words(const char *const *list)
{
    char *const *vector;
    memcpy(&vector, &list, sizeof vector);
    return vector;
}
#define WORDS(...) words((const char *const[]){__VA_ARGS__, NULL})
#define NO_WORDS words((const char *const[]){NULL})

/* The helper program with these words after its name. */
#define TARGET(...) WORDS(lab_child_program(), __VA_ARGS__)

/* Starts; says the error when it fails. Returns the child, or NULL. */
struct brood_child *start(const struct brood_options *options);

/* Waits for the end, checks that it was an exit with `code`, frees. NULL is passed over. */
void ends_with(struct brood_child *child, int code);

/* Both, and the audit. */
void runs(const struct brood_options *options, int code);

/* Sets options->argv to the helper program with one verb that tells something, runs it, and returns
 * what it told by way of a file: descriptors 0 to 2 are the test's own matter. */
const char *tells(struct brood_options *options, const char *verb);

/* What the program finds in a file of /proc/self, by way of cat(1). */
const char *child_reads(struct brood_options *options, const char *file);

/* One line of such a text: the one that begins with `start`, without its newline; "" if none. */
const char *line_of(const char *text, const char *start);

/* How a start has to fail. REFUSAL(.stage = ..., NUMBER(7)). */
struct refusal {
    int stage, code, detail;
    bool has_number; /* else it must be -1 */
    int64_t number;
    const char *subject;  /* NULL: not looked at */
    const char *sentence; /* of brood_error_text(), whole; NULL: not looked at */
};

/* brood_start() fails so, and leaves nothing. `what` names the row in the words of a failure. */
void is_refused(const char *what, const struct brood_options *options, const struct refusal *want);

/* The same for brood_run(). */
void run_is_refused(const char *what, const struct brood_options *options,
                    const struct refusal *want);

#define REFUSAL(...) (&(struct refusal){__VA_ARGS__})
#define NUMBER(n) .has_number = true, .number = (n)

/* A text put together for one check. The buffer is used again after sixty-three more. */
const char *say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* lab_path() with room of its own, which stays. */
const char *lab_file(const char *name);

#endif
