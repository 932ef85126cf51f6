/* SPDX-License-Identifier: MIT */
/*
 * The values of options: durations, numbers, limits. Room cli.
 *
 * Each reads one whole word and returns 0, or a negative errno: -EINVAL for junk, -ERANGE for
 * what is too large or too small. Nothing is written then.
 */
#ifndef BROOD_CLI_VALUES_H
#define BROOD_CLI_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include <brood.h>

/* "500ms", "2s", "1.5m", "1h", "1d"; a plain number is seconds. To milliseconds, rounded up. */
int values_duration(const char *text, int64_t *ret_ms);

/* A decimal number within the bounds; a sign is allowed. */
int values_number(const char *text, int64_t least, int64_t most, int64_t *ret);

/* One to four octal digits, at most 0777 (or 0o777). */
int values_octal(const char *text, uint32_t *ret);

/* "NAME=SOFT[:HARD]", see setrlimit(2). On -EINVAL and -ERANGE *ret_why is what to do about it. */
int values_limit(const char *text, struct brood_rlimit *ret, const char **ret_why);

/* The name of the limit at `index`; NULL behind the last. */
const char *values_limit_name(size_t index);

/* "0-3,8" to bit n of the whole for processor n, `words` words in all, cleared first. -ERANGE:
 * there is a larger number in it. */
int values_processors(const char *text, uint64_t *cpus, size_t words);

/* "INT,SIGHUP,10,RTMIN+1" to bit n - 1 for signal n. -EPERM: KILL or STOP is in it. */
int values_signals(const char *text, uint64_t *ret);

#endif
