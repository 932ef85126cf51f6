/* SPDX-License-Identifier: MIT */
/*
 * Control groups of the test's own, wherever this system has them mounted.
 *
 * Room tests. Invariant: a group is removed by the test that made it, when nobody is in it.
 */
#ifndef CONFORMANCE_GROUPS_H
#define CONFORMANCE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

/* Makes a group where `controller` is at hand (version 1 or 2), or, for NULL, in the hierarchy of
 * version 2. Writes its directory into `path`. False: there is none that we may make. */
bool groups_make(const char *controller, char *path, size_t size);

/* Writes one line to a file of a group. */
bool groups_write(const char *path, const char *file, const char *text);

/* Waits until the group can be removed, and removes it. */
void groups_remove(const char *path);

#endif
