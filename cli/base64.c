/* SPDX-License-Identifier: MIT */
/*
 * Base64 (RFC 4648, section 4), which jansson does not have. Room cli.
 *
 * Invariant: the text has four digits for each three bytes begun, padded with '=', and no line
 * break.
 */
#include "base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One to three bytes become four digits: one digit more than there are bytes, the rest padding. */
static void put_group(char to[4], const char *bytes, size_t left)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t count = left < 3 ? left : 3;
    uint32_t group = 0;
    for (size_t i = 0; i < count; i++)
        group |= (uint32_t)(unsigned char)bytes[i] << (16 - 8 * i);
    memset(to, '=', 4);
    for (size_t i = 0; i <= count; i++)
        to[i] = digits[group >> (18 - 6 * i) & 63];
}

char *base64_of(const char *bytes, size_t length)
{
    size_t groups = length / 3 + (length % 3 != 0);
    char *text = malloc(groups * 4 + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < groups; i++)
        put_group(text + i * 4, bytes + i * 3, length - i * 3);
    text[groups * 4] = '\0';
    return text;
}
