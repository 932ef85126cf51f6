/* SPDX-License-Identifier: MIT */
/*
 * Included before everything else in the files of lib/os that are written for macOS: the calls that
 * mean something else there, or are not there on Linux, go to imitation.c.
 */
#ifndef IMITATION_H
#define IMITATION_H

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define F_SETNOSIGPIPE 73
#define _CS_DARWIN_USER_TEMP_DIR 65537

int imitation_close(int fd);
int imitation_fcntl(int fd, int command, int argument);
ssize_t imitation_write(int fd, const void *data, size_t length);
int imitation_setgroups(int count, const gid_t *groups);
pid_t imitation_wait4(pid_t pid, int *status, int how, struct rusage *usage);
size_t imitation_confstr(int name, char *buffer, size_t size);

#define close(fd) imitation_close(fd)
#define IMITATION_THIRD(fd, command, argument, ...) imitation_fcntl(fd, command, argument)
#define fcntl(...) IMITATION_THIRD(__VA_ARGS__, 0, 0)
#define write(fd, data, length) imitation_write(fd, data, length)
#define setgroups(count, groups) imitation_setgroups(count, groups)
#define wait4(pid, status, how, usage) imitation_wait4(pid, status, how, usage)
#define confstr(name, buffer, size) imitation_confstr(name, buffer, size)

#endif
