/* SPDX-License-Identifier: MIT */
/* What lib/os uses of macOS's <sys/proc.h>, for imitation.c. */
#ifndef IMITATION_SYS_PROC_H
#define IMITATION_SYS_PROC_H

#define P_EXEC 0x00004000
#define SZOMB 5

#endif
