/* SPDX-License-Identifier: MIT */
/*
 * The kinds of streams as data (kinds.h).
 */
#include "kinds.h"

struct brood_stream *kind_stream(struct brood_options *options, uint32_t index)
{
    struct brood_stream *const streams[] = {&options->in, &options->out, &options->err};
    return streams[index];
}

bool kind_give(struct brood_options *options, uint32_t index, uint32_t kind, int fd)
{
    struct brood_stream *stream = kind_stream(options, index);
    *stream = (struct brood_stream){.kind = kind};
    if (kind == BROOD_FILE)
        stream->path = lab_file(say("file%u", index));
    if (kind == BROOD_FD)
        stream->fd = fd;
    if (kind == BROOD_MEMORY) {
        stream->input = "memory";
        stream->input_length = 6;
    }
    return index == BROOD_IN ? kind != BROOD_MERGE : kind != BROOD_MEMORY;
}

const char *kind_target(struct brood_options *options, uint32_t index,
                        const char *const inherited[3], const char *fd)
{
    switch ((enum brood_stream_kind)kind_stream(options, index)->kind) {
    case BROOD_INHERIT:
        return inherited[index];
    case BROOD_NULL:
        return "/dev/null";
    case BROOD_PIPE:
        return "pipe:[";
    case BROOD_SOCKET:
        return "socket:[";
    case BROOD_FILE:
        return lab_file(say("file%u", index));
    case BROOD_FD:
        return fd;
    case BROOD_MERGE:
        return kind_target(options, BROOD_OUT + BROOD_ERR - index, inherited, fd);
    case BROOD_MEMORY:
        return "/memfd:brood-input (deleted)";
    case BROOD_PTY:
        return "/dev/pts/";
    case BROOD_CLOSED:
        break;
    }
    return "";
}

void kind_check(struct brood_options *options, const char *told, const char *const inherited[3],
                const char *fd)
{
    static const char *const names[KINDS] = {"inherit", "null",  "pipe",   "socket", "file",
                                             "fd",      "merge", "closed", "memory"};
    const char *kinds = say("in %s, out %s, err %s", names[options->in.kind],
                            names[options->out.kind], names[options->err.kind]);
    for (uint32_t index = BROOD_IN; index <= BROOD_ERR; index++) {
        const char *line = line_of(told, say("%u ", index));
        const char *want = kind_target(options, index, inherited, fd);
        const char *target = *want ? strstr(line, say(" %s", want)) : line + strlen(line);
        CHECK_SAY(target && (*want != '\0') == (*line != '\0') && !strstr(line, "cloexec=1"),
                  "descriptor %u is '%s', not '%s': %s", index, line, want, kinds);
    }
    for (const char *line = told; *line; line += strcspn(line, "\n") + 1)
        CHECK_SAY(strchr("012", *line) && line[1] == ' ', "%s has: %.*s", kinds,
                  (int)strcspn(line, "\n"), line);
}
