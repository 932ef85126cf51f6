/* SPDX-License-Identifier: MIT */
/*
 * The code of a new process: where it begins, and the steps that stand in files of their own.
 *
 * Room os. Invariant: see linux_child.c. A step returns 0 or positive, or -errno.
 */
#ifndef BD_OS_LINUX_CHILD_H
#define BD_OS_LINUX_CHILD_H

#include "os.h"

/* Carries out the steps of the struct os_launch behind `launch` and never returns. */
void bd_os_child_main(void *launch);

/* Makes the process that does, as somebody who will be gone soon, and never returns. */
void bd_os_child_middle(void *launch);

/* Writes 1 to the int behind `flag` and exits: asks whether memory is shared. */
void bd_os_child_probe(void *flag);

/* linux_child_fds.c */
long bd_os_child_settle(const struct os_launch *launch, int32_t *ret, long fd);
long bd_os_child_open(const struct os_launch *launch, struct os_step *step);
long bd_os_child_save(const struct os_launch *launch, struct os_step *step);
long bd_os_child_hide(void);
long bd_os_child_move(const struct os_launch *launch, const struct os_step *step);
long bd_os_child_close(const struct os_launch *launch, const struct os_step *step);
long bd_os_child_write_file(const char *path, const char *text, uint64_t length);

/* linux_child_self.c: what the process is. */
long bd_os_child_timer(const struct os_step *step);
long bd_os_child_limit(const struct os_step *step);
long bd_os_child_set_id(int is_group, uint64_t id);
long bd_os_child_verify(const struct os_ids *ids);
long bd_os_child_foreground(const struct os_launch *launch);
long bd_os_child_dispositions(const struct os_launch *launch, const struct os_step *step);
long bd_os_child_mask(const struct os_launch *launch, const struct os_step *step);

#endif
