/* SPDX-License-Identifier: MIT */
/*
 * Bounded text: it never writes past its end, counts what the whole would need, and makes text from
 * outside safe for a terminal and for /bin/sh.
 *
 * Invariant: every buffer here is followed by guard bytes that must stay as they were.
 */
#include "harness.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <brood.h>

#include <base/text.h>

static struct {
    char text[256];
    char guard[16];
} room;

static struct bd_text begin(size_t size)
{
    memset(&room, '#', sizeof room);
    return bd_text_over(room.text, size);
}

static bool guard_is_whole(size_t size)
{
    const char *bytes = room.text;
    for (size_t i = size; i < sizeof room; i++)
        if (bytes[i] != '#')
            return false;
    return true;
}

/* One text of all kinds of pieces, 40 characters long. */
static const char whole[] = "one -42 022 \\x0a\\x5c 'it'\"'\"'s' 0 00 end!";

static void build(struct bd_text *text)
{
    bd_text_add(text, "one ");
    bd_text_add_number(text, -42);
    bd_text_add_bytes(text, " xx", 1);
    bd_text_add_octal(text, 022);
    bd_text_add(text, "");
    bd_text_add(text, " ");
    bd_text_add_escaped(text, "\n\\ ");
    bd_text_add_quoted(text, "it's");
    bd_text_add(text, " ");
    bd_text_add_number(text, 0);
    bd_text_add(text, " 0");
    bd_text_add_octal(text, 0);
    bd_text_add(text, " end!");
}

TEST(every_size_holds_a_prefix_and_counts_the_whole)
{
    for (size_t size = 0; size <= sizeof whole + 10; size++) {
        struct bd_text text = begin(size);
        build(&text);
        CHECK_INT(text.length, sizeof whole - 1);
        CHECK_SAY(guard_is_whole(size), "size %zu", size);
        if (size == 0)
            continue;
        size_t fits = size - 1 < sizeof whole - 1 ? size - 1 : sizeof whole - 1;
        CHECK_INT(strlen(room.text), fits);
        CHECK_MEM(room.text, whole, fits);
    }
}

TEST(a_new_text_is_empty)
{
    struct bd_text text = begin(8);
    CHECK_INT(text.length, 0);
    CHECK_STR(room.text, "");
    text = bd_text_over(NULL, 0);
    bd_text_add(&text, "measured");
    CHECK_INT(text.length, 8);
}

TEST(numbers)
{
    static const struct {
        int64_t number;
        const char *words;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {10, "10"},
        {1234567890123, "1234567890123"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bd_text text = begin(64);
        bd_text_add_number(&text, rows[i].number);
        CHECK_STR(room.text, rows[i].words);
    }
}

TEST(octal_has_a_leading_zero)
{
    static const struct {
        uint32_t number;
        const char *words;
    } rows[] = {{0, "0"}, {7, "07"}, {022, "022"}, {0777, "0777"}, {UINT32_MAX, "037777777777"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bd_text text = begin(64);
        bd_text_add_octal(&text, rows[i].number);
        CHECK_STR(room.text, rows[i].words);
    }
}

/* Nothing that a terminal acts on, nothing that could be taken for an escape, and UTF-8 as it is.
 * */
TEST(every_byte_is_escaped_or_itself)
{
    for (unsigned byte = 1; byte < 256; byte++) {
        const char piece[2] = {(char)byte, '\0'};
        char want[8];
        bool escapes = byte < 0x20 || byte == 0x7f || byte == '\\';
        (void)snprintf(want, sizeof want, escapes ? "\\x%02x" : "%c", byte);
        struct bd_text text = begin(64);
        bd_text_add_escaped(&text, piece);
        CHECK_STR(room.text, want);
    }
}

TEST(quoting)
{
    static const struct {
        const char *word, *quoted;
    } rows[] = {
        {"", "''"},
        {"a", "'a'"},
        {"it's", "'it'\"'\"'s'"},
        {"'", "''\"'\"''"},
        {"''", "''\"'\"''\"'\"''"},
        {"$HOME `id` \\ \" * ? ~ ! # ; & | < > ( )", "'$HOME `id` \\ \" * ? ~ ! # ; & | < > ( )'"},
        {"a\nb\tc", "'a\nb\tc'"},
        {"\xff\x01", "'\xff\x01'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bd_text text = begin(128);
        bd_text_add_quoted(&text, rows[i].word);
        CHECK_STR(room.text, rows[i].quoted);
        CHECK_INT(brood_shell_quote(rows[i].word, NULL, 0), strlen(rows[i].quoted));
        memset(&room, '#', sizeof room);
        CHECK_INT(brood_shell_quote(rows[i].word, room.text, 128), strlen(rows[i].quoted));
        CHECK_STR(room.text, rows[i].quoted);
        memset(&room, '#', sizeof room);
        CHECK_INT(brood_shell_quote(rows[i].word, room.text, 2), strlen(rows[i].quoted));
        CHECK_STR(room.text, "'");
        CHECK(guard_is_whole(2));
    }
}
