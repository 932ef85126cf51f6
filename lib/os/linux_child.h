/* SPDX-License-Identifier: MIT */
/*
 * Where a new process begins.
 *
 * Room os. Invariant: see linux_child.c.
 */
#ifndef BD_OS_LINUX_CHILD_H
#define BD_OS_LINUX_CHILD_H

/* Carries out the steps of the struct os_launch behind `launch` and never returns. */
void bd_os_child_main(void *launch);

/* Writes 1 to the int behind `flag` and exits: asks whether memory is shared. */
void bd_os_child_probe(void *flag);

#endif
