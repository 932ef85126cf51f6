/* SPDX-License-Identifier: MIT */
/*
 * Filling in a struct brood_error.
 *
 * Room plan. Invariant: every path that gives up says stage, errno and the thing concerned, once.
 */
#ifndef BD_PLAN_ERROR_H
#define BD_PLAN_ERROR_H

#include <brood.h>

/* All zero but the program's name, as the options have it. */
void bd_error_begin(struct brood_error *error, const struct brood_options *options);

/* The end of a public call: *reterr is written on failure only, and may be NULL. Returns
 * `result`. */
int bd_error_give(int result, const struct brood_error *error, struct brood_error *reterr);

/* All return -code, for `return bd_error_…(…)`. `subject` may be NULL. */
int bd_error_set(struct brood_error *error, int stage, int code, const char *subject,
                 int64_t number);
int bd_error_detail(struct brood_error *error, int stage, int code, int detail, const char *subject,
                    int64_t number);

/* Stage options, -EINVAL, with a whole sentence: `sentence`, then `subject` in quotes if not
 * NULL. */
int bd_error_options(struct brood_error *error, const char *sentence, const char *subject);

/* The same with a number after the sentence, and the errno `code`. */
int bd_error_options_number(struct brood_error *error, int code, const char *sentence,
                            int64_t number);

/* The words are `subject` and `rest`. */
int bd_error_sentence(struct brood_error *error, int stage, int code, const char *subject,
                      const char *rest);

int bd_error_memory(struct brood_error *error);

#endif
