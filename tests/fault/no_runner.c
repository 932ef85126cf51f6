/* SPDX-License-Identifier: MIT */
/*
 * The harness's audit without the harness's runner: this program has a runner of its own, and the
 * audit's objects name two things of the other one, which nothing here comes to use.
 *
 * Invariant: if something does, it is loud.
 */
#include "inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct test_page *test_page;

void page_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(": said to the runner of the harness, which is not there\n", stderr);
    abort();
}
