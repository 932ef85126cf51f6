/* SPDX-License-Identifier: MIT */
/*
 * Gates: no page fault of the caller in a start, and nothing that grows: heap, mappings,
 * descriptors, over ten thousand starts that go well and ten thousand that fail.
 *
 * Invariant: exact. What is warm has been warmed by the same starts before.
 */
#include "gate_shapes.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STARTS = 10000, FAULT_STARTS = 1000, WINDOWS = 3, WARM_STARTS = 50, SLOW_S = 180 };

/* ------------------------------------------------------------------ faults */

static long faults_of_starts(const struct gate_shape *shape)
{
    struct rusage first, last;
    int failed = 0;
    REQUIRE(getrusage(RUSAGE_SELF, &first) == 0);
    for (int i = 0; i < FAULT_STARTS; i++)
        failed += gate_once(shape, NULL) != 0;
    REQUIRE(getrusage(RUSAGE_SELF, &last) == 0);
    CHECK_INT(failed, 0);
    return last.ru_minflt - first.ru_minflt;
}

/* The kernel itself takes pages away now and then (huge pages, NUMA balancing), and the fault that
 * brings one back is not the start's. So the quietest of three windows counts, and must have
 * none. */
static void check_faults(const char *name)
{
    const struct gate_shape *shape = gate_shape(name);
    long fewest = -1;
    gate_shapes_begin();
    for (int i = 0; i < WARM_STARTS; i++)
        CHECK_INT(gate_once(shape, NULL), 0);
    for (int window = 0; window < WINDOWS && fewest != 0; window++) {
        long faults = faults_of_starts(shape);
        fewest = fewest < 0 || faults < fewest ? faults : fewest;
    }
    CHECK_INT(fewest, 0);
    NOTE("%s: %ld minor faults of the caller in %d starts", name, fewest, FAULT_STARTS);
}

TEST_TIMEOUT(a_bare_start_faults_no_page, SLOW_S)
{
    check_faults("bare");
}

TEST_TIMEOUT(a_start_with_pipes_faults_no_page, SLOW_S)
{
    check_faults("three pipes");
}

/* ------------------------------------------------------------------ growth */

struct held {
    size_t heap;
    int maps, fds;
};

static int count_maps(void)
{
    static char text[4096];
    int lines = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    ssize_t length;
    while ((length = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < length; i++)
            lines += text[i] == '\n';
    (void)close(fd);
    return lines;
}

static struct held held_now(void)
{
    return (struct held){.heap = heap_in_use(), .maps = count_maps(), .fds = lab_count_fds()};
}

static void check_flat(const struct held *before)
{
    struct held now = held_now();
    CHECK_INT(now.heap, before->heap);
    CHECK_INT(now.maps, before->maps);
    CHECK_INT(now.fds, before->fds);
    NOTE("heap %zu, mappings %d, descriptors %d: before and after", now.heap, now.maps, now.fds);
}

static void check_starts_flat(const struct gate_shape *shape, int starts)
{
    int failed = 0;
    for (int i = 0; i < WARM_STARTS; i++)
        CHECK_INT(gate_once(shape, NULL), 0);
    struct held before = held_now();
    for (int i = 0; i < starts; i++)
        failed += gate_once(shape, NULL) != 0;
    CHECK_INT(failed, 0);
    check_flat(&before);
}

TEST_TIMEOUT(ten_thousand_starts_leave_nothing, SLOW_S)
{
    gate_shapes_begin();
    check_starts_flat(gate_shape("three pipes"), STARTS);
}

TEST_TIMEOUT(the_other_shapes_leave_nothing, SLOW_S)
{
    gate_shapes_begin();
    for (const struct gate_shape *shape = gate_shapes; shape->name; shape++)
        check_starts_flat(shape, STARTS / 20);
}

/* Starts with three pipes that cannot go well, one way. */
static void fail_many(const struct brood_options *options, int stage, int code, int starts)
{
    struct brood_child *child = NULL;
    struct brood_error error = {.code = 0};
    int wrong = 0;
    for (int i = 0; i < WARM_STARTS; i++)
        wrong += brood_start(options, &child, &error) != -code;
    struct held before = held_now();
    for (int i = 0; i < starts; i++)
        wrong += brood_start(options, &child, &error) != -code || error.stage != stage;
    CHECK_INT(wrong, 0);
    CHECK(child == NULL);
    check_flat(&before);
}

TEST_TIMEOUT(ten_thousand_missing_programs_leave_nothing, SLOW_S)
{
    gate_shapes_begin();
    struct brood_options options = gate_options(gate_shape("three pipes"), NULL);
    options.program = "/nonexistent/program";
    fail_many(&options, BROOD_STAGE_EXEC, ENOENT, STARTS / 2);
    options.program = "a-name-that-is-in-no-directory-of-the-path";
    fail_many(&options, BROOD_STAGE_EXEC, ENOENT, STARTS / 2);
}

TEST_TIMEOUT(ten_thousand_bad_directories_leave_nothing, SLOW_S)
{
    gate_shapes_begin();
    struct brood_options options = gate_options(gate_shape("three pipes"), NULL);
    options.cwd = "/nonexistent/directory";
    fail_many(&options, BROOD_STAGE_DIRECTORY, ENOENT, STARTS);
}

/* With fewer free descriptors than the peak each start is refused, with as many each goes well. */
static int starts_gone_wrong(const struct gate_shape *shape, int free_fds, int starts)
{
    struct brood_error error = {.code = 0};
    int wrong = 0;
    for (int i = 0; i < starts; i++) {
        int result = gate_once(shape, &error);
        if (free_fds >= shape->peak)
            wrong += result != 0;
        else
            wrong += result != -EMFILE || error.code != EMFILE ||
                     (error.stage != BROOD_STAGE_PIPE && error.stage != BROOD_STAGE_CREATE);
    }
    return wrong;
}

TEST_TIMEOUT(ten_thousand_starts_without_descriptors_leave_nothing, SLOW_S)
{
    enum { MOST_FREE = 12 };
    const struct gate_shape *shape = gate_shape("three pipes");
    gate_shapes_begin();
    for (int i = 0; i < WARM_STARTS; i++)
        CHECK_INT(gate_once(shape, NULL), 0);
    struct held before = held_now();
    for (int free_fds = 0; free_fds <= MOST_FREE; free_fds++) {
        long old = lab_leave_fds((unsigned)free_fds);
        REQUIRE(old > 0);
        int wrong = starts_gone_wrong(shape, free_fds, STARTS / (MOST_FREE + 1) + 1);
        CHECK_INT(lab_restore_fds(old), 0);
        CHECK_SAY(wrong == 0, "%d starts went wrong with %d descriptors free", wrong, free_fds);
    }
    check_flat(&before);
}
