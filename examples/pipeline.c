/* SPDX-License-Identifier: MIT */
/*
 * seq 1000 | grep 7 | wc -l, without a shell: each program's output is the next one's input.
 *
 * take_stream makes our end of a pipe our own descriptor; it goes to the next program as its input,
 * and is closed here, so that only the programs hold it. Were it left open, the writer would not
 * learn that its reader is gone.
 */
#include <brood.h>
#include <stdio.h>
#include <unistd.h>

enum { STAGES = 3 };

int main(void)
{
    char *seq[] = {"seq", "1000", NULL}, *grep[] = {"grep", "7", NULL}, *wc[] = {"wc", "-l", NULL};
    char *const *commands[STAGES] = {seq, grep, wc};
    struct brood_child *children[STAGES];
    struct brood_error error;
    char text[512];
    int started = 0, from = -1;

    for (; started < STAGES; started++) {
        struct brood_stream in = {.kind = BROOD_NULL}, out = {.kind = BROOD_PIPE};
        if (from >= 0)
            in = (struct brood_stream){.kind = BROOD_FD, .fd = from};
        int code = brood_start(BROOD_OPTIONS(.argv = commands[started], .in = in, .out = out),
                               &children[started], &error);
        if (from >= 0)
            close(from);
        from = -1;
        if (code < 0) {
            puts(brood_error_text(&error, text, sizeof text));
            break;
        }
        if (started < STAGES - 1)
            from = brood_child_take_stream(children[started], BROOD_OUT);
    }
    if (started == STAGES) {
        ssize_t got = brood_child_read(children[STAGES - 1], BROOD_OUT, text, sizeof text, 10000);
        printf("numbers with a 7: %.*s", got > 0 ? (int)got : 0, text);
        for (int i = 0; i < STAGES; i++) {
            struct brood_exit end;
            brood_child_wait(children[i], 10000, &end);
            printf("%s %s\n", commands[i][0], brood_exit_text(&end, text, sizeof text));
        }
    }
    while (started > 0)
        brood_child_free(children[--started]);
    return 0;
}
