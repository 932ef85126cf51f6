/* SPDX-License-Identifier: MIT */
/*
 * The repository that bench/burst works on, and the git commands it runs there.
 *
 * A clone of the repository that we stand in, or a small one made on the spot; in either some
 * files are changed, so that status and diff have something to say. It lies in a directory of its
 * own, so that no edit during a burst changes an answer, and nothing of the user's is touched.
 *
 * Invariant: every command has been run once, alone, and its answer noted: what a burst collects is
 * compared with that.
 */
#ifndef REPO_H
#define REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPO_ARGUMENTS = 10, REPO_PATH = 512 };

/* Length and hash of what a stream carried. */
struct digest {
    uint64_t length, hash;
};

struct command {
    char *argv[REPO_ARGUMENTS];
    const char *input; /* for its standard input, which is then closed; NULL: left open */
    int code;          /* its exit code, and what it printed, as noted */
    struct digest out, err;
};

struct repository {
    char scratch[REPO_PATH], directory[REPO_PATH]; /* the second lies in the first */
    bool cloned;                                   /* from where we stand; else made here */
    char commits[32], files[32];                   /* how many, for the words */
    char **env;                                    /* for every git command */
};

/* Makes the repository. Returns 0, or -1 with the reason in `why`. repo_close() in either case. */
int repo_open(struct repository *repo, char *why, size_t size);

/* The commands, each with its noted answer. NULL with a reason in `why`. */
const struct command *repo_commands(const struct repository *repo, size_t *count, char *why,
                                    size_t size);

void repo_close(struct repository *repo);

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t length);
bool digest_equal(const struct digest *left, const struct digest *right);

#endif
