/* SPDX-License-Identifier: MIT */
/*
 * Two ways to give a program its standard input: all of it at once from memory, or bit by bit
 * through a pipe. Neither can deadlock or raise SIGPIPE.
 */
#include <brood.h>
#include <stdio.h>
#include <string.h>

/* All at once: the bytes are in a file in memory before the program starts. */
static int feed_from_memory(void)
{
    static const char fruit[] = "pear\napple\nquince\n";
    char *argv[] = {"sort", NULL}, text[512];
    struct brood_stream in = {
        .kind = BROOD_MEMORY, .input = fruit, .input_length = sizeof fruit - 1};
    struct brood_stream out = {.kind = BROOD_MEMORY};
    struct brood_result result;
    struct brood_error error;

    if (brood_run(BROOD_OPTIONS(.argv = argv, .in = in, .out = out), &result, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    printf("sort says:\n%s", (const char *)result.out);
    brood_result_clear(&result);
    return 0;
}

/* Bit by bit: write, and close the stream after the last, so that the program sees the end. */
static int feed_through_a_pipe(void)
{
    char *argv[] = {"wc", "-l", NULL}, text[512], answer[64];
    struct brood_stream pipe = {.kind = BROOD_PIPE};
    struct brood_child *wc;
    struct brood_error error;

    if (brood_start(BROOD_OPTIONS(.argv = argv, .in = pipe, .out = pipe), &wc, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    for (int line = 1; line <= 1000; line++) {
        int length = snprintf(text, sizeof text, "line %d\n", line);
        if (brood_child_write(wc, text, (size_t)length, 5000) != length)
            break;
    }
    brood_child_close_stream(wc, BROOD_IN);
    ssize_t got = brood_child_read(wc, BROOD_OUT, answer, sizeof answer, 5000);
    printf("wc says: %.*s", got > 0 ? (int)got : 0, answer);
    brood_child_free(wc);
    return 0;
}

/* A program that does not read: the write says so, with a value and not with a signal. */
static int feed_one_that_does_not_read(void)
{
    char *argv[] = {"true", NULL}, text[512];
    struct brood_stream pipe = {.kind = BROOD_PIPE};
    struct brood_child *deaf;
    struct brood_error error;

    if (brood_start(BROOD_OPTIONS(.argv = argv, .in = pipe), &deaf, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    brood_child_wait(deaf, BROOD_FOREVER, NULL);
    ssize_t put = brood_child_write(deaf, "hello\n", 6, 5000);
    printf("true says: %s\n", put < 0 ? strerror((int)-put) : "thank you");
    brood_child_free(deaf);
    return 0;
}

int main(void)
{
    return feed_from_memory() + feed_through_a_pipe() + feed_one_that_does_not_read();
}
