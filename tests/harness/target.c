/* SPDX-License-Identifier: MIT */
/*
 * The helper program that tests start: `target [-o FILE] VERB [ARGUMENT...]`, `target help`.
 * Here are the verbs that tell what the program was started with.
 *
 * Invariant: what is told is gathered before it is written, and FILE is opened only then, so the
 * telling is not part of what is told, and can be had with descriptor 1 closed.
 */
#include "place.h"
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int echo_args(FILE *out, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        (void)fprintf(out, "%zu %s\n", strlen(argv[i]), argv[i]);
    return 0;
}

static void tell_fd(FILE *out, int fd)
{
    char path[64], target[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/self/fd/%d", place_of_proc(), fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    (void)fprintf(out, "%d cloexec=%d flags=0%o %s\n", fd, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
                  (unsigned)fcntl(fd, F_GETFL), target);
}

static int fds(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/self/fd", place_of_proc());
    DIR *list = opendir(path);
    if (!list)
        return 1;
    const struct dirent *entry;
    while ((entry = readdir(list)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(list))
            tell_fd(out, atoi(entry->d_name));
    (void)closedir(list);
    return 0;
}

static int nonblock(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int fd = 0; fd <= 2; fd++) {
        int flags = fcntl(fd, F_GETFL);
        (void)fprintf(out, "%d %s\n", fd,
                      flags < 0            ? "closed"
                      : flags & O_NONBLOCK ? "nonblocking"
                                           : "blocking");
    }
    return 0;
}

/* The lines of /proc/self/status that begin with one of the argument words. */
static int status_lines(FILE *out, const char *const *names)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "%s/self/status", place_of_proc());
    FILE *status = fopen(path, "re");
    if (!status)
        return 1;
    while (fgets(line, sizeof line, status))
        for (const char *const *name = names; *name; name++)
            if (!strncmp(line, *name, strlen(*name)))
                (void)fputs(line, out);
    (void)fclose(status);
    return 0;
}

static int signals(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    static const char *const names[] = {
        "SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:", NULL};
    return status_lines(out, names);
}

static int ids(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    static const char *const names[] = {"Uid:", "Gid:", "Groups:", "NoNewPrivs:", NULL};
    return status_lines(out, names);
}

static int env(FILE *out, int argc, char **argv)
{
    if (argc > 0) {
        const char *value = getenv(argv[0]);
        (void)fprintf(out, "%s\n", value ? value : "(unset)");
        return value == NULL;
    }
    for (char **entry = environ; *entry; entry++)
        (void)fprintf(out, "%s\n", *entry);
    return 0;
}

static int cwd(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    char path[PATH_MAX];
    (void)fprintf(out, "%s\n", getcwd(path, sizeof path) ? path : strerror(errno));
    return 0;
}

static int umask_now(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fprintf(out, "%04o\n", (unsigned)umask(0));
    return 0;
}

static int nice_now(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fprintf(out, "%d\n", getpriority(PRIO_PROCESS, 0));
    return 0;
}

static int limits(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (unsigned i = 0; i < 16; i++) {
        struct rlimit limit = {0};
        (void)getrlimit(i, &limit);
        (void)fprintf(out, "%u %lld %lld\n", i, (long long)limit.rlim_cur,
                      (long long)limit.rlim_max);
    }
    return 0;
}

static int session(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fprintf(out, "pid %d ppid %d pgid %d sid %d\n", (int)getpid(), (int)getppid(),
                  (int)getpgrp(), (int)getsid(0));
    return 0;
}

static int terminal(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fprintf(out, "tty %d %d %d foreground %d pgid %d\n", isatty(0), isatty(1), isatty(2),
                  (int)tcgetpgrp(0), (int)getpgrp());
    return 0;
}

static int death_signal(FILE *out, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int number = -1;
    (void)prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0);
    (void)fprintf(out, "%d\n", number);
    return 0;
}

static const struct target_verb tells[] = {
    {"echo-args", "[ARG...]: each argument, its length first", echo_args},
    {"fds", "open descriptors: number, cloexec, flags of the file (octal), target", fds},
    {"nonblock", "0, 1 and 2: blocking, nonblocking or closed", nonblock},
    {"signals", "pending, blocked, ignored and caught signals, as /proc has them", signals},
    {"ids", "user, group, groups, no_new_privs, as /proc has them", ids},
    {"env", "[NAME]: the environment, or one value (exit 1 when unset)", env},
    {"cwd", "the working directory", cwd},
    {"umask", "in octal", umask_now},
    {"nice", "the nice value", nice_now},
    {"limits", "each limit by number: soft, hard (-1: unlimited)", limits},
    {"session", "pid, parent, group, session", session},
    {"terminal", "whether 0, 1, 2 are terminals, the foreground group, the own group", terminal},
    {"death-signal", "the parent death signal", death_signal},
    {NULL, NULL, NULL},
};

static int help(const struct target_verb *table)
{
    for (; table->name; table++)
        (void)printf("  %-14s %s\n", table->name, table->help);
    return 0;
}

static const struct target_verb *find_verb(const struct target_verb *table, const char *name)
{
    for (; table->name; table++)
        if (!strcmp(table->name, name))
            return table;
    return NULL;
}

/* Writes what was gathered, to descriptor 1 or to a file that did not exist in the telling. */
static int deliver(const char *path, const char *text, size_t length)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : 1;
    while (fd >= 0 && length > 0) {
        ssize_t put = write(fd, text, length);
        if (put < 0 && errno != EINTR)
            return 1;
        text += put > 0 ? put : 0;
        length -= put > 0 ? (size_t)put : 0;
    }
    return fd < 0;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    int at = 1;
    if (argc > 2 && !strcmp(argv[1], "-o")) {
        path = argv[2];
        at = 3;
    }
    if (at >= argc || !strcmp(argv[at], "help")) {
        (void)puts("target [-o FILE] VERB [ARGUMENT...]");
        return help(tells) + help(target_acts) + (at >= argc ? TARGET_MISUSED : 0);
    }
    const struct target_verb *act = find_verb(target_acts, argv[at]);
    if (act)
        return act->run(stdout, argc - at - 1, argv + at + 1);
    const struct target_verb *tell = find_verb(tells, argv[at]);
    if (!tell)
        return TARGET_MISUSED;
    char *text = NULL;
    size_t length = 0;
    FILE *gathered = open_memstream(&text, &length);
    if (!gathered)
        return 1;
    int code = tell->run(gathered, argc - at - 1, argv + at + 1);
    (void)fclose(gathered);
    int failed = deliver(path, text, length);
    free(text);
    return failed ? failed : code;
}
