/* SPDX-License-Identifier: MIT */
/*
 * Gates: the system calls of a start, by name, against the committed list calls.txt, and unchanged
 * where a start of other kinds grows slower: many open descriptors, much memory, many children.
 *
 * Invariant: exact. A call more or less, anywhere, is red and says which.
 */
#include "gate_count.h"
#include "gate_shapes.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    MANY_DESCRIPTORS = 10000,
    MANY_CHILDREN = 1000,
    DIRTY_BYTES = 1 << 30,
    LIST_BYTES = 16384,
    SLOW_S = 120
};

/* ------------------------------------------------------------------ the subject */

static const struct gate_shape *shape_at_hand;

static void start_once(void)
{
    if (gate_once(shape_at_hand, NULL) != 0)
        _exit(2);
}

static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(3);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(3);
}

static void open_many(void)
{
    raise_limit();
    for (int i = 0; i < MANY_DESCRIPTORS; i++)
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
            _exit(4);
}

static void dirty_much(void)
{
    char *memory =
        mmap(NULL, DIRTY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(5);
    memset(memory, 1, DIRTY_BYTES);
}

static struct brood_child *children[MANY_CHILDREN];

static void start_many(void)
{
    raise_limit(); /* each has its pidfd */
    for (int i = 0; i < MANY_CHILDREN; i++) {
        children[i] = gate_start_living();
        if (!children[i])
            _exit(6);
    }
}

static void end_many(void)
{
    for (int i = 0; i < MANY_CHILDREN; i++)
        children[i] = brood_child_free(children[i]);
}

/* ------------------------------------------------------------------ the list */

struct list {
    char text[LIST_BYTES];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct list *list, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(list->text + list->length, sizeof list->text - list->length, format, arguments);
    va_end(arguments);
    REQUIRE(length >= 0 && list->length + (size_t)length < sizeof list->text);
    list->length += (size_t)length;
}

static void add_side(struct list *list, const struct gate_counts *counts, int side, long *total)
{
    for (int i = 0; i < counts->used[side]; i++) {
        const struct gate_line *line = &counts->lines[side][i];
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, line->number);
        add(list, "    %s %s %ld", side == GATE_CALLER ? "caller" : "child", name ? name : "?",
            line->count / GATE_STARTS);
        if (line->count % GATE_STARTS != 0)
            add(list, " and %ld in %d", line->count % GATE_STARTS, GATE_STARTS);
        add(list, "\n");
        free(name);
        *total += line->count;
    }
}

/* One shape's part of calls.txt. Returns the calls of a start, or -1. */
static long count_shape(const struct gate_shape *shape, void (*prepare)(void), void (*finish)(void),
                        struct list *list)
{
    static struct gate_counts counts;
    const struct gate_subject subject = {.prepare = prepare, .once = start_once, .finish = finish};
    shape_at_hand = shape;
    int result = gate_count(&subject, &counts);
    if (!CHECK_SAY(result == 0, "%s: the count ended with %s", shape->name, strerror(-result)))
        return -1;
    long total = 0;
    add(list, "%s\n", shape->name);
    add_side(list, &counts, GATE_CALLER, &total);
    add_side(list, &counts, GATE_CHILD, &total);
    add(list, "    together %ld\n", total / GATE_STARTS);
    return total / GATE_STARTS;
}

/* calls.txt without its comment. */
static const char *committed_list(void)
{
    static char text[LIST_BYTES];
    REQUIRE(lab_read_file(GATE_CALLS, text, sizeof text) >= 0);
    const char *at = text;
    while (*at == '#') {
        at = strchr(at, '\n');
        REQUIRE(at != NULL);
        at++;
    }
    return at;
}

/* The first line in which two lists differ. */
static void tell_difference(const char *got, const char *want)
{
    size_t same = 0;
    for (size_t i = 0; got[i] && got[i] == want[i]; i++)
        if (got[i] == '\n')
            same = i + 1;
    FAIL("calls differ: counted \"%.*s\" where the list has \"%.*s\"",
         (int)strcspn(got + same, "\n"), got + same, (int)strcspn(want + same, "\n"), want + same);
}

/* What was counted is left beside the program, for a change that is meant. */
static void compare_with_committed(const struct list *list)
{
    const char *want = committed_list();
    if (CHECK(strcmp(list->text, want) == 0))
        return;
    char path[PATH_MAX];
    (void)lab_built_program(path, sizeof path, "gates/calls.measured");
    (void)lab_write_file(path, list->text, list->length, 0644);
    tell_difference(list->text, want);
    NOTE("counted: %s; if it is meant, its text belongs into %s", path, GATE_CALLS);
}

/* A shape's part of the list, to the list's end. */
static const char *part_of(const char *list, const char *name)
{
    size_t length = strlen(name);
    const char *at = list;
    while (at && (strncmp(at, name, length) != 0 || at[length] != '\n')) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    return at ? at : "";
}

/* The shapes of the first gates under a burden: the list's parts, letter by letter. */
static void check_unchanged_by(void (*prepare)(void), void (*finish)(void))
{
    static const char *const names[] = {"bare", "three pipes", "run"};
    const char *want = committed_list();
    gate_shapes_begin();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static struct list list;
        list.length = 0;
        long calls = count_shape(gate_shape(names[i]), prepare, finish, &list);
        const char *part = part_of(want, names[i]);
        if (!CHECK_SAY(strncmp(list.text, part, list.length) == 0, "%s", names[i]))
            tell_difference(list.text, part);
        NOTE("%s: %ld system calls", names[i], calls);
    }
}

/* ------------------------------------------------------------------ the gates */

TEST_TIMEOUT(calls_of_a_start_are_those_of_the_list, SLOW_S)
{
    gate_shapes_begin();
    static struct list list;
    for (const struct gate_shape *shape = gate_shapes; shape->name; shape++) {
        long calls = count_shape(shape, NULL, NULL, &list);
        CHECK_SAY(calls > 0 && calls <= shape->most_calls, "%s: %ld calls, at most %d", shape->name,
                  calls, shape->most_calls);
        NOTE("%s: %ld system calls (at most %d)", shape->name, calls, shape->most_calls);
    }
    compare_with_committed(&list);
}

TEST_TIMEOUT(calls_do_not_grow_with_the_limit_of_descriptors, SLOW_S)
{
    check_unchanged_by(raise_limit, NULL);
}

TEST_TIMEOUT(calls_do_not_grow_with_open_descriptors, SLOW_S)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    REQUIRE(limit.rlim_max > MANY_DESCRIPTORS + 100);
    check_unchanged_by(open_many, NULL);
}

TEST_TIMEOUT(calls_do_not_grow_with_dirty_memory, SLOW_S)
{
    check_unchanged_by(dirty_much, NULL);
}

TEST_TIMEOUT(calls_do_not_grow_with_live_children, SLOW_S)
{
    check_unchanged_by(start_many, end_many);
}
