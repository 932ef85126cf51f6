/* SPDX-License-Identifier: MIT */
/*
 * The helper program's verbs that do something: end in a certain way, hold streams, print much.
 *
 * Invariant: a verb that a test waits for prints "ready" once it is what its name says, and nothing
 * here is buffered, so each line is an event that a test can wait for.
 */
#include "target.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long number(int argc, char **argv, int index, long otherwise)
{
    return index < argc ? strtol(argv[index], NULL, 10) : otherwise;
}

static bool put_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t put = write(fd, data, length);
        if (put < 0 && errno != EINTR)
            return false;
        data += put > 0 ? put : 0;
        length -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* "ready", and the pid of a process that the test has to know of. */
static void say_ready(pid_t pid)
{
    char line[64];
    int length = pid > 0 ? snprintf(line, sizeof line, "ready %d\n", (int)pid)
                         : snprintf(line, sizeof line, "ready\n");
    (void)put_all(1, line, (size_t)length);
}

static void end_by(int signal_number)
{
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)raise(signal_number);
}

static void stay(long ms)
{
    long bound = ms < 0 || ms > TARGET_LIFE_MS ? TARGET_LIFE_MS : ms;
    struct timespec left = {.tv_sec = bound / 1000, .tv_nsec = bound % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static int end_with(FILE *out, int argc, char **argv)
{
    (void)out;
    _exit((int)number(argc, argv, 0, 0));
}

static int end_by_signal(FILE *out, int argc, char **argv)
{
    (void)out;
    end_by((int)number(argc, argv, 0, SIGKILL));
    stay(TARGET_LIFE_MS); /* a stop signal ends here, once continued */
    return 0;
}

static int cat(FILE *out, int argc, char **argv)
{
    (void)out;
    (void)argc;
    (void)argv;
    static char data[65536];
    for (;;) {
        ssize_t got = read(0, data, sizeof data);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return 1;
        if (got > 0 && !put_all(1, data, (size_t)got))
            return 2;
    }
}

static int read_some(FILE *out, int argc, char **argv)
{
    (void)out;
    char byte;
    for (long left = number(argc, argv, 0, 1); left > 0; left--)
        if (read(0, &byte, 1) != 1)
            return 1;
    say_ready(0);
    return 0;
}

static int sleep_ms(FILE *out, int argc, char **argv)
{
    (void)out;
    say_ready(0);
    stay(number(argc, argv, 0, TARGET_LIFE_MS));
    return 0;
}

static int ignore_term(FILE *out, int argc, char **argv)
{
    (void)out;
    (void)signal(SIGTERM, SIG_IGN);
    say_ready(0);
    stay(number(argc, argv, 0, TARGET_LIFE_MS));
    return 0;
}

static int term_exit;

static void on_term(int signal_number)
{
    (void)signal_number;
    _exit(term_exit);
}

static int catch_term(FILE *out, int argc, char **argv)
{
    (void)out;
    term_exit = (int)number(argc, argv, 0, 0);
    (void)signal(SIGTERM, on_term);
    say_ready(0);
    stay(TARGET_LIFE_MS);
    return 0;
}

/* Out of the family by two forks and a session of its own, with the streams still held. */
static int daemonise(FILE *out, int argc, char **argv)
{
    (void)out;
    pid_t middle = fork();
    if (middle < 0)
        return 1;
    if (middle == 0) {
        (void)setsid();
        pid_t last = fork();
        if (last == 0) {
            say_ready(getpid());
            stay(number(argc, argv, 0, TARGET_LIFE_MS));
        }
        _exit(last < 0);
    }
    (void)waitpid(middle, NULL, 0);
    return 0;
}

static int grandchild(FILE *out, int argc, char **argv)
{
    (void)out;
    pid_t pid = fork();
    if (pid == 0) {
        stay(number(argc, argv, 0, TARGET_LIFE_MS));
        _exit(0);
    }
    say_ready(pid);
    return pid < 0;
}

/* Like it, but stays with its child: for what reaches a tree, or only its root. */
static int family(FILE *out, int argc, char **argv)
{
    (void)out;
    pid_t pid = fork();
    if (pid == 0) {
        stay(number(argc, argv, 0, TARGET_LIFE_MS));
        _exit(0);
    }
    say_ready(pid);
    stay(number(argc, argv, 0, TARGET_LIFE_MS));
    return 0;
}

/* a..z again and again, so that a test can see where a cut was made. */
static int flood(FILE *out, int argc, char **argv)
{
    (void)out;
    char data[26 * 256];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)('a' + i % 26);
    int fd = (int)number(argc, argv, 1, 1);
    for (long left = number(argc, argv, 0, 0); left > 0; left -= (long)sizeof data)
        if (!put_all(fd, data, left < (long)sizeof data ? (size_t)left : sizeof data))
            return 1;
    return 0;
}

static int both(FILE *out, int argc, char **argv)
{
    (void)out;
    char o[1000], e[1000];
    memset(o, 'o', sizeof o);
    memset(e, 'e', sizeof e);
    for (long left = number(argc, argv, 0, 0); left > 0; left -= (long)sizeof o) {
        size_t some = left < (long)sizeof o ? (size_t)left : sizeof o;
        if (!put_all(1, o, some) || !put_all(2, e, some))
            return 1;
    }
    return 0;
}

static int close_stdin(FILE *out, int argc, char **argv)
{
    (void)out;
    (void)close(0);
    say_ready(0);
    stay(number(argc, argv, 0, TARGET_LIFE_MS));
    return 0;
}

static int burn(FILE *out, int argc, char **argv)
{
    (void)out;
    int64_t want = (int64_t)number(argc, argv, 0, 0) * 1000000;
    struct timespec used;
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while ((int64_t)used.tv_sec * 1000000000 + used.tv_nsec < want);
    return 0;
}

/* Lines of stdin come back on stream 0 (both), 1 or 2; then an exit code, or a crash. */
static int echo(FILE *out, int argc, char **argv)
{
    (void)out;
    long stream = number(argc, argv, 0, 1), count = number(argc, argv, 1, 0);
    bool crash = number(argc, argv, 3, 0) != 0;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    for (; count != 0 && (length = getline(&line, &size, stdin)) > 0; count--) {
        if (stream != 2 && !put_all(1, line, (size_t)length))
            return 1;
        if (stream != 1 && !put_all(2, line, (size_t)length))
            return 1;
    }
    free(line);
    if (crash)
        end_by(SIGSEGV);
    return (int)number(argc, argv, 2, 0);
}

static int print(FILE *out, int argc, char **argv)
{
    (void)out;
    for (int i = 0; i < argc && i < 2; i++)
        if (!put_all(i + 1, argv[i], strlen(argv[i])))
            return 1;
    return 0;
}

const struct target_verb target_acts[] = {
    {"exit", "N: ends with N", end_with},
    {"kill", "N: ends by (or stops at) signal N, without a core", end_by_signal},
    {"cat", "stdin to stdout; exit 1 on a read error, 2 on a write error", cat},
    {"read", "N: reads N bytes of stdin, prints ready, ends", read_some},
    {"print", "OUT [ERR]: one text to stdout, one to stderr, no newline added", print},
    {"sleep", "MS: prints ready, then sleeps", sleep_ms},
    {"ignore-term", "[MS]: ignores SIGTERM, prints ready, then sleeps", ignore_term},
    {"catch-term", "N: prints ready; SIGTERM ends it with exit code N", catch_term},
    {"daemonise",
     "[MS]: leaves a sleeper in its own session that holds the streams and prints "
     "ready PID",
     daemonise},
    {"grandchild", "MS: prints ready PID of a child that holds the streams so long; ends",
     grandchild},
    {"family", "MS: the same, but sleeps as long itself", family},
    {"flood", "BYTES [FD]: a to z again and again", flood},
    {"both", "BYTES: so many o to stdout and e to stderr, in turns of 1000", both},
    {"close-stdin", "[MS]: closes stdin, prints ready, then sleeps", close_stdin},
    {"burn", "MS: uses processor time", burn},
    {"echo",
     "STREAM COUNT CODE CRASH: COUNT lines (-1: all) of stdin to stream 0 (both), 1 or 2; "
     "then exit CODE, or signal 11",
     echo},
    {NULL, NULL, NULL},
};
