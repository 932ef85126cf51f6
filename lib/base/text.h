/* SPDX-License-Identifier: MIT */
/*
 * Text built piece by piece into a buffer of fixed size, never past its end.
 *
 * Room base: no policy, no system. Invariant: the buffer always ends in a zero byte (if it has room
 * for one), and `length` counts what the whole text needs, as snprintf(3) does.
 */
#ifndef BD_BASE_TEXT_H
#define BD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bd_text {
    char *buffer;
    size_t size, length;
};

struct bd_text bd_text_over(char *buffer, size_t size);

void bd_text_add(struct bd_text *text, const char *piece);
void bd_text_add_bytes(struct bd_text *text, const char *bytes, size_t length);
void bd_text_add_number(struct bd_text *text, int64_t number);
void bd_text_add_octal(struct bd_text *text, uint32_t number); /* 022: with a leading zero */

/* Text from outside for a line of a terminal: control characters and backslashes become \xHH, bytes
 * from 0x80 on are left alone (UTF-8). */
void bd_text_add_escaped(struct bd_text *text, const char *piece);

/* One word for /bin/sh: '…' with ' as '"'"'. */
void bd_text_add_quoted(struct bd_text *text, const char *word);

#endif
