/* SPDX-License-Identifier: MIT */
/*
 * One burst of starts at one limit of descriptors, in one of two ways: through brood's public
 * interface, or by the old go-pipe sequence. Both go through the same loop (burst_run.c), so that
 * what differs is the way alone.
 *
 * Invariant: a command counts as run only when its exit code and every byte it printed are those
 * that it gave when it ran alone.
 */
#ifndef BURST_H
#define BURST_H

#include "oldway.h"
#include "repo.h"

#include <stdbool.h>
#include <stdint.h>

struct brood_child;

/* One started command. The descriptors are what is still awaited of it: -1 after end-of-file, and
 * after its end was seen. They belong to `child` or `old`. */
struct job {
    const struct command *command;
    int out_fd, err_fd;
    int end_fd; /* readable once it has ended */
    struct digest out, err;
    struct brood_child *child; /* brood's */
    struct oldway_child old;   /* the old way's */
};

/* Why a start was refused. */
struct refusal {
    int code;        /* errno */
    char stage[16];  /* what refused it, in a word */
    char words[256]; /* the whole sentence */
};

/* A way of starting. */
struct way {
    const char *name;
    /* Starts it, fills in the job, gives it its input. Returns true, or false and why. */
    bool (*start)(const struct repository *repo, const struct command *command, struct job *job,
                  struct refusal *refusal);
    /* The exit code of an ended job (128 + signal), -1 if unknown; closes all that is left. */
    int (*finish)(struct job *job);
    void (*end)(void);
};

extern const struct way way_brood, way_old;

enum { BURST_STAGES = 4 };

/* What a burst came to; in memory that the keeper's caller shares. */
struct burst_result {
    unsigned asked, ran, wrong;   /* wrong: ended with another code or other words */
    unsigned refused, unclean;    /* unclean: refusals that left a trace in this process */
    unsigned left, zombies;       /* children of this process once all was collected */
    unsigned before, peak, after; /* open descriptors; peak: the most seen between two calls */
    unsigned most_at_once;        /* children held at the same time */
    unsigned stage_counts[BURST_STAGES];
    char stages[BURST_STAGES][16]; /* what refused, by name */
    bool finished;                 /* no command was given up, and all were collected */
    bool as_before;                /* descriptors, mask, dispositions, children as at first */
    char trouble[320];             /* the first thing that went wrong, in words */
};

struct burst {
    const struct way *way;
    const struct repository *repo;
    const struct command *commands;
    size_t command_count;
    unsigned starts;
    unsigned limit; /* soft RLIMIT_NOFILE */
    struct burst_result *result;
};

/* Carries one burst out, in the calling process, whose limit it lowers. Returns 0 when it came to
 * its end, whatever its figures. A body for keeper_run(); `burst` is a struct burst. */
int burst_run(void *burst);

#endif
