/* SPDX-License-Identifier: MIT */
/*
 * What exec itself says: the same start by fork(2), chdir(2) and the C library's exec, in a copy of
 * the test. Many classic bugs are a difference from it, so it is the measure, not a table by hand.
 *
 * Invariant: it reads of the options what exec(3) knows (program, argv, env, cwd, limits) and
 * nothing else, and leaves nothing behind.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include <brood.h>

/* The exit code of the program, or -errno of the exec. A program that ends by a signal: 1000 + its
 * number. The name is searched as the options ask, in PATH of their environment. */
int plain_exec(const struct brood_options *options);

/* The same by brood_start(), audited; `ret` as brood_start() leaves it, may be NULL. */
int plain_brood(const struct brood_options *options, struct brood_error *ret);

/* Both say the same. Returns what that is. */
int plain_agree(const char *what, const struct brood_options *options, struct brood_error *ret);

#endif
