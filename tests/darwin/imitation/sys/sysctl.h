/* SPDX-License-Identifier: MIT */
/* What lib/os uses of macOS's <sys/sysctl.h>, for imitation.c. */
#ifndef IMITATION_SYS_SYSCTL_H
#define IMITATION_SYS_SYSCTL_H

#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

enum { IMITATED_NGROUPS = 64, CTL_KERN = 1, KERN_PROC = 14, KERN_PROC_PID = 1 };

struct _pcred {
    uid_t p_ruid, p_svuid;
    gid_t p_rgid, p_svgid;
};

struct _ucred {
    uid_t cr_uid;
    short cr_ngroups;
    gid_t cr_groups[IMITATED_NGROUPS];
};

struct kinfo_proc {
    struct {
        struct timeval p_starttime;
        int p_flag;
        char p_stat;
    } kp_proc;
    struct {
        struct _pcred e_pcred;
        struct _ucred e_ucred;
    } kp_eproc;
};

int sysctl(int *name, unsigned count, void *old, size_t *old_size, void *new_value,
           size_t new_size);

#endif
