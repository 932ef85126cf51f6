/* SPDX-License-Identifier: MIT */
/* A pid namespace of the test's own, so that nothing it does can reach beyond itself. */
#ifndef ISOLATE_H
#define ISOLATE_H

/*
 * As root: goes on as pid 1 of a new pid namespace with a /proc of its own; the process that called
 * waits and exits as that one does, and takes it along if it is killed. Otherwise: stays, and
 * becomes the subreaper of its descendants. Returns the words for what it did.
 */
const char *isolate(void);

#endif
