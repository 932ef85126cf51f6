/* SPDX-License-Identifier: MIT */
/*
 * The shared library loaded, used from threads and unloaded again and again: no mapping, descriptor
 * or process of it stays.
 *
 * Room tests. Invariant: this program is not linked with the library; it has only what dlopen(3)
 * gave.
 */
#include "harness.h"

#include <brood.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int start_fn(const struct brood_options *, struct brood_child **, struct brood_error *);
typedef int wait_fn(struct brood_child *, int64_t, struct brood_exit *);
typedef struct brood_child *free_fn(struct brood_child *);

enum { TIMES = 20, THREADS = 4, BOUND_MS = 10000 };

struct library {
    const char *program;
    void *handle;
    start_fn *start;
    wait_fn *wait;
    free_fn *free;
};

static void *symbol(void *handle, const char *name)
{
    void *address = dlsym(handle, name);
    REQUIRE(address);
    return address;
}

static struct library load(void)
{
    struct library library = {.program = lab_child_program(),
                              .handle = dlopen(BROOD_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL)};
    if (!library.handle)
        FAIL("%s", dlerror());
    REQUIRE(library.handle);
    *(void **)&library.start = symbol(library.handle, "brood_start");
    *(void **)&library.wait = symbol(library.handle, "brood_child_wait");
    *(void **)&library.free = symbol(library.handle, "brood_child_free");
    return library;
}

static void *use(void *argument)
{
    const struct library *library = argument;
    char program[PATH_MAX], verb[] = "exit", code[] = "3";
    (void)snprintf(program, sizeof program, "%s", library->program);
    char *argv[] = {program, verb, code, NULL};
    for (int i = 0; i < 5; i++) {
        struct brood_child *child = NULL;
        struct brood_exit end = {.kind = 0};
        CHECK_INT(
            library->start(BROOD_OPTIONS(.argv = argv, .out = {.kind = BROOD_PIPE}), &child, NULL),
            0);
        if (!child)
            break;
        CHECK_INT(library->wait(child, BOUND_MS, &end), 0);
        CHECK_INT(end.code, 3);
        CHECK(library->free(child) == NULL);
        CHECK(library->start(BROOD_OPTIONS(.argv = argv, .cwd = "/no/such"), &child, NULL) < 0);
    }
    return NULL;
}

struct maps {
    size_t count, brood; /* lines, and those of the library */
};

static struct maps read_maps(void)
{
    struct maps maps = {0, 0};
    char line[PATH_MAX + 128];
    FILE *file = fopen(lab_proc("self/maps"), "re");
    REQUIRE(file);
    while (fgets(line, sizeof line, file)) {
        maps.count++;
        maps.brood += strstr(line, "libbrood") != NULL;
    }
    (void)fclose(file);
    return maps;
}

static void load_use_unload(void)
{
    pthread_t threads[THREADS];
    struct library library = load();
    CHECK(read_maps().brood > 0);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, &library) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(dlclose(library.handle), 0);
}

TEST_TIMEOUT(unloading_leaves_nothing, 60)
{
    load_use_unload(); /* the first time libc grows its own: stacks of threads, arenas */
    load_use_unload();
    struct maps before = read_maps();
    for (int i = 0; i < TIMES; i++)
        load_use_unload();
    struct maps after = read_maps();
    CHECK_INT(after.brood, 0);
    CHECK_SAY(after.count <= before.count + TIMES / 2, "%zu mappings, before %zu", after.count,
              before.count);
    NOTE("%zu mappings before, %zu after %d times", before.count, after.count, (int)TIMES);
}
