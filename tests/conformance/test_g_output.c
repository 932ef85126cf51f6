/* SPDX-License-Identifier: MIT */
/*
 * The end of a child and the last of its output, which come on two ways: neither may swallow or
 * stand for the other.
 *
 * Room tests. Invariant: the child is known to have ended, with all of its output still in the
 * pipe, before anything is read.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MUCH = 65536 + 1, PIPE_BYTES = 1 << 18 };

/* The text of `target flood`: repeated from the beginning every 26 * 256 bytes, so throughout. */
static void check_flood(const char *data, size_t length, size_t want)
{
    size_t wrong = 0;
    CHECK_INT(length, want);
    for (size_t i = 0; i < length; i++)
        wrong += data[i] != 'a' + (int)(i % 26);
    CHECK_INT(wrong, 0);
}

static struct brood_child *ended_with_much_unread(void)
{
    struct brood_child *child =
        START(.argv = WORDS("/bin/sh", "-c", "read line; exec \"$0\" flood 65537", kit_target),
              .in = A_PIPE, .out = A_PIPE);
    /* Room for all of it. */
    CHECK(fcntl(brood_child_stream(child, BROOD_OUT), F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES);
    CHECK_INT(brood_child_write(child, "\n", 1, KIT_BOUND_MS), 1);
    CHECK_INT(lab_wait_gone(brood_child_pid(child), KIT_BOUND_MS), 0);
    return child;
}

static void check_all_is_there(struct brood_child *child)
{
    static char data[MUCH + 1024];
    size_t length = 0;
    ssize_t got;
    while ((got = brood_child_read(child, BROOD_OUT, data + length, sizeof data - length, 0)) > 0)
        length += (size_t)got;
    CHECK_INT(got, 0); /* end-of-file, at once */
    check_flood(data, length, MUCH);
}

/* ------------------------------------------------------------------ G06 */

static int pause_fds[2]; /* the handler tells that it is in, and waits to be let out */

static void pause_here(int number)
{
    char byte = (char)number;
    int saved = errno;
    if (write(pause_fds[1], &byte, 1) < 0 || read(pause_fds[0], &byte, 1) < 0)
        _exit(1);
    errno = saved;
}

struct run {
    pthread_t thread;
    struct brood_options *options;
    struct brood_result result;
    int code;
};

static void *run_it(void *argument)
{
    struct run *run = argument;
    run->code = brood_run(run->options, &run->result, NULL);
    return NULL;
}

/* The end of the child and 40000 bytes of output are both news when the run looks again; and no
 * time is given to drain. */
static void a_paused_run(void)
{
    enum { FITS = 40000, SAYS = 3, GATE = 4 };
    int says[2], gate[2], ends[2], back[2];
    char line[16] = "", byte;
    REQUIRE(pipe2(says, O_CLOEXEC) == 0 && pipe2(gate, O_CLOEXEC) == 0);
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0);
    pause_fds[0] = back[0];
    pause_fds[1] = ends[1];
    (void)signal(SIGUSR1, pause_here);
    struct run run = {
        .options =
            BROOD_OPTIONS(.argv = WORDS("/bin/sh", "-c",
                                        "echo $$ >&3; read line <&4; exec 3>&- 4<&-;"
                                        "exec \"$0\" flood 40000",
                                        kit_target),
                          .out = A_MEMORY,
                          .fds = (const struct brood_fd_map[]){{says[1], SAYS}, {gate[0], GATE}},
                          .fd_count = 2)};
    REQUIRE(pthread_create(&run.thread, NULL, run_it, &run) == 0);
    CHECK(lab_read_line(says[0], line, sizeof line, KIT_BOUND_MS) > 0);
    CHECK_INT(pthread_kill(run.thread, SIGUSR1), 0);
    CHECK_INT(read(ends[0], &byte, 1), 1); /* it is paused */
    CHECK_INT(write(gate[1], "\n", 1), 1);
    CHECK_INT(lab_wait_gone(atoi(line), KIT_BOUND_MS), 0);
    CHECK_INT(write(back[1], "\n", 1), 1);
    CHECK_INT(pthread_join(run.thread, NULL), 0);
    CHECK_INT(run.code, 0);
    CHECK_EXITED(run.result.exit, 0);
    CHECK_INT(run.result.exit.flags & BROOD_EXIT_STREAMS_HELD, 0);
    check_flood(run.result.out, run.result.out_length, FITS);
    brood_result_clear(&run.result);
    (void)signal(SIGUSR1, SIG_DFL);
    for (int i = 0; i < 2; i++) {
        (void)close(says[i]);
        (void)close(gate[i]);
        (void)close(ends[i]);
        (void)close(back[i]);
    }
}

TEST(g06_output_truncated_at_exit)
{
    struct brood_child *child = ended_with_much_unread();
    CHECK_EXITED(END_OF(child), 0);
    CHECK_INT(brood_child_signal(child, SIGKILL), -ESRCH);
    check_all_is_there(child); /* not dropped at the reap */
    brood_child_free(child);

    struct brood_exit end;
    child = ended_with_much_unread();
    CHECK_INT(brood_child_stop(child, 0, &end), 0);
    CHECK_EXITED(end, 0);
    check_all_is_there(child);
    brood_child_free(child);
    a_paused_run();
}

/* ------------------------------------------------------------------ G07 */

/* Of one child: its end and its end-of-file are two events, told apart in either order, and the
 * bytes come before their end-of-file. */
TEST(g07_order_of_exit_and_output)
{
    char byte;
    struct brood_child *child = ended_with_much_unread();
    CHECK_EXITED(END_OF(child), 0); /* the end first, all of the output after it */
    check_all_is_there(child);
    brood_child_free(child);

    child = ended_with_much_unread();
    check_all_is_there(child); /* the output first */
    CHECK_EXITED(END_OF(child), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, 0), 0); /* and again */
    brood_child_free(child);

    child = START(.argv = WORDS("/bin/sh", "-c", "echo x; exec >&-; read line; exit 4"),
                  .in = A_PIPE, .out = A_PIPE);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 1);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 1);
    CHECK_INT(byte, '\n');
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 0);
    CHECK_INT(brood_child_wait(child, 0, NULL), -ETIMEDOUT); /* end-of-file is no end */
    CHECK_INT(brood_child_write(child, "\n", 1, KIT_BOUND_MS), 1);
    CHECK_EXITED(END_OF(child), 4);
    brood_child_free(child);

    child = START(.argv = TARGET("grandchild", "120000"), .out = A_PIPE);
    pid_t holder = READY(child);
    CHECK_EXITED(END_OF(child), 0); /* an end is no end-of-file */
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, 0), -ETIMEDOUT);
    CHECK_INT(kill(holder, SIGKILL), 0);
    CHECK_INT(brood_child_read(child, BROOD_OUT, &byte, 1, KIT_BOUND_MS), 0);
    CHECK_INT(lab_wait_gone(holder, KIT_BOUND_MS), 0);
    brood_child_free(child);
}
