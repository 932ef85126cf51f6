/* SPDX-License-Identifier: MIT */
/*
 * What the command says: words on standard error, results on standard output. Room cli.
 */
#ifndef BROOD_CLI_WORDS_H
#define BROOD_CLI_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* The exit codes that are the command's own, as timeout(1) has them. */
enum cli_code {
    CLI_TIMED_OUT = 124,
    CLI_FAILED = 125,
    CLI_NOT_EXECUTABLE = 126,
    CLI_NOT_FOUND = 127,
    CLI_SIGNAL_BASE = 128
};

/* Say one line, "WHO: " before it, in one write(2), so that lines of several processes do not
 * mix. Control characters and bytes that are not UTF-8 become \xHH. Returns CLI_FAILED, which is
 * what the command then most often ends with. */
int words_say(const char *who, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* While our terminal does not turn a newline into the beginning of the next line, lines say that
 * themselves. */
void words_at_raw_terminal(bool raw);

/* End printing a result: flush standard output and say so if anything of it was lost, be it because
 * standard output was `closed` from the beginning. Returns 0 or CLI_FAILED. */
int words_printed(const char *who, bool closed);

/* Print text from outside on standard output, escaped in the same way. */
void words_print(const char *text);

/* Say a duration as a person would write it: "500ms", "90s", "5m". Returns `buffer`. */
const char *words_duration(int64_t ms, char buffer[32]);

#endif
