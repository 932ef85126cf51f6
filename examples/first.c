/* SPDX-License-Identifier: MIT */
/*
 * The first example: run git in a directory and say how it ended, or why it could not start.
 *
 *     first [DIRECTORY]
 */
#include <brood.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char *command[] = {"git", "status", "--short", NULL}, text[512];
    const char *directory = argc > 1 ? argv[1] : ".";
    struct brood_child *git;
    struct brood_error error;
    struct brood_exit end;

    if (brood_start(BROOD_OPTIONS(.argv = command, .cwd = directory), &git, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    brood_child_wait(git, BROOD_FOREVER, &end);
    printf("git %s\n", brood_exit_text(&end, text, sizeof text));
    brood_child_free(git);
    return 0;
}
