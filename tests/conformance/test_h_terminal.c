/* SPDX-License-Identifier: MIT */
/*
 * The end of a terminal: all of the output, then end-of-file, never the kernel's EIO.
 *
 * Room tests. Invariant: the child has ended before its last output is read.
 */
#include "kit.h"

#include <errno.h>

enum { OUTPUT_BYTES = 2000 }; /* fits into a terminal that nobody reads */

TEST(h06_a_terminal_ends_with_an_error)
{
    char data[4096];
    for (int i = 0; i < 3; i++) {
        struct brood_child *child =
            START(.argv = TARGET("flood", "2000"), .in = {.kind = i ? BROOD_PTY : BROOD_NULL},
                  .out = {.kind = BROOD_PTY}, .err = {.kind = i == 2 ? BROOD_PTY : BROOD_NULL});
        ssize_t length = 0, got;
        CHECK_EXITED(END_OF(child), 0);
        while ((got = brood_child_read(child, BROOD_OUT, data, sizeof data, KIT_BOUND_MS)) > 0)
            length += got;
        CHECK_INT(got, 0);
        CHECK_INT(length, OUTPUT_BYTES);
        CHECK_INT(brood_child_read(child, BROOD_OUT, data, sizeof data, KIT_BOUND_MS), 0);
        brood_child_free(child);
    }
}
