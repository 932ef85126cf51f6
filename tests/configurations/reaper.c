/* SPDX-License-Identifier: MIT */
/*
 * reaper PROGRAM [ARGUMENT...]: runs a program that is the reaper of what its children leave,
 * though it cannot ask for that itself: an emulator lacks the call, and exec keeps the setting.
 *
 * Invariant: HARNESS_REAPER tells the program only what is true.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    enum { NOT_RUN = 126 };
    if (argc > 1 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 &&
        setenv("HARNESS_REAPER", "already", 1) == 0)
        (void)execvp(argv[1], argv + 1);
    perror("reaper");
    return NOT_RUN;
}
