/* SPDX-License-Identifier: MIT */
/*
 * Options of any content become a plan in words, or an error in words: nothing else, twice the
 * same, and nothing is left. No process is started.
 */
#include "../../lib/onebrood.c"

#include "bytes.h"

enum { LISTED = 4, TEXT_BYTES = 65536 };

static char *const *take_list(struct bytes *bytes, char **room)
{
    size_t count = bytes_one(bytes) % (LISTED + 2);
    if (count > LISTED)
        return NULL;
    for (size_t i = 0; i < count; i++)
        room[i] = bytes_text(bytes);
    room[count] = NULL;
    return room;
}

static struct brood_stream take_stream(struct bytes *bytes)
{
    struct brood_stream stream = {.kind = bytes_one(bytes) % 12};
    uint8_t has = bytes_one(bytes);
    stream.flags = has & 1 ? (uint32_t)bytes_number(bytes, 1) : 0;
    stream.fd = has & 2 ? (int32_t)bytes_number(bytes, 1) - 1 : 0;
    stream.path = has & 4 ? bytes_text(bytes) : NULL;
    stream.create_mode = has & 8 ? (uint32_t)bytes_number(bytes, 2) : 0;
    stream.input = has & 16 ? "input" : NULL;
    stream.input_length = has & 16 ? bytes_one(bytes) % 6 : 0;
    stream.output_limit = has & 32 ? bytes_number(bytes, 1) : 0;
    stream.rows = has & 64 ? (uint16_t)bytes_number(bytes, 2) : 0;
    stream.reserved[1] = has == 255;
    return stream;
}

/* Half of the flags are set without their values and half of the values without their flags. */
static void take_values(struct bytes *bytes, struct brood_options *options)
{
    uint8_t has = bytes_one(bytes);
    options->flags = bytes_number(bytes, 2) & (has & 1 ? 0xfff : 0xffff);
    options->umask = has & 2 ? (uint32_t)bytes_number(bytes, 2) : 0;
    options->nice = has & 4 ? (int8_t)bytes_one(bytes) : 0;
    options->cwd_fd = has & 8 ? (int8_t)bytes_one(bytes) : 0;
    options->oom_score_adj = has & 16 ? (int16_t)bytes_number(bytes, 2) : 0;
    options->join_group = has & 32 ? (int16_t)bytes_number(bytes, 2) : 0;
    options->start_timeout_ms = has & 64 ? (int64_t)bytes_number(bytes, 8) : 0;
    options->ignore_signals = has & 128 ? bytes_number(bytes, 8) : 0;
    options->search = bytes_one(bytes) % 4;
    options->scope = bytes_one(bytes) % 3;
    options->signals = bytes_one(bytes) % 5;
}

static void say_twice(const struct brood_options *options)
{
    static char text[TEXT_BYTES];
    char words[1024];
    struct brood_error error;
    ssize_t length = brood_plan_text(options, NULL, 0, &error);
    ssize_t again = brood_plan_text(options, text, sizeof text, NULL);
    DEMAND(length == again);
    if (length >= 0) {
        DEMAND((size_t)length < sizeof text ? strlen(text) == (size_t)length : strlen(text) > 0);
        return;
    }
    DEMAND(error.stage == BROOD_STAGE_OPTIONS && error.code == -length);
    DEMAND(strlen(brood_error_text(&error, words, sizeof words)) > 10);
    for (const char *at = words; *at; at++)
        DEMAND((unsigned char)*at >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {.at = data, .left = size};
    char *argv[LISTED + 1], *env[LISTED + 1], *set[LISTED + 1], *unset[LISTED + 1];
    struct brood_fd_map map[LISTED];
    struct brood_rlimit limits[LISTED];
    struct brood_options options = {.size = sizeof options};
    options.argv = take_list(&bytes, argv);
    take_values(&bytes, &options);
    options.in = take_stream(&bytes);
    options.out = take_stream(&bytes);
    options.err = take_stream(&bytes);
    options.env = take_list(&bytes, env);
    options.env_set = take_list(&bytes, set);
    options.env_unset = take_list(&bytes, unset);
    options.program = bytes_one(&bytes) & 1 ? bytes_text(&bytes) : NULL;
    options.cwd = bytes_one(&bytes) & 1 ? bytes_text(&bytes) : NULL;
    options.cgroup = bytes_one(&bytes) & 1 ? bytes_text(&bytes) : NULL;
    options.fd_count = bytes_one(&bytes) % (LISTED + 1);
    for (size_t i = 0; i < options.fd_count; i++)
        map[i] = (struct brood_fd_map){bytes_one(&bytes) % 5, (int8_t)bytes_one(&bytes)};
    options.fds = options.fd_count ? map : NULL;
    options.rlimit_count = bytes_one(&bytes) % (LISTED + 1);
    for (size_t i = 0; i < options.rlimit_count; i++)
        limits[i] = (struct brood_rlimit){bytes_one(&bytes), 0, bytes_number(&bytes, 2),
                                          bytes_number(&bytes, 8)};
    options.rlimits = options.rlimit_count ? limits : NULL;
    say_twice(&options);
    bytes_done(&bytes);
    return 0;
}
