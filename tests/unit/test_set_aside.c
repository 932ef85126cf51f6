/* SPDX-License-Identifier: MIT */
/*
 * A failed start whose process could not be ended in time, while another thread starts something:
 * from the moment that it is set aside it belongs to whoever sweeps next, who may free it at once.
 *
 * Room tests. The transaction is compiled into this program with two of its calls replaced: the end
 * that comes too late, and the setting aside, which is followed at once by all that a sweep does.
 * Instead of being freed the memory is made unusable, so a later use of it is seen in any build.
 *
 * Invariant: the process is reaped before the start goes on.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <os/os.h>
#include <plan/options.h>

static int end_too_late(struct os_launch *launch, int64_t deadline_ns, struct os_exit *ret)
{
    (void)deadline_ns;
    (void)ret;
    CHECK_INT(bd_os_signal(launch->process, SIGKILL), 0);
    return -ETIMEDOUT;
}

static void park_and_be_swept(struct os_parked *parked);

#define bd_os_launch_end end_too_late
#define bd_os_park park_and_be_swept
/* The archive may be one object (lib/onebrood.c), which has a bd_start of its own. */
#define bd_start bd_start_replaced
#include "../../lib/start/start.c"
#undef bd_os_launch_end
#undef bd_os_park

enum { UNUSABLE = 0xee, BOUND_MS = 10000 };

static struct bd_transaction *swept;
static struct bd_transaction as_it_was;
static pid_t reaped;

static void park_and_be_swept(struct os_parked *parked)
{
    struct os_exit end;
    CHECK_INT(bd_os_exit_wait(parked->process, bd_os_deadline_ns(BOUND_MS)), 0);
    CHECK_INT(bd_os_exit_reap(parked->process, 0, &end), 0);
    bd_os_close(parked->process.pidfd);
    swept = parked->owner;
    as_it_was = *swept;
    reaped = swept->launch.process.pid;
    memset(swept, UNUSABLE, sizeof *swept);
}

static void free_swept(void)
{
    for (size_t i = 0; i < sizeof *swept; i++)
        if (!CHECK_INT(((const unsigned char *)swept)[i], UNUSABLE))
            break;
    *swept = as_it_was;
    as_it_was.parked.free(swept);
}

TEST(a_start_that_was_set_aside_is_not_touched_again)
{
    const struct brood_stream a_pipe = {.kind = BROOD_PIPE};
    char *const argv[] = {(char[]){"/no/such"}, NULL};
    struct brood_options settled;
    struct brood_error error = {.unkillable_pid = 0};
    struct bd_started started;
    REQUIRE(bd_options_read(BROOD_OPTIONS(.argv = argv, .in = a_pipe, .out = a_pipe, .err = a_pipe),
                            BD_FOR_START, &settled, &error) == 0);
    CHECK_INT(bd_start(&settled, &started, &error), -ENOENT);
    REQUIRE(swept != NULL);
    CHECK_INT(error.unkillable_pid, reaped);
    CHECK_INT(error.stage, BROOD_STAGE_EXEC);
    CHECK(reaped > 1);
    CHECK_INT(audit_children(), 0);
    free_swept();
}
