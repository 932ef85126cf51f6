/* SPDX-License-Identifier: MIT */
/*
 * The scenarios of the failure sweep: what is started, and what its program must find.
 *
 * Invariant: a scene can be opened, started and closed again any number of times, and each time it
 * asks for the same and leaves the process as it was.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <brood.h>
#include <stdbool.h>
#include <stddef.h>

enum { SCENE_TEXTS = 48, SCENE_TEXT = 256, SCENE_WORDS = 12, SCENE_FDS = 24, SCENE_FACTS = 10 };

struct scene;

enum scenario_trait {
    SCENARIO_RUN = 1,      /* by brood_run(), not brood_start() */
    SCENARIO_COLD = 2,     /* each start in a process that has never started anything */
    SCENARIO_RETRIES = 4,  /* asks for ETXTBSY and EAGAIN to be tried again */
    SCENARIO_SEARCHES = 8, /* a later candidate is as good as the first: see `spare` */
    SCENARIO_STALLS = 16,  /* ends by its start timeout, if by nothing else */
    SCENARIO_FREES = 32,   /* the child is freed while it runs, and that may fail, too */
    SCENARIO_LACKS = 64,   /* the caller has no 0, 1, 2: it holds a number for the pidfd */
    SCENARIO_PTY = 128,    /* streams of kind BROOD_PTY */
    SCENARIO_SEATED = 256, /* the caller leads a session that has a terminal */
    SCENARIO_IDS = 512,    /* others than the caller's, so that the kernel can be made to lie */
    SCENARIO_OOM = 1024,
    SCENARIO_CGROUP = 2048,
    SCENARIO_HOOK = 4096,
    SCENARIO_DETACHED = 8192,   /* made in the middle; the caller takes in orphans */
    SCENARIO_EVERYWHERE = 16384 /* also where only a part is run: a rung of its own */
};

struct scenario {
    const char *name;
    void (*build)(struct scene *scene);
    unsigned traits;
    unsigned spare;  /* SEARCHES: as many calls of execve may fail before none is left */
    int stage, code; /* of a start that fails by nature; 0: it succeeds */
    /* Lines that the witness must have written; '@' stands for the scene's directory. */
    const char *facts[SCENE_FACTS];
    const char *(*lacks)(void); /* NULL, or says why this cannot be had here; NULL: it can */
};

/* The tables: of what any start has (scenarios.c), and of who and where the program is. */
extern const struct scenario scenarios_common[], scenarios_own[];
extern const size_t scenarios_common_count, scenarios_own_count;

/* The index-th of all; NULL after the last. */
const struct scenario *scenario_at(size_t index);

/* One start to come. */
struct scene {
    const struct scenario *scenario;
    struct brood_options options;
    const char *directory, *witness;
    char *report; /* the file that the witness will write */
    char texts[SCENE_TEXTS][SCENE_TEXT];
    size_t text_count;
    char *argv[SCENE_WORDS], *env[SCENE_WORDS], *env_set[SCENE_WORDS], *env_unset[SCENE_WORDS];
    struct brood_fd_map fds[8];
    struct brood_rlimit rlimits[4];
    struct brood_credentials credentials;
    uint32_t groups[4];
    uint64_t cpus[16];
    int opened[SCENE_FDS];
    size_t opened_count;
    int saved[3]; /* descriptors 0, 1, 2 of a scene that runs without them; 0: not saved */
};

/* Fills a scene; `directory` exists and is the scene's own. Ends the process if that fails: then
 * the test is broken, not what it tests. */
void scene_open(struct scene *scene, const struct scenario *scenario, const char *directory,
                const char *witness);
void scene_close(struct scene *scene);

#endif
