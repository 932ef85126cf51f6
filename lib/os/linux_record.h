/* SPDX-License-Identifier: MIT */
/*
 * What a new process says of itself, in memory that both sides see.
 *
 * Room os. Invariant: each member has one writer at a time: the new process until its program
 * begins, the process in the middle of a detached start for what stands behind `verdict`.
 */
#ifndef BD_OS_LINUX_RECORD_H
#define BD_OS_LINUX_RECORD_H

#include <stdint.h>

#include "os.h"

/* The word before the new process runs. Of one that is to be detached the kernel puts its number
 * there next. */
enum { OS_WORD_FIRST = 1 };

enum os_state { OS_STATE_NEW, OS_STATE_AT_STEP, OS_STATE_EXECING, OS_STATE_FAILED };

struct os_record {
    volatile uint32_t word;          /* the kernel changes it when the process leaves its memory */
    volatile int32_t state;          /* enum os_state */
    volatile int32_t step;           /* the step it is at */
    volatile int32_t code;           /* errno of the step that failed */
    volatile int32_t choice;         /* exec: the candidate concerned */
    volatile int32_t gave_terminal;  /* the foreground group was changed */
    volatile int32_t born_in_cgroup; /* the kernel has put the process there */
    int32_t pidfd;                   /* written by the kernel */
    /* A detached start, by the process in the middle. */
    volatile int32_t pid; /* of the new process, which by fork has written it too; or -errno */
    volatile int32_t verdict;
    struct os_report report;
    struct os_exit end; /* of a process that has not begun */
};

#endif
