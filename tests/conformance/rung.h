/* SPDX-License-Identifier: MIT */
/*
 * How the library makes a process here, for what differs by it. In a header of its own: tests that
 * use kit.h and tests that use starting.h alike may ask.
 *
 * Room tests. Invariant: it is the library's own word (brood_plan_text), never an assumption.
 */
#ifndef CONFORMANCE_RUNG_H
#define CONFORMANCE_RUNG_H

#include <brood.h>
#include <stdbool.h>
#include <string.h>

/* The new process shares our memory until its exec. */
static inline bool rung_shares_memory(void)
{
    char *argv[] = {(char[]){"/bin/true"}, NULL};
    char text[4096];
    ssize_t length = brood_plan_text(BROOD_OPTIONS(.argv = argv), text, sizeof text, NULL);
    return length > 0 && strstr(text, "shared memory") != NULL;
}

#endif
