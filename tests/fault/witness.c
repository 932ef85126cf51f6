/* SPDX-License-Identifier: MIT */
/*
 * The program that the scenarios start: writes down everything that it was started with, so that
 * two starts can be told apart by comparing two files.
 *
 *     witness REPORT [i][o][e][s] [ARGUMENT...]
 *
 * i: reads standard input to its end first; o, e: says "out" and "err" there; s: stays, a minute at
 * most. Exits with 7.
 *
 * Invariant: two starts of the same scenario write the same bytes: no pid, no inode, no time.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

enum { WITNESS_EXIT = 7, FDS = 256 };

static char text[65536];
static size_t used;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
    if (length > 0)
        used += (size_t)length;
    if (used >= sizeof text)
        exit(99);
}

static void tell_input(void)
{
    size_t bytes = 0;
    unsigned sum = 0;
    char data[4096];
    ssize_t length;
    while ((length = read(0, data, sizeof data)) > 0) {
        for (ssize_t i = 0; i < length; i++)
            sum = sum * 31 + (unsigned char)data[i];
        bytes += (size_t)length;
    }
    say("input %zu bytes sum %u%s\n", bytes, sum, length < 0 ? " and an error" : "");
}

/* Pipes and the like by their kind alone: the number behind differs at every start. */
static void tell_fd(int fd)
{
    char path[64], target[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    char *number = strstr(target, ":[");
    if (number != NULL)
        *number = 0;
    if (strncmp(target, "/dev/pts/", 9) == 0)
        target[8] = 0;
    int flags = fcntl(fd, F_GETFL);
    say("fd %d %s %s%s%s%s\n", fd, target,
        (flags & O_ACCMODE) == O_RDONLY   ? "r"
        : (flags & O_ACCMODE) == O_WRONLY ? "w"
                                          : "rw",
        flags & O_APPEND ? " append" : "", flags & O_NONBLOCK ? " nonblock" : "",
        fcntl(fd, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
}

static void tell_fds(void)
{
    int fds[FDS];
    size_t count = 0;
    DIR *list = opendir("/proc/self/fd");
    if (list == NULL)
        exit(98);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(list) && count < FDS)
            fds[count++] = atoi(entry->d_name);
    closedir(list);
    for (size_t i = 0; i < count; i++)
        tell_fd(fds[i]);
    /* 1 and 2 on one description, as 2>&1 makes them: a flag set on one shows on the other. */
    int before = fcntl(1, F_GETFL);
    if (before >= 0 && fcntl(1, F_SETFL, before ^ O_NONBLOCK) == 0) {
        int other = fcntl(2, F_GETFL);
        fcntl(1, F_SETFL, before);
        say("1 and 2 are %s\n", other >= 0 && other != fcntl(2, F_GETFL) ? "one" : "two");
    }
}

static void tell_status(void)
{
    static const char *const names[] = {
        "SigPnd:", "SigBlk:", "SigIgn:", "SigCgt:", "Umask:", "NoNewPrivs:"};
    char line[512];
    FILE *status = fopen("/proc/self/status", "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strncmp(line, names[i], strlen(names[i])) == 0)
                say("%s", line);
    if (status != NULL)
        fclose(status);
}

static void tell_place(void)
{
    char path[4096];
    say("cwd %s\n", getcwd(path, sizeof path) != NULL ? path : "none");
    say("session %s group %s\n", getsid(0) == getpid() ? "own" : "other",
        getpgrp() == getpid() ? "own" : "other");
    say("nice %d\n", getpriority(PRIO_PROCESS, 0));
    for (int i = 0; i < 16; i++) {
        struct rlimit limit = {0};
        getrlimit((__rlimit_resource_t)i, &limit);
        say("limit %d %lld %lld\n", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
}

/* Which terminals, whose, and how large. */
static void tell_terminals(void)
{
    struct winsize size;
    for (int fd = 0; fd < 3; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0)
            say("terminal %d has %d rows %d columns\n", fd, size.ws_row, size.ws_col);
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        say("no control\n");
        return;
    }
    say("control %s foreground %s\n", tcgetsid(fd) == getpid() ? "own" : "other",
        tcgetpgrp(fd) == getpgrp() ? "own" : "other");
    close(fd);
}

static void tell_ids(void)
{
    uid_t real, effective, saved;
    gid_t groups[64];
    getresuid(&real, &effective, &saved);
    say("users %u %u %u\n", real, effective, saved);
    getresgid(&real, &effective, &saved);
    say("groups %u %u %u", real, effective, saved);
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        say(" %u", groups[i]);
    say("\n");
}

static void tell_share(void)
{
    cpu_set_t set;
    char line[256] = "";
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    if (file != NULL && fgets(line, sizeof line, file) != NULL)
        say("oom %s", line);
    if (file != NULL)
        fclose(file);
    say("processors %d\n", sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1);
}

/* Is it in the control group that is called as the place of the test, the report's grandparent? */
static void tell_cgroup(const char *report)
{
    char line[4096], place[4096];
    snprintf(place, sizeof place, "%s", report);
    for (int up = 0; up < 2; up++)
        if (strrchr(place, '/') != NULL)
            *strrchr(place, '/') = 0;
    const char *name = strrchr(place, '/') != NULL ? strrchr(place, '/') + 1 : place;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        const char *last = strrchr(line, '/');
        if (last != NULL && *name != 0 && strcmp(last + 1, name) == 0)
            say("control group of the test\n");
    }
    if (file != NULL)
        fclose(file);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 97;
    if (argc > 2 && strchr(argv[2], 's') != NULL) {
        alarm(60);
        pause();
    }
    tell_fds(); /* first: nothing opened here is among them */
    const char *acts = argc > 2 ? argv[2] : "";
    for (int i = 0; i < argc; i++)
        say("argument %s\n", argv[i]);
    for (char **entry = environ; *entry != NULL; entry++)
        say("environment %s\n", *entry);
    tell_place();
    tell_status();
    tell_terminals();
    tell_ids();
    tell_share();
    tell_cgroup(argv[1]);
    if (strchr(acts, 'i') != NULL)
        tell_input();
    if (strchr(acts, 'o') != NULL && write(1, "out\n", 4) != 4)
        say("out cannot be written\n");
    if (strchr(acts, 'e') != NULL && write(2, "err\n", 4) != 4)
        say("err cannot be written\n");

    umask(0);
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, used) != (ssize_t)used || close(fd) < 0)
        return 96;
    return WITNESS_EXIT;
}
