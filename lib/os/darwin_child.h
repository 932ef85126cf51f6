/* SPDX-License-Identifier: MIT */
/*
 * The code of a new process on macOS: where it begins, the steps that stand in files of their own,
 * and what it says of itself in memory that both sides see.
 *
 * Room os. Invariants: see darwin_child.c. A step returns 0 or positive, or -errno. Each member of
 * the record has one writer at a time: the new process until its program begins, the process in the
 * middle of a detached start for what stands behind `verdict`.
 */
#ifndef BD_OS_DARWIN_CHILD_H
#define BD_OS_DARWIN_CHILD_H

#include <stdint.h>

#include "os.h"

enum os_state { OS_STATE_NEW, OS_STATE_AT_STEP, OS_STATE_EXECING, OS_STATE_FAILED };

struct os_record {
    int32_t state;                  /* enum os_state; atomic: what it tells of is written before */
    volatile int32_t step;          /* the step it is at */
    volatile int32_t code;          /* errno of the step that failed */
    volatile int32_t choice;        /* exec: the candidate concerned */
    volatile int32_t gave_terminal; /* the foreground group was changed */
    /* A detached start: the new process's number and birth by itself, or -errno by its parent;
     * atomic with the maker's word that it does not wait for them any more. */
    volatile int64_t born_us;
    int32_t pid;
    int32_t abandoned;
    int32_t verdict; /* atomic, of the parent: what follows holds */
    struct os_report report;
    struct os_exit end; /* of a process that has not begun */
};

/* Carries out the steps of the launch, as a process of its own, and never returns. */
_Noreturn void bd_os_child_main(struct os_launch *launch);

/* Makes the process that does, as somebody who will be gone soon, and never returns. */
_Noreturn void bd_os_child_middle(struct os_launch *launch);

/* darwin_child_fds.c */
int bd_os_child_open(const struct os_launch *launch, struct os_step *step);
int bd_os_child_save(const struct os_launch *launch, struct os_step *step);
int bd_os_child_hide(void);
int bd_os_child_move(const struct os_launch *launch, const struct os_step *step);
int bd_os_child_close(const struct os_launch *launch, const struct os_step *step);

/* darwin_child_self.c: what the process is. */
int bd_os_child_limit(const struct os_step *step);
int bd_os_child_groups(const struct os_step *step);
int bd_os_child_verify(const struct os_ids *ids);
int bd_os_child_foreground(const struct os_launch *launch);
int bd_os_child_dispositions(const struct os_step *step);
int bd_os_child_mask(const struct os_launch *launch, const struct os_step *step);

#endif
