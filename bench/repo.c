/* SPDX-License-Identifier: MIT */
/*
 * The repository of bench/burst (see repo.h), made with git, run by brood_run().
 *
 * Invariant: git sees no configuration but ours, so the answers do not depend on the user's; and
 * safe.directory is set there, since a checkout may belong to someone else (a container, sudo).
 */
#include "repo.h"

#include "brood.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GIT_TIMEOUT_MS = 120000, MADE_COMMITS = 12 };

static const char git_config[] = "[safe]\n\tdirectory = *\n"
                                 "[user]\n\tname = burst\n\temail = burst@localhost\n"
                                 "[init]\n\tdefaultBranch = main\n"
                                 "[gc]\n\tauto = 0\n"
                                 "[maintenance]\n\tauto = false\n"
                                 "[core]\n\tfsmonitor = false\n\tabbrev = 12\n";

void digest_init(struct digest *digest)
{
    *digest = (struct digest){.hash = UINT64_C(14695981039346656037)};
}

/* FNV-1a: this compares answers, it does not defend against anyone. */
void digest_add(struct digest *digest, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i++)
        digest->hash = (digest->hash ^ bytes[i]) * UINT64_C(1099511628211);
    digest->length += length;
}

bool digest_equal(const struct digest *left, const struct digest *right)
{
    return left->length == right->length && left->hash == right->hash;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The caller's environment without its git variables (we may run in a hook), and ours. */
static char **make_env(const char *scratch)
{
    static const char *const fixed[] = {"GIT_CONFIG_NOSYSTEM=1",
                                        "GIT_OPTIONAL_LOCKS=0", /* status writes no index */
                                        "GIT_TERMINAL_PROMPT=0",
                                        "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
                                        "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z",
                                        "LC_ALL=C",
                                        "TZ=UTC"};
    enum { FIXED = sizeof fixed / sizeof *fixed };
    size_t inherited = 0, count = 0;
    while (environ[inherited] != NULL)
        inherited++;
    char **env = calloc(inherited + FIXED + 3, sizeof *env);
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < inherited; i++)
        if (!begins(environ[i], "GIT_") && !begins(environ[i], "LC_ALL=") &&
            !begins(environ[i], "TZ=") && !begins(environ[i], "HOME="))
            env[count++] = strdup(environ[i]);
    for (size_t i = 0; i < FIXED; i++)
        env[count++] = strdup(fixed[i]);
    if (asprintf(&env[count++], "HOME=%s", scratch) < 0 ||
        asprintf(&env[count++], "GIT_CONFIG_GLOBAL=%s/gitconfig", scratch) < 0)
        abort();
    for (size_t i = 0; i < count; i++)
        if (env[i] == NULL)
            abort();
    return env;
}

/* Runs git in `cwd`. Its output without the last newline goes to `out` (may be NULL). Returns true
 * if it ended with 0; else `why` says what happened. */
static bool git(const struct repository *repo, const char *cwd, char *const argv[], char *out,
                size_t out_size, char *why, size_t size)
{
    struct brood_result result;
    struct brood_error error;
    struct brood_stream collect = {.kind = BROOD_MEMORY, .output_limit = 1 << 20};
    if (brood_run(BROOD_OPTIONS(.argv = argv, .env = repo->env, .cwd = cwd, .in.kind = BROOD_NULL,
                                .out = collect, .err = collect, .timeout_ms = GIT_TIMEOUT_MS),
                  &result, &error) < 0) {
        (void)brood_error_text(&error, why, size);
        return false;
    }
    bool good = brood_exit_code(&result.exit) == 0;
    char words[128];
    if (!good)
        (void)snprintf(why, size, "git %s %s: %s", argv[1],
                       brood_exit_text(&result.exit, words, sizeof words),
                       result.err == NULL ? "" : (const char *)result.err);
    if (out != NULL)
        (void)snprintf(out, out_size, "%.*s", (int)strcspn(result.out, "\n"),
                       (const char *)result.out);
    brood_result_clear(&result);
    return good;
}

static bool write_file(const char *path, const char *mode, const char *words)
{
    FILE *file = fopen(path, mode);
    if (file == NULL)
        return false;
    bool whole = fputs(words, file) >= 0;
    return fclose(file) == 0 && whole;
}

/* A clone of the repository that we stand in, if it has a commit. */
static bool clone_here(struct repository *repo, char *why, size_t size)
{
    char origin[REPO_PATH];
    char *const top[] = {"git", "rev-parse", "--show-toplevel", NULL};
    char *const head[] = {"git", "rev-parse", "--verify", "--quiet", "HEAD^{commit}", NULL};
    if (!git(repo, ".", top, origin, sizeof origin, why, size) ||
        !git(repo, ".", head, NULL, 0, why, size))
        return false;
    char *const clone[] = {"git", "clone", "--quiet", origin, repo->directory, NULL};
    repo->cloned = git(repo, ".", clone, NULL, 0, why, size);
    return repo->cloned;
}

/* One commit of the repository made here: every file grows a little. */
static bool make_commit(const struct repository *repo, int number, char *why, size_t size)
{
    for (int file = 0; file < 24; file++) {
        char path[REPO_PATH + 64], line[64];
        (void)snprintf(path, sizeof path, "%s/part%d", repo->directory, file % 4);
        (void)mkdir(path, 0755); /* from the second commit on it exists */
        (void)snprintf(path, sizeof path, "%s/part%d/text%02d.txt", repo->directory, file % 4,
                       file);
        (void)snprintf(line, sizeof line, "change %d adds this line to file %d\n", number, file);
        if (!write_file(path, "ae", line)) {
            (void)snprintf(why, size, "cannot write %s", path);
            return false;
        }
    }
    char message[64];
    (void)snprintf(message, sizeof message, "Change %d of the files", number);
    char *const add[] = {"git", "add", "--all", NULL};
    char *const commit[] = {"git", "commit", "--quiet", "--message", message, NULL};
    return git(repo, repo->directory, add, NULL, 0, why, size) &&
           git(repo, repo->directory, commit, NULL, 0, why, size);
}

static bool make_here(struct repository *repo, char *why, size_t size)
{
    char *const init[] = {"git", "init", "--quiet", repo->directory, NULL};
    bool good = git(repo, ".", init, NULL, 0, why, size);
    for (int number = 1; good && number <= MADE_COMMITS; number++)
        good = make_commit(repo, number, why, size);
    return good;
}

/* Something for status and diff to say: one file changed, one new. */
static bool change_files(struct repository *repo, char *why, size_t size)
{
    char name[REPO_PATH], path[2 * REPO_PATH];
    char *const list[] = {"git", "ls-files", NULL};
    if (!git(repo, repo->directory, list, name, sizeof name, why, size))
        return false;
    (void)snprintf(path, sizeof path, "%s/%s", repo->directory, name);
    bool good = write_file(path, "ae", "one line more\n");
    (void)snprintf(path, sizeof path, "%s/burst-new-file", repo->directory);
    good = write_file(path, "we", "a new file\n") && good;
    if (!good)
        (void)snprintf(why, size, "cannot change files in %s", repo->directory);
    return good;
}

static bool describe(struct repository *repo, char *why, size_t size)
{
    char *const count[] = {"git", "rev-list", "--count", "HEAD", NULL};
    char *const files[] = {"sh", "-c", "git ls-files | wc -l", NULL};
    return git(repo, repo->directory, count, repo->commits, sizeof repo->commits, why, size) &&
           git(repo, repo->directory, files, repo->files, sizeof repo->files, why, size);
}

int repo_open(struct repository *repo, char *why, size_t size)
{
    const char *place = getenv("TMPDIR");
    char path[REPO_PATH + 16];
    memset(repo, 0, sizeof *repo);
    (void)snprintf(path, sizeof path, "%s/brood-burst.XXXXXX",
                   place != NULL && place[0] == '/' ? place : "/tmp");
    if (strlen(path) >= REPO_PATH - 16 || mkdtemp(path) == NULL) {
        (void)snprintf(why, size, "cannot make a directory %s", path);
        return -1;
    }
    (void)snprintf(repo->scratch, sizeof repo->scratch, "%s", path);
    (void)snprintf(repo->directory, sizeof repo->directory, "%s/repo", path);
    (void)snprintf(path, sizeof path, "%s/gitconfig", repo->scratch);
    repo->env = make_env(repo->scratch);
    if (repo->env == NULL || !write_file(path, "we", git_config)) {
        (void)snprintf(why, size, "cannot write %s", path);
        return -1;
    }
    bool made = clone_here(repo, why, size) || make_here(repo, why, size);
    return made && change_files(repo, why, size) && describe(repo, why, size) ? 0 : -1;
}

/* What a git client asks for, again and again. None changes the repository. Those with an input
 * read their standard input to its end; two fail, and must fail in the same words. */
static struct command commands[] = {
    {.argv = {"git", "rev-parse", "HEAD"}},
    {.argv = {"git", "status", "--short"}},
    {.argv = {"git", "log", "-1", "--format=%H %an %ad %s"}},
    {.argv = {"git", "cat-file", "-p", "HEAD"}},
    {.argv = {"git", "diff", "--stat"}},
    {.argv = {"git", "ls-files", "--stage"}},
    {.argv = {"git", "cat-file", "--batch-check"}, .input = "HEAD\nHEAD^{tree}\nno-such-thing\n"},
    {.argv = {"git", "for-each-ref"}},
    {.argv = {"git", "rev-list", "--count", "HEAD"}},
    {.argv = {"git", "rev-parse", "--verify", "no-such-branch"}},
    {.argv = {"git", "log", "--oneline", "-n", "20"}},
    {.argv = {"git", "hash-object", "--stdin"}, .input = "the quick brown fox\n"},
    {.argv = {"git", "cat-file", "-t", "no-such-object"}},
    {.argv = {"git", "ls-tree", "-r", "--name-only", "HEAD"}},
    {.argv = {"git", "branch", "--list"}},
};

static bool note_answer(const struct repository *repo, struct command *command, char *why,
                        size_t size)
{
    struct brood_result result;
    struct brood_error error;
    struct brood_stream in = {.kind = BROOD_NULL}, collect = {.kind = BROOD_MEMORY};
    if (command->input != NULL)
        in = (struct brood_stream){
            .kind = BROOD_MEMORY, .input = command->input, .input_length = strlen(command->input)};
    if (brood_run(BROOD_OPTIONS(.argv = command->argv, .env = repo->env, .cwd = repo->directory,
                                .in = in, .out = collect, .err = collect,
                                .timeout_ms = GIT_TIMEOUT_MS),
                  &result, &error) < 0) {
        (void)brood_error_text(&error, why, size);
        return false;
    }
    command->code = brood_exit_code(&result.exit);
    digest_init(&command->out);
    digest_init(&command->err);
    digest_add(&command->out, result.out, result.out_length);
    digest_add(&command->err, result.err, result.err_length);
    brood_result_clear(&result);
    return true;
}

const struct command *repo_commands(const struct repository *repo, size_t *count, char *why,
                                    size_t size)
{
    *count = sizeof commands / sizeof *commands;
    for (size_t i = 0; i < *count; i++)
        if (!note_answer(repo, &commands[i], why, size))
            return NULL;
    return commands;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void repo_close(struct repository *repo)
{
    if (repo->scratch[0] != '\0')
        (void)nftw(repo->scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    for (char **variable = repo->env; variable != NULL && *variable != NULL; variable++)
        free(*variable);
    free(repo->env);
    repo->env = NULL;
}
