/* SPDX-License-Identifier: MIT */
/*
 * The measure of a start; see plain.h.
 */
#include "plain.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { BY_SIGNAL = 1000, WHY_BYTES = 1024 };

/* In the copy: never returns a success. */
static int try_exec(const struct brood_options *options)
{
    const char *program = options->program ? options->program : options->argv[0];
    for (size_t i = 0; i < options->rlimit_count; i++) {
        const struct brood_rlimit *limit = &options->rlimits[i];
        const struct rlimit both = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
        if (setrlimit(limit->resource, &both) < 0)
            return errno;
    }
    if (options->cwd && chdir(options->cwd) < 0)
        return errno;
    if (options->env)
        memcpy(&environ, &options->env, sizeof environ);
    if (options->search == BROOD_SEARCH_NONE || strchr(program, '/'))
        (void)execve(program, options->argv, environ);
    else
        (void)execvp(program, options->argv);
    return errno;
}

int plain_exec(const struct brood_options *options)
{
    int report[2], code = 0, status = 0;
    REQUIRE(pipe2(report, O_CLOEXEC) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        code = try_exec(options);
        _exit(write(report[1], &code, sizeof code) != sizeof code);
    }
    (void)close(report[1]);
    ssize_t got = read(report[0], &code, sizeof code); /* end-of-file: exec has closed it */
    (void)close(report[0]);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (got > 0)
        return -code;
    return WIFEXITED(status) ? WEXITSTATUS(status) : BY_SIGNAL + WTERMSIG(status);
}

int plain_brood(const struct brood_options *options, struct brood_error *ret)
{
    static struct audit before;
    struct brood_child *child = NULL;
    struct brood_exit end = {.kind = 0};
    char why[WHY_BYTES] = "";
    audit_take(&before);
    int result = brood_start(options, &child, ret);
    if (result == 0) {
        CHECK_INT(brood_child_wait(child, BROOD_FOREVER, &end), 0);
        result = end.kind == BROOD_EXITED ? end.code : BY_SIGNAL + end.code;
        (void)brood_child_free(child);
    }
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
    return result;
}

int plain_agree(const char *what, const struct brood_options *options, struct brood_error *ret)
{
    int want = plain_exec(options), got = plain_brood(options, ret);
    CHECK_SAY(got == want, "%s: exec says %d, brood %d", what, want, got);
    return got;
}
