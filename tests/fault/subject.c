/* SPDX-License-Identifier: MIT */
/*
 * The target of the sweep; see subject.h. It runs under the filter, so everything here is watched;
 * what is not between the marks is let through.
 *
 * Invariant: the audit's first snapshot is taken right before the mark, the second right after what
 * the start left has been used up: nothing for a failure, the child's end for a success.
 */
#include "subject.h"
#include "alloc.h"
#include "around.h"
#include "audit.h"
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 15000, WITNESS_CODE = 7 };

static struct audit before;

void subject_say(struct subject *subject, const char *words)
{
    size_t used = strlen(subject->words);
    snprintf(subject->words + used, sizeof subject->words - used, "%s%s", used > 0 ? "; " : "",
             words);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------ the child that was started */

static bool does(const struct scene *scene, char act)
{
    return scene->argv[2] != NULL && strchr(scene->argv[2], act) != NULL;
}

static bool is_said(const void *got, ssize_t length, bool expected, const char *word)
{
    size_t wanted = expected ? strlen(word) : 0;
    return length == (ssize_t)wanted && memcmp(got, word, wanted) == 0;
}

/* To the end of a stream; -errno. */
static ssize_t drain(struct brood_child *child, uint32_t stream, char *data, size_t size)
{
    size_t used = 0;
    for (;;) {
        ssize_t length = brood_child_read(child, stream, data + used, size - used, WAIT_MS);
        if (length == -EAGAIN)
            continue;
        if (length <= 0)
            return length < 0 ? length : (ssize_t)used;
        used += (size_t)length;
        if (used == size)
            return -EOVERFLOW;
    }
}

static bool is_ours(const struct brood_stream *stream)
{
    return stream->kind == BROOD_PIPE || stream->kind == BROOD_SOCKET;
}

/* All that comes by a terminal, which ends its lines its own way. */
static void use_terminal(struct subject *subject, const struct scene *scene,
                         struct brood_child *child)
{
    char data[256], wanted[32] = "";
    const struct brood_options *options = &scene->options;
    if (options->out.kind != BROOD_PTY)
        return;
    if (does(scene, 'o'))
        strcat(wanted, "out\r\n");
    if (does(scene, 'e') && options->err.kind != BROOD_NULL)
        strcat(wanted, "err\r\n");
    if (!is_said(data, drain(child, BROOD_OUT, data, sizeof data), true, wanted))
        subject_say(subject, "what came by its terminal is not what it said");
}

static void use_streams(struct subject *subject, const struct scene *scene,
                        struct brood_child *child)
{
    char data[256];
    const struct brood_options *options = &scene->options;
    if (options->in.kind == BROOD_PIPE) {
        ssize_t put = brood_child_write(child, "hello", 5, WAIT_MS);
        if (put != (does(scene, 'i') ? 5 : put))
            subject_say(subject, "its input cannot be written");
        if (brood_child_close_stream(child, BROOD_IN) != 0)
            subject_say(subject, "its input cannot be closed");
    }
    use_terminal(subject, scene, child);
    bool merged = options->err.kind == BROOD_MERGE;
    if (is_ours(&options->out) && !is_said(data, drain(child, BROOD_OUT, data, sizeof data),
                                           does(scene, 'o') || merged, "out\n"))
        subject_say(subject, "its output is not what it said");
    if (is_ours(&options->err) &&
        !is_said(data, drain(child, BROOD_ERR, data, sizeof data), does(scene, 'e'), "err\n"))
        subject_say(subject, "its error output is not what it said");
}

/* The two reports are compared whole; the first line that differs is told. */
static void compare_report(struct subject *subject, const struct scene *scene)
{
    char text[SUBJECT_REPORT] = "";
    int fd = open(scene->report, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0) {
        subject_say(subject, "the witness wrote no report");
    } else if (subject->keep_report) {
        memcpy(subject->report, text, sizeof text);
    } else if (strcmp(text, subject->report) != 0) {
        size_t at = 0;
        for (size_t i = 0; text[i] == subject->report[i]; i++)
            at = text[i] == '\n' ? i + 1 : at;
        char line[160];
        snprintf(line, sizeof line, "the program found '%.*s', not '%.*s'",
                 (int)strcspn(text + at, "\n"), text + at, (int)strcspn(subject->report + at, "\n"),
                 subject->report + at);
        subject_say(subject, line);
    }
}

static void judge_exit(struct subject *subject, const struct scene *scene,
                       const struct brood_exit *exit)
{
    if (exit->kind == BROOD_SIGNALLED && exit->code == SIGKILL) {
        subject->child = CHILD_SIGNALLED;
        subject->words[0] = 0; /* its silence needs no other explanation */
        return;
    }
    if (exit->kind != BROOD_EXITED || exit->code != WITNESS_CODE) {
        char text[96], words[160];
        snprintf(words, sizeof words, "the child %s", brood_exit_text(exit, text, sizeof text));
        subject_say(subject, words);
    }
    compare_report(subject, scene);
    subject->child = subject->words[0] == 0 ? CHILD_RIGHT : CHILD_WRONG;
}

static void finish_start(struct subject *subject, const struct scene *scene,
                         struct brood_child *child)
{
    struct brood_exit exit;
    use_streams(subject, scene, child);
    int result = brood_child_wait(child, WAIT_MS, &exit);
    if (result == -ENOTSUP && (scene->scenario->traits & SCENARIO_DETACHED))
        result = around_wait(brood_child_pid(child), &exit);
    if (result == 0) {
        judge_exit(subject, scene, &exit);
    } else {
        subject->child = CHILD_WRONG;
        subject_say(subject, "it cannot be waited for");
    }
    brood_child_free(child);
}

static void finish_run(struct subject *subject, const struct scene *scene,
                       struct brood_result *result)
{
    bool killed = result->exit.kind == BROOD_SIGNALLED;
    if (!killed && !is_said(result->out, (ssize_t)result->out_length, does(scene, 'o'), "out\n"))
        subject_say(subject, "its output is not what it said");
    if (!killed && !is_said(result->err, (ssize_t)result->err_length, does(scene, 'e'), "err\n"))
        subject_say(subject, "its error output is not what it said");
    judge_exit(subject, scene, &result->exit);
    brood_result_clear(result);
}

/* ------------------------------------------------------------------ one start */

static void start(struct subject *subject, struct scene *scene)
{
    struct brood_child *child = NULL;
    struct brood_result run;
    bool runs = (scene->scenario->traits & SCENARIO_RUN) != 0;
    memset(&run, 0, sizeof run);

    audit_take(&before);
    long blocks = alloc_live();
    inject_mark(INJECT_ARM);
    int64_t began_ms = now_ms();
    alloc_arm(subject->fail_allocation, subject->allocation_sticky);
    subject->result = runs ? brood_run(&scene->options, &run, &subject->error)
                           : brood_start(&scene->options, &child, &subject->error);
    bool frees = (scene->scenario->traits & SCENARIO_FREES) && subject->result == 0;
    if (frees) {
        brood_child_free(child);
        subject->child = CHILD_RIGHT;
    }
    subject->allocations = alloc_disarm();
    subject->took_ms = now_ms() - began_ms;
    inject_mark(INJECT_DISARM);

    if (subject->result == 0 && runs)
        finish_run(subject, scene, &run);
    else if (subject->result == 0 && !frees)
        finish_start(subject, scene, child);
    else if (subject->result < 0 &&
             (child != NULL || run.out != NULL || run.err != NULL || run.exit.kind != 0))
        subject_say(subject, "a failed start gave a child");
    around_look(subject);
    subject->heap_growth = alloc_live() - blocks;
    char why[SUBJECT_WORDS / 2] = "";
    subject->differences = audit_compare(&before, why, sizeof why);
    why[strcspn(why, "\n")] = 0; /* the first of them; --only shows it again with all around it */
    if (subject->differences > 0)
        subject_say(subject, why);
}

static void one(struct subject *subject)
{
    static struct scene scene;
    scene_open(&scene, subject->scenario, subject->directory, subject->witness);
    start(subject, &scene);
    scene_close(&scene);
    subject->ran = true;
}

/* In a copy of this process, which has never started anything. */
static void one_cold(struct subject *subject)
{
    pid_t pid = fork();
    if (pid == 0) {
        one(subject);
        _exit(0);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        subject->ran = false;
}

/* ------------------------------------------------------------------ the target */

static void on_signal(int number)
{
    (void)number;
}

/* One signal ignored, one caught, one blocked: a start must neither keep nor disturb them. */
static void set_signals(void)
{
    sigset_t mask;
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, on_signal);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

int subject_body(void *user)
{
    struct subject *subject = user;
    set_signals();
    around_enter(subject->scenario);
    while (inject_mark(INJECT_READY) == 0 && !subject->stop) {
        if (subject->scenario->traits & SCENARIO_COLD)
            one_cold(subject);
        else
            one(subject);
    }
    return 0;
}
