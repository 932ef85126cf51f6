/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, one step at a time. Room cli.
 *
 * Invariant: what is called valid is well-formed by table 3-7 of the Unicode Standard (no overlong
 * forms, no surrogates, nothing past U+10FFFF), and every step consumes at least one byte.
 */
#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What may follow a lead byte: how many bytes, and the range of the first of them. */
struct utf8_lead {
    unsigned char from, to, follow, low, high;
};

static const struct utf8_lead utf8_leads[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
    {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF},
    {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

static const struct utf8_lead *lead_of(unsigned char byte)
{
    for (size_t i = 0; i < sizeof utf8_leads / sizeof utf8_leads[0]; i++) {
        if (byte >= utf8_leads[i].from && byte <= utf8_leads[i].to)
            return &utf8_leads[i];
    }
    return NULL;
}

size_t utf8_step(const char *text, size_t left, bool *valid)
{
    const unsigned char *bytes = (const unsigned char *)text;
    *valid = bytes[0] < 0x80;
    const struct utf8_lead *lead = lead_of(bytes[0]);
    if (!lead)
        return 1;

    unsigned char low = lead->low, high = lead->high;
    for (size_t i = 1; i <= lead->follow; i++) {
        if (i == left || bytes[i] < low || bytes[i] > high)
            return i;
        low = 0x80;
        high = 0xBF;
    }
    *valid = true;
    return (size_t)lead->follow + 1;
}

bool utf8_is_valid(const char *text, size_t length)
{
    bool valid = true;
    for (size_t at = 0; at < length && valid;)
        at += utf8_step(text + at, length - at, &valid);
    return valid;
}

char *utf8_replaced(const char *text, size_t length)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    const size_t widest = sizeof replacement - 1;     /* of one byte that is wrong by itself */
    char *replaced = length < SIZE_MAX / widest ? malloc(length * widest + 1) : NULL;
    if (!replaced)
        return NULL;
    size_t used = 0;
    for (size_t at = 0, step = 0; at < length; at += step) {
        bool valid = true;
        step = utf8_step(text + at, length - at, &valid);
        size_t size = valid ? step : widest;
        memcpy(replaced + used, valid ? text + at : replacement, size);
        used += size;
    }
    replaced[used] = '\0';
    return replaced;
}
