/* SPDX-License-Identifier: MIT */
/*
 * host PROGRAM [TIMEOUT_MS]: a program as a person looks at it in a debugger: it starts children
 * that begin and one that does not, and calls a function of its own after each. gdb.t puts a
 * breakpoint there.
 *
 * Invariant: it prints how often it came by, so a breakpoint that was lost is seen by the count.
 */
#include <brood.h>

#include <stdio.h>
#include <stdlib.h>

/* Kept as a call, with a body, so that a breakpoint has a place. */
__attribute__((noinline)) static void came_by(int *count)
{
    ++*count;
    __asm__ volatile("" : : "r"(count) : "memory");
}

static int start_one(const char *program, int64_t start_timeout_ms)
{
    char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "exit",
                          (char *)(uintptr_t) "3", NULL};
    struct brood_child *child = NULL;
    struct brood_exit end = {.kind = 0};
    int result = brood_start(BROOD_OPTIONS(.argv = argv, .start_timeout_ms = start_timeout_ms),
                             &child, NULL);
    if (result == 0)
        result = brood_child_wait(child, BROOD_FOREVER, &end);
    brood_child_free(child);
    return result < 0 ? result : end.code;
}

int main(int argc, char **argv)
{
    enum { CHILDREN = 3 };
    int count = 0;
    int64_t start_timeout_ms = argc > 2 ? strtoll(argv[2], NULL, 10) : 0;
    for (int i = 0; i < CHILDREN; i++) {
        (void)printf("child %d\n", start_one(argv[1], start_timeout_ms));
        came_by(&count);
    }
    (void)printf("none %d\n", start_one("/nonexistent/program", start_timeout_ms));
    came_by(&count);
    (void)printf("came by %d times\n", count);
    return 0;
}
