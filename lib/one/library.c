/* SPDX-License-Identifier: MIT */
/*
 * What concerns the library and its host rather than one child.
 *
 * Room one. Invariant: nothing here needs a child.
 */
#include <brood.h>

#include "../os/os.h"

int64_t brood_raise_nofile(void)
{
    return bd_os_raise_nofile();
}

const char *brood_version(void)
{
    return "0.1.0";
}
