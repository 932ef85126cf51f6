/* SPDX-License-Identifier: MIT */
/*
 * The first process of a machine that only runs tests (README.md): it mounts what a Debian system
 * has mounted, runs each program of /tests.list to its end or to a bound, says on the console what
 * each of them printed, and turns the machine off. Static; nothing else is in that system but a
 * shell.
 *
 * Invariant: the last line is "== done N" only when N programs were run; whatever stops it before,
 * even a kernel that falls over, leaves that line out, and the reader of the console says so.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_OF_ALL = 65536, MODE = 0755, CONSOLE_OFF = 6, HARD_FDS = 524288 };

static const struct {
    const char *type, *place, *options;
    unsigned long flags;
} mounts[] = {
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID},
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"devpts", "/dev/pts", "mode=0620,gid=5,ptmxmode=0666", MS_NOSUID | MS_NOEXEC},
    {"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV},
    {"tmpfs", "/tmp", "mode=1777", 0},
    {"tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV},
    /* Control groups of both versions, as systemd calls hybrid: a test of either runs. */
    {"tmpfs", "/sys/fs/cgroup", "mode=0755", MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"cgroup2", "/sys/fs/cgroup/unified", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"cgroup", "/sys/fs/cgroup/freezer", "freezer", MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"cgroup", "/sys/fs/cgroup/pids", "pids", MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

static void mount_all(void)
{
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        (void)mkdir(mounts[i].place, MODE);
        /* EBUSY: the kernel was built to mount /dev by itself. */
        if (mount(mounts[i].type, mounts[i].place, mounts[i].type, mounts[i].flags,
                  mounts[i].options) < 0 &&
            errno != EBUSY)
            printf("== init: %s on %s: %s\n", mounts[i].type, mounts[i].place, strerror(errno));
    }
    (void)symlink("/proc/self/fd", "/dev/fd");
    (void)symlink("fd/0", "/dev/stdin");
    (void)symlink("fd/1", "/dev/stdout");
    (void)symlink("fd/2", "/dev/stderr");
}

/* The console gives each byte as it is, and the kernel's own words stay out of the tests'. */
static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int to = 0; fd >= 0 && to < 3; to++)
        (void)dup2(fd, to);
    if (fd > 2)
        (void)close(fd);
    struct termios how;
    if (tcgetattr(1, &how) == 0) {
        how.c_oflag &= ~(tcflag_t)OPOST;
        (void)tcsetattr(1, TCSANOW, &how);
    }
    (void)klogctl(CONSOLE_OFF, NULL, 0);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

/* What a login on Debian has: few at once, many if one asks. */
static void set_limits(void)
{
    const struct rlimit fds = {.rlim_cur = 1024, .rlim_max = HARD_FDS};
    const struct rlimit core = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_NOFILE, &fds) < 0 || setrlimit(RLIMIT_CORE, &core) < 0)
        printf("== init: limits: %s\n", strerror(errno));
}

static ssize_t read_whole(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && length < size - 1) {
        got = read(fd, text + length, size - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    text[length] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return got < 0 ? -1 : (ssize_t)length;
}

/* ------------------------------------------------------------------ one program */

static pid_t start(char *const argv[], const char *out)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)setsid();
    int none = open("/dev/null", O_RDONLY);
    int to = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    sigset_t nothing;
    (void)sigemptyset(&nothing);
    if (none < 0 || to < 0 || dup2(none, 0) < 0 || dup2(to, 1) < 0 || dup2(to, 2) < 0 ||
        sigprocmask(SIG_SETMASK, &nothing, NULL) < 0)
        _exit(126);
    if (none > 2)
        (void)close(none);
    if (to > 2)
        (void)close(to);
    (void)execv(argv[0], argv);
    _exit(127);
}

/* Waits for the end of one, reaping whatever else arrives at the first process. SIGCHLD is blocked,
 * so that sigtimedwait(2) has it as an event with a bound. The status, or -1 at the bound. */
static int wait_for(pid_t pid, int seconds)
{
    struct timespec now, end;
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
    for (;;) {
        int status;
        pid_t one;
        while ((one = waitpid(-1, &status, WNOHANG)) > 0)
            if (one == pid)
                return status;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end.tv_sec)
            return -1;
        const struct timespec left = {.tv_sec = end.tv_sec - now.tv_sec};
        (void)sigtimedwait(&child, NULL, &left);
    }
}

/* The parent and the state of a process of /proc; 0 when it is gone. */
static pid_t parent_of(const char *number, char *name, size_t size, char *state)
{
    char path[300], text[512];
    int parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%s/stat", number);
    char *behind = read_whole(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    char *before = behind ? strchr(text, '(') : NULL;
    if (!before || sscanf(behind + 1, " %c %d", state, &parent) != 2)
        return 0;
    (void)snprintf(name, size, "%.*s", (int)(behind - before - 1), before + 1);
    return parent;
}

/* Tells and ends what the program left to the first process. Kernel threads are not ours: their
 * parent is 0 or 2. Returns how many there were. */
static int end_left_behind(void)
{
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    int count = 0;
    while (all && (entry = readdir(all))) {
        char name[64], state = 0;
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            parent_of(entry->d_name, name, sizeof name, &state) != 1 || state == 'Z')
            continue;
        pid_t pid = (pid_t)atoi(entry->d_name);
        printf("not ok - nothing is left behind: process %d (%s)\n", (int)pid, name);
        (void)kill(pid, SIGKILL);
        (void)wait_for(pid, 5);
        count++;
    }
    if (all)
        (void)closedir(all);
    return count;
}

/* "room/name seconds" */
static void run_program(char *line)
{
    static char words[WORDS_OF_ALL];
    char path[256];
    char *blank = strchr(line, ' ');
    int seconds = blank ? atoi(blank + 1) : 60;
    if (blank)
        *blank = '\0';
    printf("== begin %s\n", line);
    (void)snprintf(path, sizeof path, "/tests/%s", line);
    struct timespec before, after;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    char *const argv[] = {path, NULL};
    pid_t pid = start(argv, "/run/words");
    int status = pid > 0 ? wait_for(pid, seconds) : -1;
    if (pid > 0 && status == -1) {
        (void)kill(pid, SIGKILL);
        (void)wait_for(pid, 10);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    if (read_whole("/run/words", words, sizeof words) > 0)
        fputs(words, stdout);
    if (status == -1)
        printf("\nnot ok - %s ends within %d s\n", line, seconds);
    (void)end_left_behind();
    printf("== end %s %s %d in %ld s\n", line,
           status == -1          ? "bound"
           : WIFSIGNALED(status) ? "signal"
                                 : "exit",
           status == -1          ? seconds
           : WIFSIGNALED(status) ? WTERMSIG(status)
                                 : WEXITSTATUS(status),
           (long)(after.tv_sec - before.tv_sec));
}

/* ------------------------------------------------------------------ all of them */

/* NAME=VALUE lines for every program. */
static void set_environment(void)
{
    static char text[4096];
    (void)clearenv();
    (void)read_whole("/environment", text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        (void)putenv(line);
}

static int run_all(void)
{
    static char list[16384];
    int count = 0;
    char *after = NULL;
    (void)read_whole("/tests.list", list, sizeof list);
    for (char *line = strtok_r(list, "\n", &after); line; line = strtok_r(NULL, "\n", &after)) {
        run_program(line);
        count++;
    }
    return count;
}

/* Which interpreter scripts find and which commands the shell does. */
static void install_shell(void)
{
    char *const argv[] = {(char[]){"/bin/busybox"}, (char[]){"--install"}, (char[]){"-s"},
                          (char[]){"/usr/bin"}, NULL};
    pid_t pid = start(argv, "/run/words");
    if (pid < 0 || wait_for(pid, 60) != 0)
        printf("== init: no shell\n");
}

int main(void)
{
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    (void)umask(022);
    mount_all();
    open_console();
    set_environment();
    set_limits();
    install_shell();
    struct utsname system;
    if (uname(&system) == 0)
        printf("\n== kernel %s %s\n", system.release, system.machine);
    printf("== done %d\n", run_all());
    (void)fflush(stdout);
    (void)tcdrain(1);
    sync();
    (void)reboot(RB_POWER_OFF);
    (void)reboot(RB_AUTOBOOT); /* no way to turn it off: the emulator takes this as the end too */
    return 1;
}
