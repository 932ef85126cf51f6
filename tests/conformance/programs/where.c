/* SPDX-License-Identifier: MIT */
/*
 * A program that tells where it was found, quick enough to be started a thousand times: it exits
 * with the digit after "at" in its own path as exec was given it, or else in that of its directory.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum { UNKNOWN = 99 };

static int digit_in(const char *path)
{
    const char *place = NULL;
    for (const char *next = path; next && (next = strstr(next, "at")); next++)
        place = next;
    return place && place[2] >= '0' && place[2] <= '9' ? place[2] - '0' : UNKNOWN;
}

int main(void)
{
    char directory[PATH_MAX];
    unsigned long own = getauxval(AT_EXECFN);
    const char *path;
    memcpy(&path, &own, sizeof path);
    int digit = digit_in(path);
    _exit(digit == UNKNOWN ? digit_in(getcwd(directory, sizeof directory)) : digit);
}
