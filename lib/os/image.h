/* SPDX-License-Identifier: MIT */
/*
 * What an executable file's first bytes say, in the system's own format of programs.
 *
 * Room os. Invariants: it only looks; bytes from a file are not believed: nothing is read beyond
 * `length`.
 */
#ifndef BD_OS_IMAGE_H
#define BD_OS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The loader that a dynamically linked program names, if it may be missing. */
bool bd_os_image_loader(const unsigned char *head, size_t length, char *ret, size_t size);

/* The machine of a program that is not for ours, or 0. */
int32_t bd_os_image_foreign(const unsigned char *head, size_t length);

bool bd_os_image_is_refused(int code); /* by exec, for what the file holds */

/* openat(2) with as little right as is needed for looking at what `path` is; `how` is added. */
int bd_os_image_look(int base, const char *path, int how);
bool bd_os_image_on_noexec(int fd); /* its file system runs nothing */

#endif
