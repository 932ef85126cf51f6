/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, one step at a time. Room cli.
 */
#ifndef BROOD_CLI_UTF8_H
#define BROOD_CLI_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Returns how many of the `left` bytes (at least one) at `text` belong together: one character if
 * *valid, else the longest beginning of one, which a reader replaces by a single U+FFFD. */
size_t utf8_step(const char *text, size_t left, bool *valid);

bool utf8_is_valid(const char *text, size_t length);

/* Returns the text, ended by a zero byte, with U+FFFD for each wrong step, to be freed; NULL
 * without memory. */
char *utf8_replaced(const char *text, size_t length);

#endif
