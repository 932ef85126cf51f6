/* SPDX-License-Identifier: MIT */
/*
 * What `brood run` was asked for, read and free of contradictions. Room cli.
 *
 * Invariant: what asked_read() accepts makes sense as a whole, whatever the order of the options.
 */
#include "asked.h"
#include "identity.h"
#include "words.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool names_same(const char *assignment, const char *name)
{
    size_t length = strlen(name);
    return strncmp(assignment, name, length) == 0 && assignment[length] == '=';
}

static int refuse_environment(const struct asked *asked)
{
    if (asked->clear_env && asked->unset_count > 0)
        return words_say(asked_table.who,
                         "--clear-env leaves nothing that --unset %s could take out; "
                         "leave out one of them",
                         asked->unset[0]);
    for (size_t i = 0; i < asked->unset_count; i++) {
        for (size_t k = 0; k < asked->set_count; k++) {
            if (names_same(asked->set[k], asked->unset[i]))
                return words_say(
                    asked_table.who,
                    "--env and --unset contradict each other about %s; leave out one of them",
                    asked->unset[i]);
        }
    }
    return 0;
}

/* Two that open one file overwrite each other; what is there and no regular file (a terminal,
 * /dev/null, a FIFO) takes what it gets in turn. One file by two names is not seen. */
static bool is_shared_file(const struct asked *asked, const char *one, const char *other)
{
    struct stat status;
    if (!one || !other || strcmp(one, other) != 0)
        return false;
    int folder_fd = asked->cwd ? open(asked->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
    bool other_kind = fstatat(folder_fd, one, &status, 0) == 0 && !S_ISREG(status.st_mode);
    if (folder_fd >= 0)
        (void)close(folder_fd);
    return !other_kind;
}

static int refuse_same_file(const struct asked *asked)
{
    const char *out = asked->streams[BROOD_OUT].path, *err = asked->streams[BROOD_ERR].path;
    if (is_shared_file(asked, out, err))
        return words_say(asked_table.who,
                         "--stdout and --stderr would overwrite each other in %s; "
                         "use --stderr stdout",
                         out);
    /* --json is not taken from --cwd, so only a whole name is the same in both. */
    bool comparable = asked->json && (!asked->cwd || asked->json[0] == '/');
    for (int i = BROOD_OUT; i <= BROOD_ERR && comparable; i++) {
        if (is_shared_file(asked, asked->json, asked->streams[i].path))
            return words_say(asked_table.who,
                             "--json would replace what --%s writes to %s; name another file",
                             i == BROOD_OUT ? "stdout" : "stderr", asked->json);
    }
    return 0;
}

static int refuse_streams(const struct asked *asked)
{
    const struct asked_stream *out = &asked->streams[BROOD_OUT], *err = &asked->streams[BROOD_ERR];
    if (out->kind == BROOD_MERGE && err->kind == BROOD_MERGE)
        return words_say(asked_table.who, "--stdout stderr and --stderr stdout lead to each other; "
                                          "leave out one of them");
    bool out_passed = out->kind == BROOD_INHERIT, err_passed = err->kind == BROOD_INHERIT;
    if (asked->drain_ms >= 0 && !out_passed && !err_passed)
        return words_say(asked_table.who,
                         "--drain has nothing to pass on when --stdout and --stderr "
                         "both lead elsewhere; leave out one of the three");
    if (asked->pty && out->given && err->given)
        return words_say(asked_table.who, "--pty has nothing to show when --stdout and --stderr "
                                          "both lead elsewhere; leave out one of the three");
    return refuse_same_file(asked);
}

/* What --detach leaves nobody to do. With --plan, --json is for the plan. */
static int refuse_lives(const struct asked *asked)
{
    const struct {
        const char *option;
        bool given;
    } others[] = {
        {"timeout", asked->timeout_ms >= 0},
        {"drain", asked->drain_ms >= 0},
        {"json", asked->json && !asked->plan},
        {"pty", asked->pty},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0] && asked->detach; i++) {
        if (others[i].given)
            return words_say(asked_table.who,
                             "--detach leaves the command to itself, so nobody is there for --%s; "
                             "leave out one of them",
                             others[i].option);
    }
    return 0;
}

/* What only the whole shows to be wrong. */
static int refuse_contradictions(const struct asked *asked)
{
    if (asked->grace_ms >= 0 && asked->timeout_ms < 0)
        return words_say(asked_table.who,
                         "--grace needs --timeout; add --timeout DURATION or leave "
                         "out --grace");
    if (!asked->command[0])
        return words_say(asked_table.who, "no command; write %s %s", asked_table.who,
                         asked_table.usage);
    if (asked->command[0][0] == 0)
        return words_say(asked_table.who, "the command's name is empty; write %s %s",
                         asked_table.who, asked_table.usage);
    int code = refuse_environment(asked);
    if (code == 0)
        code = refuse_streams(asked);
    return code ? code : refuse_lives(asked);
}

enum table_end asked_read(struct asked *asked, int argc, char **argv)
{
    /* No list can be longer than the command line. */
    size_t most = (size_t)argc + 1;
    *asked = (struct asked){
        .timeout_ms = -1,
        .grace_ms = -1,
        .drain_ms = -1,
        .start_timeout_ms = -1,
        .umask = -1,
        .nice = INT64_MIN,
        .oom = INT64_MIN,
        .set = calloc(most, sizeof(char *)),
        .unset = calloc(most, sizeof(char *)),
        .keep = calloc(most, sizeof(int32_t)),
        .limits = calloc(most, sizeof(struct brood_rlimit)),
    };
    if (!asked->set || !asked->unset || !asked->keep || !asked->limits) {
        (void)words_say(asked_table.who, "out of memory");
        return TABLE_REFUSED;
    }
    int rest = 0;
    enum table_end end = table_read(&asked_table, argc, argv, asked, &rest);
    if (end != TABLE_READ)
        return end;
    asked->command = argv + rest;
    bool refused = refuse_contradictions(asked) || identity_resolve(asked);
    return refused ? TABLE_REFUSED : TABLE_READ;
}

void asked_done(struct asked *asked)
{
    free(asked->set);
    free(asked->unset);
    free(asked->keep);
    free(asked->limits);
    free(asked->group_list);
    *asked = (struct asked){0};
}

const char *asked_environment(const struct asked *asked, const char *name)
{
    for (size_t i = 0; i < asked->set_count; i++) {
        if (names_same(asked->set[i], name))
            return asked->set[i] + strlen(name) + 1;
    }
    for (size_t i = 0; i < asked->unset_count; i++) {
        if (strcmp(asked->unset[i], name) == 0)
            return NULL;
    }
    return asked->clear_env ? NULL : secure_getenv(name);
}
