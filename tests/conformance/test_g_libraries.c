/* SPDX-License-Identifier: MIT */
/*
 * Two copies of the library in one process, as when an application and its plugin each bring one:
 * each starts, waits for and ends its own children, from threads at once, beside a third party that
 * forks.
 *
 * Room tests. Invariant: one copy is linked, the other one loaded, and they share no code and no
 * data.
 */
#include "kit.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SLOW = TEST_UNDER_ASAN || TEST_UNDER_TSAN,
    ROUNDS = SLOW ? 3 : 10,
    AT_ONCE = 10,
    THIRD = 99
};

typedef int start_fn(const struct brood_options *, struct brood_child **, struct brood_error *);
typedef int wait_fn(struct brood_child *, int64_t, struct brood_exit *);
typedef struct brood_child *free_fn(struct brood_child *);

struct library {
    int base; /* of its children's exit codes */
    start_fn *start;
    wait_fn *wait;
    free_fn *free;
    pthread_t thread;
};

static void start_one(const struct library *library, int index, struct brood_child **ret)
{
    char code[8];
    (void)snprintf(code, sizeof code, "%d", library->base + index);
    bool lives = index % 5 == 0; /* some are ended with their handle */
    char *const *argv = lives ? TARGET("sleep") : TARGET("exit", code);
    *ret = NULL;
    CHECK_INT(library->start(BROOD_OPTIONS(.argv = argv), ret, NULL), 0);
    REQUIRE(*ret != NULL);
}

static void *use(void *argument)
{
    const struct library *library = argument;
    struct brood_child *children[AT_ONCE], *none = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            start_one(library, i, &children[i]);
        CHECK_INT(library->start(BROOD_OPTIONS(.argv = WORDS("/no/such")), &none, NULL), -ENOENT);
        for (int i = AT_ONCE - 1; i >= 0; i--) {
            struct brood_exit end = {.kind = 0};
            if (i % 5 != 0) {
                CHECK_INT(library->wait(children[i], KIT_BOUND_MS, &end), 0);
                CHECK_EXITED(end, library->base + i);
            }
            CHECK(library->free(children[i]) == NULL);
        }
    }
    return NULL;
}

static void *symbol(void *handle, const char *name)
{
    void *address = dlsym(handle, name);
    REQUIRE(address);
    return address;
}

TEST_TIMEOUT(g08_two_libraries, 60)
{
    void *handle = dlopen(BROOD_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        FAIL("%s", dlerror());
    REQUIRE(handle);
    struct library linked = {
        .base = 10, .start = brood_start, .wait = brood_child_wait, .free = brood_child_free};
    struct library loaded = {.base = 100};
    *(void **)&loaded.start = symbol(handle, "brood_start");
    *(void **)&loaded.wait = symbol(handle, "brood_child_wait");
    *(void **)&loaded.free = symbol(handle, "brood_child_free");
    REQUIRE(loaded.start != linked.start && loaded.free != linked.free);
    pid_t third = fork();
    if (third == 0)
        _exit(THIRD);
    REQUIRE(pthread_create(&linked.thread, NULL, use, &linked) == 0);
    REQUIRE(pthread_create(&loaded.thread, NULL, use, &loaded) == 0);
    CHECK_INT(pthread_join(linked.thread, NULL), 0);
    CHECK_INT(pthread_join(loaded.thread, NULL), 0);
    CHECK_CHILD(third, THIRD);
    CHECK_INT(audit_children(), 0);
    CHECK_INT(dlclose(handle), 0);
}
