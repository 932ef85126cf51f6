/* SPDX-License-Identifier: MIT */
/*
 * What the command says: words on standard error, results on standard output. Room cli.
 *
 * Invariant: text from outside (names, values, paths) reaches a terminal only through
 * add_escaped().
 */
#include "words.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line is cut rather than allocated: it has to come out when memory is what is missing. */
enum { LINE_SIZE = 4096 };

/* U+0080..U+009F are control characters too, and some terminals obey them. */
static bool is_plain(const char *text, size_t length, bool valid)
{
    unsigned char first = (unsigned char)text[0];
    if (!valid || first < 0x20 || first == 0x7F)
        return false;
    return length != 2 || first != 0xC2 || (unsigned char)text[1] >= 0xA0;
}

/* Appends to line[*used], leaving room for the end of the line. False: the line is full. */
static bool add_escaped(char *line, size_t *used, const char *text, size_t length, bool valid)
{
    if (is_plain(text, length, valid)) {
        if (*used + length > LINE_SIZE - 2)
            return false;
        memcpy(line + *used, text, length);
        *used += length;
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        if (*used + 4 > LINE_SIZE - 2)
            return false;
        char hex[5];
        (void)snprintf(hex, sizeof hex, "\\x%02X", (unsigned)(unsigned char)text[i]);
        memcpy(line + *used, hex, 4);
        *used += 4;
    }
    return true;
}

static bool raw_terminal;

void words_at_raw_terminal(bool raw)
{
    raw_terminal = raw;
}

int words_say(const char *who, const char *format, ...)
{
    char text[LINE_SIZE];
    int head = snprintf(text, sizeof text, "%s: ", who);
    va_list args;
    va_start(args, format);
    /* clang-tidy 14 knows va_start() only in the first file that it is given.
     * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void)vsnprintf(text + head, sizeof text - (size_t)head, format, args);
    va_end(args);

    char line[LINE_SIZE];
    size_t used = 0, length = strlen(text);
    bool valid = true, room = true;
    for (size_t at = 0, step = 0; at < length && room; at += step) {
        step = utf8_step(text + at, length - at, &valid);
        room = add_escaped(line, &used, text + at, step, valid);
    }
    if (raw_terminal)
        line[used++] = '\r';
    line[used++] = '\n';
    /* There is nobody left to tell when this fails. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
    return CLI_FAILED;
}

void words_print(const char *text)
{
    bool valid = true;
    for (size_t step = 0, length = strlen(text); length > 0; text += step, length -= step) {
        char piece[LINE_SIZE];
        size_t used = 0;
        step = utf8_step(text, length, &valid);
        (void)add_escaped(piece, &used, text, step, valid);
        (void)fwrite(piece, 1, used, stdout);
    }
}

int words_printed(const char *who, bool closed)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && !closed)
        return 0;
    int code = closed ? EBADF : errno;
    return words_say(who, "cannot write to standard output: %s", strerror(code ? code : EIO));
}

const char *words_duration(int64_t ms, char buffer[32])
{
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (i < 3 && (ms == 0 || ms % units[i].unit != 0))
        i++;
    if (ms == 0)
        i = 2;
    (void)snprintf(buffer, 32, "%" PRId64 "%s", ms / units[i].unit, units[i].name);
    return buffer;
}
