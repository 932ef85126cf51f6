/* SPDX-License-Identifier: MIT */
/*
 * Gates: the descriptors of a start, at its peak and while the child lives. The peak is found by
 * the limit: a start works with so many free and is refused, whole, with one fewer.
 *
 * Invariant: exact, in both directions.
 */
#include "gate_shapes.h"
#include "harness.h"

#include <errno.h>
#include <string.h>

static struct audit before;

static void check_peak(const struct gate_shape *shape)
{
    struct brood_error error;
    char why[512];

    long old = lab_leave_fds((unsigned)shape->peak);
    REQUIRE(old > 0);
    int result = gate_once(shape, &error);
    CHECK_SAY(result == 0, "%s with %d free: %s", shape->name, shape->peak, strerror(-result));
    CHECK_INT(lab_restore_fds(old), 0);

    old = lab_leave_fds((unsigned)shape->peak - 1);
    REQUIRE(old > 0);
    audit_take(&before);
    result = gate_once(shape, &error);
    bool same = audit_compare(&before, why, sizeof why) == 0;
    CHECK_INT(lab_restore_fds(old), 0);
    CHECK_SAY(same, "%s refused with %d free: %s", shape->name, shape->peak - 1, why);
    CHECK_SAY(result == -EMFILE && error.code == EMFILE &&
                  (error.stage == BROOD_STAGE_CREATE || error.stage == BROOD_STAGE_PIPE),
              "%s with %d free: result %d, stage %s", shape->name, shape->peak - 1, result,
              result < 0 ? brood_stage_name(error.stage) : "none");
}

static void check_steady(const struct gate_shape *shape)
{
    struct brood_options options = gate_options(shape, NULL);
    struct brood_child *child;
    int open_before = lab_count_fds();
    REQUIRE(brood_start(&options, &child, NULL) == 0);
    CHECK_SAY(lab_count_fds() - open_before == shape->steady, "%s: %d descriptors, not %d",
              shape->name, lab_count_fds() - open_before, shape->steady);
    CHECK_INT(brood_child_wait(child, BROOD_FOREVER, NULL), 0);
    (void)brood_child_free(child);
    CHECK_INT(lab_count_fds(), open_before);
}

TEST(descriptors_at_the_peak)
{
    gate_shapes_begin();
    for (const struct gate_shape *shape = gate_shapes; shape->name; shape++)
        check_peak(shape);
}

TEST(descriptors_while_the_child_lives)
{
    gate_shapes_begin();
    for (const struct gate_shape *shape = gate_shapes; shape->name; shape++)
        if (!shape->by_run)
            check_steady(shape);
}
