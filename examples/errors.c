/* SPDX-License-Identifier: MIT */
/*
 * What brood says when a start fails: what failed, with which thing, and why. The stage, the errno
 * and the thing itself are in struct brood_error too, for programs that want to decide.
 *
 * Whatever went wrong, nothing is left: no process, no zombie, no descriptor.
 */
#include <brood.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void try_to_start(const struct brood_options *options)
{
    struct brood_child *child;
    struct brood_error error;
    char text[512];
    if (brood_start(options, &child, &error) == 0) {
        puts("it did start");
        brood_child_free(child);
        return;
    }
    printf("%-11s %s\n", brood_stage_name(error.stage),
           brood_error_text(&error, text, sizeof text));
}

static int make_file(const char *name, const char *words, mode_t mode)
{
    FILE *file = fopen(name, "we");
    if (file == NULL || fputs(words, file) == EOF)
        return -1;
    return fclose(file) == 0 ? chmod(name, mode) : -1;
}

static void try_all(void)
{
    char *git[] = {"git", "status", NULL};
    char *nothing[] = {"no-such-program", NULL};
    char *missing[] = {"./missing", NULL};
    char *script[] = {"./script", NULL};
    char *plain[] = {"./plain", NULL};
    char *words[] = {"./words", NULL};
    char *folder[] = {"./folder", NULL};
    char *bad_env[] = {"no equals sign", NULL};
    struct brood_stream file = {
        .kind = BROOD_FILE, .path = "folder/missing/out.txt", .create_mode = 0644};
    struct brood_fd_map closed = {.from = 77, .to = 3};

    try_to_start(BROOD_OPTIONS(.argv = git, .cwd = "missing/directory"));
    try_to_start(BROOD_OPTIONS(.argv = nothing));
    try_to_start(BROOD_OPTIONS(.argv = missing));
    try_to_start(BROOD_OPTIONS(.argv = script)); /* it exists; its interpreter does not */
    try_to_start(BROOD_OPTIONS(.argv = plain));  /* not executable */
    try_to_start(BROOD_OPTIONS(.argv = words));  /* executable, but neither program nor script */
    try_to_start(BROOD_OPTIONS(.argv = folder));
    try_to_start(BROOD_OPTIONS(.argv = git, .out = file));
    try_to_start(BROOD_OPTIONS(.argv = git, .fds = &closed, .fd_count = 1));
    try_to_start(BROOD_OPTIONS(.argv = git, .env_set = bad_env));
    try_to_start(BROOD_OPTIONS(.argv = git, .timeout_ms = 1000)); /* brood_run()'s business */
}

int main(void)
{
    static const char *const names[] = {"script", "plain", "words"};
    char place[] = "/tmp/brood-errors.XXXXXX";
    if (mkdtemp(place) == NULL || chdir(place) != 0)
        return 1;
    int made = make_file("script", "#!/no/such/interpreter\n", 0755) +
               make_file("plain", "#!/bin/sh\n", 0644) +
               make_file("words", "just some words\n", 0755) + mkdir("folder", 0755);
    if (made == 0)
        try_all();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    rmdir("folder");
    rmdir(place);
    return made == 0 ? 0 : 1;
}
