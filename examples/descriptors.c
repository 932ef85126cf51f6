/* SPDX-License-Identifier: MIT */
/*
 * Give a program more descriptors than the usual three, under numbers of its own, and nothing else.
 *
 * The map is carried out as one: every `from` is read before any `to` is written, so descriptors
 * may change places. What is not in the map does not exist in the program, close-on-exec or not.
 */
#include <brood.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* A file without a name, with some words in it, to be read from the start. */
static int words_in_a_file(const char *words)
{
    FILE *file = tmpfile();
    if (file == NULL || fputs(words, file) == EOF || fflush(file) == EOF)
        return -1;
    int fd = fcntl(fileno(file), F_DUPFD, 10);
    (void)fclose(file);
    return fd < 0 || lseek(fd, 0, SEEK_SET) != 0 ? -1 : fd;
}

static int run_script(const char *title, char *script, const struct brood_fd_map *map, size_t count)
{
    char *argv[] = {"sh", "-c", script, NULL}, text[512];
    struct brood_child *child;
    struct brood_error error;

    printf("%s\n", title);
    (void)fflush(stdout); /* the program writes to the same place */
    if (brood_start(BROOD_OPTIONS(.argv = argv, .fds = map, .fd_count = count), &child, &error) <
        0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    brood_child_wait(child, BROOD_FOREVER, NULL);
    brood_child_free(child);
    return 0;
}

int main(void)
{
    int red = words_in_a_file("red\n"), green = words_in_a_file("green\n");
    int blue = words_in_a_file("blue\n");
    if (red < 0 || green < 0 || blue < 0)
        return 1;

    /* Two of the three, as 3 and 4. The third is not close-on-exec, and stays here all the same. */
    struct brood_fd_map two[] = {{.from = green, .to = 3}, {.from = red, .to = 4}};
    char script[128];
    (void)snprintf(script, sizeof script,
                   "cat <&3; cat <&4; test -e /proc/self/fd/%d || echo no blue", blue);
    int failed = run_script("As 3 and 4:", script, two, 2);

    /* A cycle: each takes the number of the next. In this program they stay where they are. */
    struct brood_fd_map cycle[] = {
        {.from = red, .to = green}, {.from = green, .to = blue}, {.from = blue, .to = red}};
    (void)snprintf(script, sizeof script, "cat /proc/self/fd/%d /proc/self/fd/%d /proc/self/fd/%d",
                   red, green, blue);
    failed += run_script("All in a circle:", script, cycle, 3);

    close(red);
    close(green);
    close(blue);
    return failed;
}
