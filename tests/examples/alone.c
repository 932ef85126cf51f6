/* SPDX-License-Identifier: MIT */
/*
 * alone REPORT BOUND_S PROGRAM [ARG...]: runs a program in a room of its own (bench/keeper.h), ends
 * what it leaves, and writes one line about it to the file REPORT:
 *
 *     exit 0, 12 ms, 0 ms later: 0 alive, 0 zombies
 *
 * Exit code: 0 when the program could be run and watched, whatever came of it.
 */
#include "keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int become(void *argument)
{
    char **argv = argument;
    (void)execvp(argv[0], argv);
    perror(argv[0]);
    return 127;
}

int main(int argc, char **argv)
{
    struct keeper_report report;
    if (argc < 4) {
        (void)fprintf(stderr, "usage: alone REPORT BOUND_S PROGRAM [ARG...]\n");
        return 2;
    }
    int code = keeper_run(keeper_best_room(), become, argv + 3,
                          (unsigned)strtoul(argv[2], NULL, 10), &report);
    FILE *to = fopen(argv[1], "we");
    if (code != 0 || to == NULL) {
        (void)fprintf(stderr, "alone: cannot watch %s: %s\n", argv[3], strerror(-code));
        return 1;
    }
    if (report.timed_out)
        (void)fprintf(to, "not done in time, ");
    (void)fprintf(to, "exit %d, %u ms, %u ms later: %u alive, %u zombies\n", report.exit_code,
                  report.took_ms, report.rest_ms, report.left - report.zombies, report.zombies);
    return fclose(to) == 0 ? 0 : 1;
}
