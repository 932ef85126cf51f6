/* SPDX-License-Identifier: MIT */
/*
 * What a fuzzer's bytes are taken for: numbers and texts, one after the other.
 *
 * Invariant: past the end everything is zero and empty; every text lies in memory of its own size,
 * so that a sanitizer sees one byte too many.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t left;
    void *texts[64]; /* to be freed by bytes_done() */
    size_t text_count;
};

/* Says where, and lets libFuzzer keep the input. */
#define DEMAND(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline uint8_t bytes_one(struct bytes *bytes)
{
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->at++;
}

static inline uint64_t bytes_number(struct bytes *bytes, unsigned width)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < width; i++)
        number = number << 8 | bytes_one(bytes);
    return number;
}

/* A copy of so many bytes, at most what is left, and a zero byte behind them if `ended`. */
static inline char *bytes_copy(struct bytes *bytes, size_t length, int ended)
{
    length = length < bytes->left ? length : bytes->left;
    char *copy = malloc(length + (ended ? 1 : 0) + (length == 0));
    DEMAND(copy && bytes->text_count < sizeof bytes->texts / sizeof bytes->texts[0]);
    memcpy(copy, bytes->at, length);
    if (ended)
        copy[length] = '\0';
    bytes->at += length;
    bytes->left -= length;
    bytes->texts[bytes->text_count++] = copy;
    return copy;
}

/* A text of at most 255 bytes; it may have zero bytes in it, and then is shorter. */
static inline char *bytes_text(struct bytes *bytes)
{
    return bytes_copy(bytes, bytes_one(bytes), 1);
}

static inline void bytes_done(struct bytes *bytes)
{
    while (bytes->text_count)
        free(bytes->texts[--bytes->text_count]);
}

#endif
