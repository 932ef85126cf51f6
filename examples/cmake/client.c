/* SPDX-License-Identifier: MIT */
/*
 * What a user of an installed brood writes: one command, started, waited for and freed. Prints the
 * library's version and exits with 0 when the command ended as it was told to. By pkg-config:
 *
 *     cc client.c -o client $(pkg-config --cflags --libs brood)
 */
#include <stdio.h>

#include <brood.h>

int main(void)
{
    char *argv[] = {"sh", "-c", "exit 7", NULL};
    char text[512];
    struct brood_child *child;
    struct brood_error error;
    struct brood_exit end;
    if (brood_start(BROOD_OPTIONS(.argv = argv), &child, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    int waited = brood_child_wait(child, BROOD_FOREVER, &end);
    brood_child_free(child);
    puts(brood_version());
    return waited == 0 && brood_exit_code(&end) == 7 ? 0 : 1;
}
