/* SPDX-License-Identifier: MIT */
/*
 * The stage of a scenario: its files, descriptors and words; see scenario.h.
 *
 * Invariant: every file that a scene needs is made anew when it opens, so a start that failed half
 * way cannot help or hinder the next.
 */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the builders' tools */

static void need(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "the scene is broken: %s: %s\n", what, strerror(errno));
    _exit(90);
}

__attribute__((format(printf, 2, 3))) char *scene_text(struct scene *scene, const char *format, ...)
{
    need(scene->text_count < SCENE_TEXTS, "too many texts");
    char *place = scene->texts[scene->text_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place, SCENE_TEXT, format, arguments);
    va_end(arguments);
    return place;
}

char *scene_path(struct scene *scene, const char *name)
{
    return scene_text(scene, "%s/%s", scene->directory, name);
}

/* A new file of this content; its path. */
char *scene_file(struct scene *scene, const char *name, const char *content, mode_t mode)
{
    char *path = scene_path(scene, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    need(fd >= 0, path);
    size_t length = strlen(content);
    need(write(fd, content, length) == (ssize_t)length && close(fd) == 0, path);
    return path;
}

char *scene_directory(struct scene *scene, const char *name)
{
    char *path = scene_path(scene, name);
    need(mkdir(path, 0755) == 0 || errno == EEXIST, path);
    return path;
}

char *scene_fifo(struct scene *scene, const char *name)
{
    char *path = scene_path(scene, name);
    need(mkfifo(path, 0600) == 0 || errno == EEXIST, path);
    return path;
}

char *scene_program(struct scene *scene, const char *name)
{
    char *path = scene_path(scene, name);
    unlink(path);
    need(link(scene->witness, path) == 0 || symlink(scene->witness, path) == 0, path);
    return path;
}

char *scene_copy(struct scene *scene, const char *name)
{
    char *path = scene_path(scene, name);
    struct stat status;
    if (stat(path, &status) == 0)
        return path;
    int from = open(scene->witness, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    need(from >= 0 && to >= 0 && fstat(from, &status) == 0, path);
    for (off_t left = status.st_size; left > 0;) {
        ssize_t count = sendfile(to, from, NULL, (size_t)left);
        need(count > 0, path);
        left -= count;
    }
    need(fchmod(to, 0755) == 0 && close(from) == 0 && close(to) == 0, path);
    return path;
}

void scene_open_to_all(struct scene *scene)
{
    need(chmod(scene->directory, 0777) == 0, scene->directory);
}

static void keep(struct scene *scene, int fd)
{
    need(scene->opened_count < SCENE_FDS, "too many descriptors");
    scene->opened[scene->opened_count++] = fd;
}

/* A descriptor of exactly this number. */
int scene_fd(struct scene *scene, int number, const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0666);
    need(fd >= 0, path);
    if (fd != number) {
        need(dup3(fd, number, O_CLOEXEC) == number, "dup3");
        close(fd);
    }
    keep(scene, number);
    return number;
}

void scene_save_standard(struct scene *scene)
{
    enum { ABOVE = 200 };
    for (int number = 0; number <= 2; number++) {
        scene->saved[number] = fcntl(number, F_DUPFD_CLOEXEC, ABOVE);
        need(scene->saved[number] >= ABOVE, "saving a standard descriptor");
    }
}

void scene_acts(struct scene *scene, const char *letters)
{
    scene->argv[2] = scene_text(scene, "%s", letters);
}

void scene_kinds(struct scene *scene, uint32_t in, uint32_t out, uint32_t err)
{
    scene->options.in.kind = in;
    scene->options.out.kind = out;
    scene->options.err.kind = err;
}

/* ------------------------------------------------------------------ a scene */

void scene_open(struct scene *scene, const struct scenario *scenario, const char *place,
                const char *witness)
{
    memset(scene, 0, sizeof *scene);
    scene->scenario = scenario;
    scene->directory = place;
    scene->witness = witness;
    scene->report = scene_path(scene, "report");
    need(unlink(scene->report) == 0 || errno == ENOENT, "an old report");
    brood_options_init(&scene->options, sizeof scene->options);
    scene->argv[0] = scene_text(scene, "witness");
    scene->argv[1] = scene->report;
    scene->options.program = witness;
    scene->options.argv = scene->argv;
    scenario->build(scene);
    if (scene->options.flags & BROOD_SHELL)
        scene->options.program = NULL;
}

void scene_close(struct scene *scene)
{
    for (size_t i = 0; i < scene->opened_count; i++)
        close(scene->opened[i]);
    for (int number = 0; number <= 2; number++) {
        if (scene->saved[number] == 0)
            continue;
        need(dup2(scene->saved[number], number) == number, "restoring a standard descriptor");
        close(scene->saved[number]);
    }
}
