/* SPDX-License-Identifier: MIT */
/*
 * What `brood run` was asked for: its option table, read. Room cli.
 */
#ifndef BROOD_CLI_ASKED_H
#define BROOD_CLI_ASKED_H

#include "table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood.h>

/* A stream as the words of --stdin, --stdout and --stderr have it. */
struct asked_stream {
    bool given;
    uint32_t kind;    /* BROOD_INHERIT, BROOD_NULL, BROOD_FILE or BROOD_MERGE */
    const char *path; /* BROOD_FILE */
};

/* Processors 0 to 8191, which is as many as a kernel can be built for. */
enum { ASKED_CPU_WORDS = 128 };

/* All strings are borrowed from argv. */
struct asked {
    int64_t timeout_ms, grace_ms, drain_ms, start_timeout_ms; /* -1: not given */
    const char *cwd, *json, *cgroup;
    const char *user, *group, *groups; /* as given */
    bool changes_identity;             /* one of those is: what they mean is */
    struct brood_credentials credentials;
    uint32_t *group_list;           /* its groups */
    struct asked_stream streams[3]; /* by enum brood_stream_index */
    char **set;                     /* NAME=VALUE, each NAME once, NULL-terminated */
    char **unset;                   /* NULL-terminated */
    size_t set_count, unset_count;
    int32_t *keep; /* descriptors of --keep-fd */
    size_t keep_count;
    struct brood_rlimit *limits; /* each resource once */
    size_t limit_count;
    int64_t umask, nice, oom; /* -1, INT64_MIN and INT64_MIN: not given */
    uint64_t cpus[ASKED_CPU_WORDS];
    size_t cpu_words;        /* 0: not given */
    uint64_t ignore_signals; /* bit n - 1: signal n */
    bool clear_env, keep_all, new_session, no_new_privs, pty, detach, plan, quiet;
    char **command; /* the rest of argv: at least one word */
};

/* The rows of `brood run`; take functions expect a struct asked. */
extern const struct table asked_table;

/* Reads argv[1..]. TABLE_REFUSED has been said on standard error, contradictions too. The result is
 * to be given to asked_done() in every case. */
enum table_end asked_read(struct asked *asked, int argc, char **argv);
void asked_done(struct asked *asked);

/* Returns what the command would find in its environment under `name`; NULL for nothing. */
const char *asked_environment(const struct asked *asked, const char *name);

#endif
