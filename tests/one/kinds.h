/* SPDX-License-Identifier: MIT */
/*
 * The kinds of streams as data: how to ask for one, and what the child must then have there.
 *
 * Invariant: what is expected comes from the options alone, not from what a start did.
 */
#ifndef KINDS_H
#define KINDS_H

#include "starting.h"

enum { KINDS = 9 };

/* The stream with this index. */
struct brood_stream *kind_stream(struct brood_options *options, uint32_t index);

/* Gives stream `index` this kind and all that the kind needs: the file "file0" (to "file2") of the
 * test's directory, descriptor `fd`, six bytes of memory. False: brood_start() has no such stream.
 * */
bool kind_give(struct brood_options *options, uint32_t index, uint32_t kind, int fd);

/* What descriptor `index` of the child must be, as /proc names it, or how that begins; "" when it
 * must be closed. `inherited`: the same of the caller's 0, 1 and 2. `fd`: of BROOD_FD. */
const char *kind_target(struct brood_options *options, uint32_t index,
                        const char *const inherited[3], const char *fd);

/* Checks it against what `target fds` told, and that there is nothing above 2. */
void kind_check(struct brood_options *options, const char *told, const char *const inherited[3],
                const char *fd);

#endif
