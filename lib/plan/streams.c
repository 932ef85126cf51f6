/* SPDX-License-Identifier: MIT */
/*
 * Checks what the caller says of the child's streams and descriptors.
 *
 * Room plan. Invariant: as options.c. A descriptor is only asked whether it is open, so that a
 * number that is free now cannot become one of our own pipes in the child.
 */
#include "streams.h"

#include <errno.h>
#include <stdbool.h>

#include "../os/os.h"
#include "error.h"

const struct brood_stream *bd_streams_of(const struct brood_options *options, int index)
{
    return index == BROOD_IN ? &options->in : index == BROOD_OUT ? &options->out : &options->err;
}

static const uint32_t stream_flags[] = {
    [BROOD_INHERIT] = 0,
    [BROOD_NULL] = 0,
    [BROOD_PIPE] = BROOD_STREAM_NONBLOCK,
    [BROOD_SOCKET] = BROOD_STREAM_NONBLOCK,
    [BROOD_FILE] = BROOD_FILE_APPEND | BROOD_FILE_KEEP | BROOD_FILE_EXCLUSIVE | BROOD_FILE_EXISTING,
    [BROOD_FD] = 0,
    [BROOD_MERGE] = 0,
    [BROOD_CLOSED] = 0,
    [BROOD_MEMORY] = BROOD_OUTPUT_DISCARD,
    [BROOD_PTY] = BROOD_STREAM_NONBLOCK,
};

int bd_streams_check_open(int fd, struct brood_error *reterr)
{
    if (bd_os_is_open(fd))
        return 0;
    return bd_error_options_number(reterr, EBADF, "the caller has no open descriptor", fd);
}

static int check_file(const struct brood_stream *stream, bool is_input, struct brood_error *reterr)
{
    uint32_t flags = stream->flags;
    if (!stream->path || !*stream->path)
        return bd_error_options(reterr, "a stream of kind file needs a path", NULL);
    if (is_input && flags)
        return bd_error_options(reterr, "flags for writing on a file that is read:", stream->path);
    if ((flags & BROOD_FILE_APPEND) && (flags & BROOD_FILE_KEEP))
        return bd_error_options(reterr, "append and keep contradict each other on", stream->path);
    if ((flags & BROOD_FILE_EXCLUSIVE) && (flags & BROOD_FILE_EXISTING))
        return bd_error_options(reterr, "exclusive and existing contradict each other on",
                                stream->path);
    if (stream->create_mode > 07777)
        return bd_error_options(reterr, "create_mode is not within 0..07777", NULL);
    return 0;
}

static int check_memory(const struct brood_stream *stream, bool is_input, enum bd_purpose purpose,
                        struct brood_error *reterr)
{
    if (is_input && stream->flags)
        return bd_error_options(reterr, "flags for output on input from memory", NULL);
    if (is_input && !stream->input && stream->input_length)
        return bd_error_options(reterr, "input_length without input", NULL);
    if (!is_input && purpose == BD_FOR_START)
        return bd_error_options(reterr, "output to memory needs a call that stays: use brood_run()",
                                NULL);
    return 0;
}

static int check_merge(const struct brood_options *options, int index, struct brood_error *reterr)
{
    if (index == BROOD_IN)
        return bd_error_options(reterr, "in cannot be merged: only out into err or err into out",
                                NULL);
    if (bd_streams_of(options, BROOD_OUT + BROOD_ERR - index)->kind == BROOD_MERGE)
        return bd_error_options(reterr, "out and err are each merged into the other", NULL);
    return 0;
}

/* A member that the kind does not read would be without effect, and nobody would say so. */
static int check_members(const struct brood_stream *stream, bool is_input,
                         struct brood_error *reterr)
{
    uint32_t kind = stream->kind;
    const struct {
        bool is_given, is_read;
        const char *sentence;
    } members[] = {
        {stream->fd != 0, kind == BROOD_FD, "fd is for a stream of kind BROOD_FD"},
        {stream->path, kind == BROOD_FILE, "path is for a stream of kind BROOD_FILE"},
        {stream->create_mode, kind == BROOD_FILE && !is_input,
         "create_mode is for a BROOD_FILE that is written"},
        {stream->input || stream->input_length, kind == BROOD_MEMORY && is_input,
         "input is for in of kind BROOD_MEMORY"},
        {stream->output_limit, kind == BROOD_MEMORY && !is_input,
         "output_limit is for out and err of kind BROOD_MEMORY"},
        {stream->rows || stream->columns, kind == BROOD_PTY,
         "rows and columns are for a pseudoterminal"},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (members[i].is_given && !members[i].is_read)
            return bd_error_options(reterr, members[i].sentence, NULL);
    return 0;
}

int bd_streams_check(const struct brood_options *options, int index, enum bd_purpose purpose,
                     struct brood_error *reterr)
{
    const struct brood_stream *stream = bd_streams_of(options, index);
    bool is_input = index == BROOD_IN;
    if (stream->kind >= sizeof stream_flags / sizeof stream_flags[0])
        return bd_error_options(reterr, "a stream has an unknown kind", NULL);
    if (stream->flags & ~stream_flags[stream->kind])
        return bd_error_options(reterr, "a stream has flags that its kind does not know", NULL);
    for (size_t i = 0; i < sizeof stream->reserved / sizeof stream->reserved[0]; i++)
        if (stream->reserved[i])
            return bd_error_options(reterr, "a reserved member is not zero", NULL);
    int result = check_members(stream, is_input, reterr);
    if (result < 0)
        return result;
    if (stream->kind == BROOD_FILE)
        return check_file(stream, is_input, reterr);
    if (stream->kind == BROOD_FD)
        return bd_streams_check_open(stream->fd, reterr);
    if (stream->kind == BROOD_MEMORY)
        return check_memory(stream, is_input, purpose, reterr);
    if (stream->kind == BROOD_MERGE)
        return check_merge(options, index, reterr);
    if (purpose == BD_FOR_RUN &&
        (stream->kind == BROOD_PIPE || stream->kind == BROOD_SOCKET || stream->kind == BROOD_PTY))
        return bd_error_options(reterr,
                                "nobody could use our end of it during brood_run(): use "
                                "BROOD_MEMORY, or brood_start()",
                                NULL);
    return 0;
}

int bd_streams_check_map(const struct brood_options *options, struct brood_error *reterr)
{
    if (options->fd_count == 0)
        return 0;
    if (!options->fds)
        return bd_error_options(reterr, "fd_count without fds", NULL);
    uint64_t soft_limit = bd_os_soft_nofile();
    for (size_t i = 0; i < options->fd_count; i++) {
        int32_t to = options->fds[i].to;
        if (to < 0)
            return bd_error_options(reterr, "fds: a target is negative", NULL);
        if ((uint64_t)to >= soft_limit && to != options->fds[i].from)
            return bd_error_options_number(
                reterr, EINVAL, "fds: target at or above the limit of open descriptors:", to);
        if (to <= BROOD_ERR && bd_streams_of(options, to)->kind != BROOD_INHERIT)
            return bd_error_options(reterr, "fds: a target is also given as in, out or err", NULL);
        for (size_t k = 0; k < i; k++)
            if (options->fds[k].to == to)
                return bd_error_options_number(reterr, EINVAL, "fds: two maps have the target", to);
        int result = bd_streams_check_open(options->fds[i].from, reterr);
        if (result < 0)
            return result;
    }
    return 0;
}
