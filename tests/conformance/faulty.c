/* SPDX-License-Identifier: MIT */
/*
 * The same start again and again under injection; see faulty.h.
 */
#include "faulty.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const int faulty_makers[] = {
    SYS_clone3,
    SYS_clone,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
};
const size_t faulty_maker_count = sizeof faulty_makers / sizeof *faulty_makers;

/* ------------------------------------------------------------------ in the process */

static void start_once(const struct faulty *faulty)
{
    static struct audit before;
    struct faulty_told *told = faulty->told;
    struct brood_child *child = NULL;
    memset(told, 0, sizeof *told);
    told->pidfd = -1;
    audit_take(&before);
    int64_t began = lab_now_ms();
    (void)inject_mark(INJECT_ARM);
    told->result = brood_start(faulty->options, &child, &told->error);
    (void)inject_mark(INJECT_DISARM);
    told->took_ms = lab_now_ms() - began;
    if (child) {
        told->pidfd = brood_child_pidfd(child);
        if (faulty->waits)
            (void)brood_child_wait(child, FAULTY_BOUND_MS, &told->end);
    }
    brood_child_free(child);
    told->differences = audit_compare(&before, told->why, sizeof told->why);
}

static int start_when_told(void *user)
{
    while (inject_mark(INJECT_READY) == 0)
        start_once(user);
    return 0;
}

/* ------------------------------------------------------------------ in the test */

void faulty_open(struct faulty *faulty, const struct brood_options *options, bool waits,
                 inject_codes *codes)
{
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    *faulty = (struct faulty){.options = options, .waits = waits};
    faulty->told =
        mmap(NULL, sizeof *faulty->told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(faulty->told != MAP_FAILED);
    faulty->inject = inject_new(start_when_told, faulty, codes);
    REQUIRE(faulty->inject != NULL);
    REQUIRE(inject_wait(faulty->inject, FAULTY_BOUND_MS) == INJECT_EVENT_READY);
}

bool faulty_run(struct faulty *faulty, const struct inject_order *order)
{
    inject_set(faulty->inject, order);
    inject_go(faulty->inject);
    int event = inject_wait(faulty->inject, FAULTY_BOUND_MS);
    return CHECK_SAY(event == INJECT_EVENT_READY, "the start has neither failed nor succeeded (%d)",
                     event);
}

void faulty_run_clean(struct faulty *faulty)
{
    REQUIRE(faulty_run(faulty, &(struct inject_order){.action = INJECT_NOTHING}));
    CHECK_INT(faulty->told->result, 0);
    if (faulty->waits) {
        CHECK_INT(faulty->told->end.kind, BROOD_EXITED);
        CHECK_INT(faulty->told->end.code, FAULTY_CODE);
    }
    CHECK_SAY(faulty->told->differences == 0, "%s", faulty->told->why);
}

void faulty_close(struct faulty *faulty)
{
    CHECK_INT(inject_free(faulty->inject), 0);
    (void)munmap(faulty->told, sizeof *faulty->told);
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}
