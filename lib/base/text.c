/* SPDX-License-Identifier: MIT */
/*
 * Bounded text building, and the two ways in which text from outside is made safe: for a terminal
 * and for /bin/sh.
 *
 * Room base. Invariant: see text.h; nothing here allocates or fails.
 */
#include "text.h"

#include <string.h>

struct bd_text bd_text_over(char *buffer, size_t size)
{
    if (size)
        buffer[0] = '\0';
    return (struct bd_text){.buffer = buffer, .size = size, .length = 0};
}

void bd_text_add_bytes(struct bd_text *text, const char *bytes, size_t length)
{
    if (text->length + 1 < text->size) {
        size_t room = text->size - text->length - 1;
        size_t fits = length < room ? length : room;
        memcpy(text->buffer + text->length, bytes, fits);
        text->buffer[text->length + fits] = '\0';
    }
    text->length += length;
}

void bd_text_add(struct bd_text *text, const char *piece)
{
    bd_text_add_bytes(text, piece, strlen(piece));
}

static void add_digits(struct bd_text *text, uint64_t number, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % base);
        number /= base;
    } while (number);
    bd_text_add_bytes(text, digits + at, sizeof digits - at);
}

void bd_text_add_number(struct bd_text *text, int64_t number)
{
    if (number < 0)
        bd_text_add_bytes(text, "-", 1);
    add_digits(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
}

void bd_text_add_octal(struct bd_text *text, uint32_t number)
{
    bd_text_add_bytes(text, "0", 1);
    if (number)
        add_digits(text, number, 8);
}

void bd_text_add_escaped(struct bd_text *text, const char *piece)
{
    static const char hex[] = "0123456789abcdef";
    for (; *piece; piece++) {
        unsigned char byte = (unsigned char)*piece;
        if (byte < 0x20 || byte == 0x7f || byte == '\\') {
            char escape[4] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
            bd_text_add_bytes(text, escape, sizeof escape);
        } else {
            bd_text_add_bytes(text, piece, 1);
        }
    }
}

void bd_text_add_quoted(struct bd_text *text, const char *word)
{
    bd_text_add_bytes(text, "'", 1);
    for (; *word; word++) {
        if (*word == '\'')
            bd_text_add(text, "'\"'\"'");
        else
            bd_text_add_bytes(text, word, 1);
    }
    bd_text_add_bytes(text, "'", 1);
}
