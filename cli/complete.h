/* SPDX-License-Identifier: MIT */
/*
 * The completions of shells, made from the tables of the commands. Room cli.
 */
#ifndef BROOD_CLI_COMPLETE_H
#define BROOD_CLI_COMPLETE_H

#include "table.h"

/* Print a script on standard output that teaches the shell to complete brood. */
void complete_bash(void);
void complete_zsh(void);
void complete_fish(void);

/* Print the words that a value of `option` can be or begin with, `before` and `after` each and
 * blanks between them: its own, or the names of limits or of signals. */
void complete_print_words(const struct table_option *option, const char *before, const char *after);

/* Print text inside single quotes of a shell: `quote` stands for a quote in it, and a backslash
 * goes before each character of `special`. */
void complete_print_text(const char *text, const char *quote, const char *special);

#endif
