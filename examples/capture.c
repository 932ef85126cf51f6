/* SPDX-License-Identifier: MIT */
/*
 * Run programs to their end and keep what they print: both streams apart, both in one, with a limit
 * on the bytes, with a limit on the time.
 *
 * brood_run() returns 0 whatever the program's own end was: that is in result.exit. It is negative
 * only when the program could not be run at all.
 */
#include <brood.h>
#include <stdio.h>
#include <string.h>

static void show(const char *title, const struct brood_options *options)
{
    struct brood_result result;
    struct brood_error error;
    char text[512];
    printf("%s\n", title);
    if (brood_run(options, &result, &error) < 0) {
        printf("  %s\n", brood_error_text(&error, text, sizeof text));
        return;
    }
    printf("  %s\n", brood_exit_text(&result.exit, text, sizeof text));
    /* There is a zero byte after the end, so text can be printed as it is. */
    if (result.out != NULL)
        printf("  out: %zu bytes, first line: %.*s\n", result.out_length,
               (int)strcspn(result.out, "\n"), (const char *)result.out);
    if (result.err != NULL)
        printf("  err: %zu bytes, first line: %.*s\n", result.err_length,
               (int)strcspn(result.err, "\n"), (const char *)result.err);
    if (result.flags & BROOD_OUT_TRUNCATED)
        printf("  there was more\n");
    if (result.exit.flags & BROOD_EXIT_STREAMS_HELD)
        printf("  another process still held its output\n");
    brood_result_clear(&result);
}

int main(void)
{
    struct brood_stream memory = {.kind = BROOD_MEMORY};
    struct brood_stream merged = {.kind = BROOD_MERGE};
    struct brood_stream little = {
        .kind = BROOD_MEMORY, .output_limit = 10, .flags = BROOD_OUTPUT_DISCARD};

    char *both[] = {"sh", "-c", "echo result; echo complaint >&2; exit 3", NULL};
    show("Both streams:", BROOD_OPTIONS(.argv = both, .out = memory, .err = memory));
    show("Both in one (2>&1):", BROOD_OPTIONS(.argv = both, .out = memory, .err = merged));

    char *much[] = {"seq", "100000", NULL};
    show("Ten bytes, please:", BROOD_OPTIONS(.argv = much, .out = little));

    /* At the timeout SIGTERM, and SIGKILL after the grace if that was not enough. */
    char *slow[] = {"sleep", "60", NULL};
    show("A fifth of a second:",
         BROOD_OPTIONS(.argv = slow, .out = memory, .timeout_ms = 200, .grace_ms = 5000));

    /* The shell ends at once, but a program it left in the background holds its output. The scope
     * reaches the whole process group, so that program is ended too, and the output with it. */
    char *left[] = {"sh", "-c", "echo done; sleep 60 &", NULL};
    show("What was left in the background:",
         BROOD_OPTIONS(.argv = left, .out = memory, .flags = BROOD_NEW_GROUP,
                       .scope = BROOD_SCOPE_GROUP, .drain_ms = 5000));
    return 0;
}
