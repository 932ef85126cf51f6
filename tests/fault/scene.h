/* SPDX-License-Identifier: MIT */
/*
 * The tools that a scenario is built with.
 *
 * Invariant: what they make is gone, or made anew, when the scene is opened again.
 */
#ifndef SCENE_H
#define SCENE_H

#include "scenario.h"

#include <sys/types.h>

/* A string that lives as long as the scene. */
char *scene_text(struct scene *scene, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The path of a name in the scene's directory. */
char *scene_path(struct scene *scene, const char *name);

/* A new file of this content, a directory, a FIFO, another name of the witness; the path. */
char *scene_file(struct scene *scene, const char *name, const char *content, mode_t mode);
char *scene_directory(struct scene *scene, const char *name);
char *scene_fifo(struct scene *scene, const char *name);
char *scene_program(struct scene *scene, const char *name);

/* A copy of the witness that anybody may execute; and anybody may write where the scene is. */
char *scene_copy(struct scene *scene, const char *name);
void scene_open_to_all(struct scene *scene);

/* Opens a path as exactly this descriptor, close-on-exec, until the scene closes. Returns it. */
int scene_fd(struct scene *scene, int number, const char *path, int flags);

/* 0, 1 and 2 are put back when the scene closes. */
void scene_save_standard(struct scene *scene);

/* What the witness is to do (witness.c), and the kinds of the three streams. */
void scene_acts(struct scene *scene, const char *letters);
void scene_kinds(struct scene *scene, uint32_t in, uint32_t out, uint32_t err);

#endif
