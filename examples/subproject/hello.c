/* SPDX-License-Identifier: MIT */
/*
 * What a user of brood as a subproject writes: one command, run to its end, its output collected.
 * Prints the library's version and exits with 0 when the command said what it was told to.
 */
#include <stdio.h>
#include <string.h>

#include <brood.h>

int main(void)
{
    char *argv[] = {"echo", "hello", NULL};
    char text[512];
    struct brood_result result;
    struct brood_error error;
    if (brood_run(BROOD_OPTIONS(.argv = argv, .out.kind = BROOD_MEMORY), &result, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    int good = brood_exit_code(&result.exit) == 0 && strcmp(result.out, "hello\n") == 0;
    brood_result_clear(&result);
    puts(brood_version());
    return good ? 0 : 1;
}
