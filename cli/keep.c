/* SPDX-License-Identifier: MIT */
/*
 * Which descriptors the command keeps. Room cli.
 *
 * brood run stands in for the command, so what somebody passed to the command by number must
 * arrive: bash's process substitution (an argument /dev/fd/63), make's job tokens (MAKEFLAGS) and
 * listening sockets (LISTEN_FDS). Invariant: only descriptors that are open are kept, each once.
 */
#include "keep.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept {
    struct brood_fd_map *maps;
    size_t count, room;
    int code; /* -ENOMEM once memory has run out */
};

static void keep(struct kept *kept, int32_t fd)
{
    if (fd <= BROOD_ERR || fcntl(fd, F_GETFD) < 0)
        return;
    for (size_t i = 0; i < kept->count; i++) {
        if (kept->maps[i].from == fd)
            return;
    }
    if (kept->count == kept->room) {
        size_t more = kept->room ? 2 * kept->room : 16;
        struct brood_fd_map *grown = realloc(kept->maps, more * sizeof *grown);
        if (!grown) {
            kept->code = -ENOMEM;
            return;
        }
        kept->maps = grown;
        kept->room = more;
    }
    kept->maps[kept->count++] = (struct brood_fd_map){fd, fd};
}

/* The number that a word ends with, behind `mark`: "/dev/fd/63", "--file=/dev/fd/63",
 * "-f/dev/fd/63". -1: none. */
static int32_t number_behind(const char *word, const char *mark)
{
    const char *found = NULL;
    for (const char *at = strstr(word, mark); at; at = strstr(at + 1, mark))
        found = at;
    int64_t number = -1;
    if (!found || strchr("+-", found[strlen(mark)]) ||
        values_number(found + strlen(mark), 0, INT_MAX, &number) < 0)
        return -1;
    return (int32_t)number;
}

static bool is_pipe(int32_t fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* "R,W" as make writes it. A make that could not pass its tokens writes -2,-2; one that has
 * closed them for this recipe leaves numbers which may since be something else, so only pipes are
 * kept. */
static void keep_tokens(struct kept *kept, const char *pair, size_t length)
{
    char text[32];
    if (length >= sizeof text)
        return;
    memcpy(text, pair, length);
    text[length] = 0;
    char *comma = strchr(text, ',');
    if (!comma)
        return;
    *comma = 0;
    int64_t read_end = -1, write_end = -1;
    if (values_number(text, 0, INT_MAX, &read_end) < 0 ||
        values_number(comma + 1, 0, INT_MAX, &write_end) < 0)
        return;
    if (is_pipe((int32_t)read_end) && is_pipe((int32_t)write_end)) {
        keep(kept, (int32_t)read_end);
        keep(kept, (int32_t)write_end);
    }
}

/* MAKEFLAGS is words of options, then "--" and assignments; the last mention of tokens counts. */
static void keep_jobserver(struct kept *kept, const char *flags)
{
    static const char *const marks[] = {"--jobserver-auth=", "--jobserver-fds="};
    const char *pair = NULL;
    size_t pair_length = 0;
    for (const char *at = flags; at && *at;) {
        at += strspn(at, " \t");
        size_t length = strcspn(at, " \t");
        if (length == 2 && strncmp(at, "--", 2) == 0)
            break;
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            size_t mark = strlen(marks[i]);
            if (length > mark && strncmp(at, marks[i], mark) == 0) {
                pair = at + mark;
                pair_length = length - mark;
            }
        }
        at += length;
    }
    if (pair)
        keep_tokens(kept, pair, pair_length);
}

/* They are numbered from 3 without a gap. */
static void keep_sockets(struct kept *kept, const char *count_text)
{
    int64_t count = 0;
    if (!count_text || values_number(count_text, 0, INT_MAX, &count) < 0)
        return;
    for (int32_t fd = 3; fd - 3 < count && fcntl(fd, F_GETFD) >= 0; fd++)
        keep(kept, fd);
}

int keep_collect(const struct asked *asked, struct brood_fd_map **ret, size_t *ret_count)
{
    struct kept kept = {0};
    for (size_t i = 0; i < asked->keep_count; i++)
        keep(&kept, asked->keep[i]);
    for (char **word = asked->command; *word; word++) {
        keep(&kept, number_behind(*word, "/dev/fd/"));
        keep(&kept, number_behind(*word, "/proc/self/fd/"));
    }
    keep_jobserver(&kept, asked_environment(asked, "MAKEFLAGS"));
    keep_sockets(&kept, asked_environment(asked, "LISTEN_FDS"));
    if (kept.code < 0) {
        free(kept.maps);
        return kept.code;
    }
    *ret = kept.maps;
    *ret_count = kept.count;
    return 0;
}

bool keep_is_listener(const struct asked *asked)
{
    const char *text = asked_environment(asked, "LISTEN_PID");
    int64_t pid = 0;
    return text && asked_environment(asked, "LISTEN_FDS") &&
           values_number(text, 1, INT_MAX, &pid) == 0 && pid == getpid();
}
