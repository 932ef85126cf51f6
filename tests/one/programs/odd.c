/* SPDX-License-Identifier: MIT */
/*
 * A program that does what few programs do, for the tests of one owned child: it tells its signals
 * without /proc, ends its first thread, execs from another one, becomes another user,
 * leaves its group.
 *
 * Invariant: static, no library of the project in it; no verb lives longer than a minute.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LIFE_S = 60, MISUSED = 64, SIGNALS = 64 };

static void say(const char *line)
{
    if (write(1, line, strlen(line)) < 0)
        _exit(1);
}

static void stay_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0)
        continue;
}

/* "blocked 0 ignored 0 caught 0", in hex, by asking for each signal. */
static int tell_signals(char **argv)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action;
    uint64_t blocked = 0, ignored = 0, caught = 0;
    (void)argv;
    (void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof blocked);
    for (int number = 1; number <= SIGNALS; number++) {
        if (syscall(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask) < 0)
            return 1;
        uint64_t bit = UINT64_C(1) << (number - 1);
        ignored |= action.handler == SIG_IGN ? bit : 0;
        caught |= action.handler != SIG_IGN && action.handler != SIG_DFL ? bit : 0;
    }
    (void)printf("blocked %llx ignored %llx caught %llx\n", (unsigned long long)blocked,
                 (unsigned long long)ignored, (unsigned long long)caught);
    return 0;
}

static void *end_later(void *argument)
{
    char byte;
    say("ready\n");
    (void)read(0, &byte, 1); /* until the test closes our input */
    exit((int)(intptr_t)argument);
}

/* leader-gone CODE: the first thread ends, another lives until end-of-file, then exits with
 * CODE. */
static int leader_gone(char **argv)
{
    pthread_t thread;
    int code = argv[0] ? atoi(argv[0]) : 0;
    if (pthread_create(&thread, NULL, end_later, (void *)(intptr_t)code) != 0)
        return 1;
    pthread_exit(NULL);
}

static void *exec_now(void *argument)
{
    char **argv = argument;
    (void)execv(argv[0], argv);
    _exit(1);
}

/* thread-exec PROGRAM [ARG...]: exec by another thread than the first. */
static int thread_exec(char **argv)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, exec_now, argv) != 0)
        return 1;
    stay_ms(LIFE_S * 1000L);
    return 1;
}

/* become-owner: from a setuid file, all three user ids; ready; until end-of-file, then exits with
 * 3. */
static int become_owner(char **argv)
{
    char byte;
    (void)argv;
    if (setresuid(geteuid(), geteuid(), geteuid()) < 0)
        return 1;
    say(geteuid() == 0 ? "ready\n" : "nosuid\n");
    (void)read(0, &byte, 1);
    return 3;
}

/* late-line MS LINE: prints the line after a while and ends; its parent process ends at once. */
static int late_line(char **argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        stay_ms(atol(argv[0]));
        say(argv[1]);
        _exit(0);
    }
    return pid < 0;
}

/* endless: a grandchild that writes for ever, or until nobody reads; says its pid first. */
static int endless(char **argv)
{
    static char junk[4096];
    char line[32];
    (void)argv;
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(LIFE_S);
        memset(junk, '.', sizeof junk);
        for (;;)
            say(junk);
    }
    (void)snprintf(line, sizeof line, "pid %d\n", (int)pid);
    if (write(2, line, strlen(line)) < 0)
        return 1;
    return 0;
}

/* leave-group alone|behind: leaves its process group for its parent's, "behind" leaving a child of
 * its own in it; says ready and that child's pid; stays. */
static int leave_group(char **argv)
{
    char line[32] = "ready\n";
    pid_t group = getpgid(getppid());
    if (argv[0] && !strcmp(argv[0], "behind")) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            stay_ms(LIFE_S * 1000L);
            _exit(0);
        }
        (void)snprintf(line, sizeof line, "ready %d\n", (int)pid);
    }
    if (setpgid(0, group) < 0)
        return 1;
    say(line);
    stay_ms(LIFE_S * 1000L);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(char **argv);
} verbs[] = {
    {"signals", tell_signals},      {"leader-gone", leader_gone}, {"thread-exec", thread_exec},
    {"become-owner", become_owner}, {"late-line", late_line},     {"endless", endless},
    {"leave-group", leave_group},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argv + 2);
    return MISUSED;
}
