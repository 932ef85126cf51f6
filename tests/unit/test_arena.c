/* SPDX-License-Identifier: MIT */
/*
 * The arena: pieces are aligned, zeroed, apart from each other, and all gone at once.
 *
 * Invariant: each piece is filled after it is made, so one that overlapped another would be seen.
 */
#include "harness.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>

enum { PIECES = 3000 };

static bool all_bytes_are(const unsigned char *bytes, size_t length, unsigned char value)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* Sizes on both sides of what a chunk holds, in no order. */
static size_t size_of_piece(size_t index)
{
    static const size_t sizes[] = {1, 0, 7, 8, 15, 16, 17, 100, 8000, 8128, 8129, 20000, 3};
    return sizes[index % (sizeof sizes / sizeof *sizes)];
}

TEST(pieces_are_zeroed_aligned_and_apart)
{
    static unsigned char *pieces[PIECES];
    struct bd_arena arena = {NULL};
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = bd_arena_alloc(&arena, size_of_piece(i));
        REQUIRE(pieces[i]);
        REQUIRE((uintptr_t)pieces[i] % _Alignof(max_align_t) == 0);
        REQUIRE(all_bytes_are(pieces[i], size_of_piece(i), 0));
        memset(pieces[i], (int)(i % 255) + 1, size_of_piece(i));
    }
    for (size_t i = 0; i < PIECES; i++)
        REQUIRE(all_bytes_are(pieces[i], size_of_piece(i), (unsigned char)(i % 255 + 1)));
    bd_arena_done(&arena);
    CHECK(!arena.chunks);
}

TEST(done_gives_everything_back_and_may_be_repeated)
{
    size_t before = heap_in_use();
    struct bd_arena arena = {NULL};
    for (int i = 0; i < 100; i++)
        REQUIRE(bd_arena_alloc(&arena, 5000));
    CHECK(heap_in_use() > before + 400000);
    bd_arena_done(&arena);
    CHECK_INT(heap_in_use(), before);
    bd_arena_done(&arena);
    CHECK(bd_arena_alloc(&arena, 1) != NULL);
    bd_arena_done(&arena);
    CHECK_INT(heap_in_use(), before);
}

TEST(small_pieces_share_chunks)
{
    size_t before = heap_in_use();
    struct bd_arena arena = {NULL};
    for (int i = 0; i < 400; i++)
        REQUIRE(bd_arena_alloc(&arena, 16));
    CHECK(heap_in_use() < before + 3 * (size_t)8192);
    bd_arena_done(&arena);
}

TEST(sizes_that_overflow_are_refused)
{
    struct bd_arena arena = {NULL};
    void *piece = bd_arena_alloc(&arena, 1);
    CHECK(piece != NULL);
    CHECK(!bd_arena_alloc(&arena, SIZE_MAX));
    CHECK(!bd_arena_alloc(&arena, SIZE_MAX - 8));
    if (!TEST_UNDER_ASAN && !TEST_UNDER_TSAN) /* whose malloc ends the program for this */
        CHECK(!bd_arena_alloc(&arena, SIZE_MAX / 2));
    CHECK(!bd_arena_array(&arena, SIZE_MAX / 4, 8));
    CHECK(!bd_arena_array(&arena, 3, SIZE_MAX / 2));
    CHECK(!bd_arena_copy(&arena, "", SIZE_MAX));
    CHECK(bd_arena_array(&arena, SIZE_MAX, 0) != NULL);
    CHECK(bd_arena_array(&arena, 0, 8) != NULL);
    CHECK(bd_arena_alloc(&arena, 1) != NULL);
    bd_arena_done(&arena);
}

TEST(copies_end_in_a_zero_byte)
{
    struct bd_arena arena = {NULL};
    char text[] = "abcdef";
    const char *copy = bd_arena_copy(&arena, text, 3);
    REQUIRE(copy);
    memset(text, 'x', sizeof text - 1);
    CHECK_STR(copy, "abc");
    copy = bd_arena_copy(&arena, "a\0b", 3);
    REQUIRE(copy);
    CHECK_MEM(copy, "a\0b", 4);
    CHECK_STR(bd_arena_copy(&arena, text, 0), "");
    bd_arena_done(&arena);
}
