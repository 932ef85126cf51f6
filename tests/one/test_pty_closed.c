/* SPDX-License-Identifier: MIT */
/*
 * Pseudoterminals for a caller that runs with descriptors 0, 1 and 2 closed, and with almost no
 * descriptor left.
 *
 * Invariant: none of ours lands on a standard number; a start works or is refused, and either way
 * nothing is left.
 */
#include "seats.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define A_PTY                                                                                      \
    {                                                                                              \
        .kind = BROOD_PTY                                                                          \
    }

enum { COMBINATIONS = 8, TOLD_HIGH = 30, MOST_FREE = 9 };

static void give_terminal(struct brood_options *options, unsigned which)
{
    struct brood_stream *const streams[] = {&options->in, &options->out, &options->err};
    for (unsigned index = 0; index < 3; index++)
        streams[index]->kind = which >> index & 1 ? BROOD_PTY : BROOD_NULL;
}

/* ------------------------------------------------------------------ 0, 1 and 2 closed */

/* What is told lies out of the way of the numbers that are looked at. */
static void open_high(struct seat_pipe *told)
{
    seat_pipe_open(told);
    int read_fd = fcntl(told->read_fd, F_DUPFD_CLOEXEC, TOLD_HIGH);
    int write_fd = fcntl(told->write_fd, F_DUPFD_CLOEXEC, TOLD_HIGH);
    REQUIRE(read_fd >= TOLD_HIGH && write_fd >= TOLD_HIGH);
    seat_pipe_close(told);
    *told = (struct seat_pipe){read_fd, write_fd, {write_fd, TOLD_FD}};
}

static void start_with_closed(unsigned closed, unsigned which)
{
    static struct audit before;
    char why[1024] = "";
    struct seat_pipe told;
    open_high(&told);
    for (int fd = 0; fd <= 2; fd++)
        if (closed >> fd & 1)
            REQUIRE(close(fd) == 0);
    audit_take(&before);
    struct brood_options *options =
        BROOD_OPTIONS(.argv = SEAT("tell"), .fds = &told.map, .fd_count = 1);
    give_terminal(options, which);
    struct brood_child *child = start(options);
    REQUIRE(child);
    CHECK_STR(seat_line(&told),
              say("tty %d %d %d same 1 control 1 leader 1 foreground 1 size 24 80", which & 1,
                  which >> 1 & 1, which >> 2 & 1));
    CHECK(brood_child_pidfd(child) > 2 || brood_child_pidfd(child) == -ENOTSUP);
    for (uint32_t index = 0; index < 3; index++)
        CHECK(brood_child_stream(child, index) < 0 || brood_child_stream(child, index) > 2);
    ends_with(child, 0);
    options->argv = WORDS("/no/such/program");
    is_refused("a missing program", options,
               REFUSAL(.stage = BROOD_STAGE_EXEC, .code = ENOENT, .subject = "/no/such/program"));
    CHECK_SAY(audit_compare(&before, why, sizeof why) == 0, "%s", why);
}

TEST_TIMEOUT(a_caller_with_standard_numbers_closed, 60)
{
    seat_needs_terminals();
    for (unsigned closed = 0; closed < COMBINATIONS; closed++) {
        for (unsigned which = 1; which < COMBINATIONS; which++) {
            pid_t pid = fork();
            REQUIRE(pid >= 0);
            if (pid == 0) {
                start_with_closed(closed, which);
                _exit(0);
            }
            CHECK_CHILD(pid, 0);
        }
    }
}

/* ------------------------------------------------------------------ almost none left */

/* Stage descriptors: before Linux 5.11 the child lists those that are open, by one of its own. */
static bool is_lack(const struct brood_error *error)
{
    return error->code == EMFILE &&
           (error->stage == BROOD_STAGE_TERMINAL || error->stage == BROOD_STAGE_CREATE ||
            error->stage == BROOD_STAGE_OPEN || error->stage == BROOD_STAGE_PIPE ||
            error->stage == BROOD_STAGE_DESCRIPTORS);
}

/* From the first number that is enough on, all are. Returns that number. */
static unsigned least_free(const struct brood_options *options, int code)
{
    static struct audit before;
    unsigned least = MOST_FREE + 1;
    for (unsigned free_fds = 0; free_fds <= MOST_FREE; free_fds++) {
        struct brood_child *child = NULL;
        struct brood_error error = {.stage = 0};
        char text[1024] = "";
        long old = lab_leave_fds(free_fds);
        REQUIRE(old > 0);
        audit_take(&before);
        int result = brood_start(options, &child, &error);
        if (result == -code && !(result < 0 && is_lack(&error))) {
            least = free_fds < least ? free_fds : least;
            ends_with(child, 0);
        } else {
            (void)brood_error_text(&error, text, sizeof text);
            CHECK_SAY(result == -EMFILE && is_lack(&error), "%u free: %d %s", free_fds, result,
                      text);
            CHECK_SAY(free_fds < least, "%u free are too few, %u were enough", free_fds, least);
        }
        CHECK_SAY(audit_compare(&before, text, sizeof text) == 0, "%u free: %s", free_fds, text);
        CHECK_INT(lab_restore_fds(old), 0);
    }
    CHECK_SAY(least <= MOST_FREE, "%u are not enough", least - 1);
    return least;
}

TEST_TIMEOUT(almost_no_descriptor_left, 60)
{
    seat_needs_terminals();
    for (unsigned which = 1; which < COMBINATIONS; which++) {
        struct brood_options *options = BROOD_OPTIONS(.argv = TARGET("exit", "0"));
        give_terminal(options, which);
        unsigned least = least_free(options, 0);
        options->argv = WORDS("/no/such/program");
        CHECK_INT(least_free(options, ENOENT), least);
        NOTE("%s%s%s need %u", which & 1 ? "in " : "", which & 2 ? "out " : "",
             which & 4 ? "err" : "", least);
    }
}

/* No more terminals in the system than it allows: the start says so and leaves nothing. */
TEST(no_terminal_to_be_had)
{
    seat_needs_terminals();
    REQUIRE(lab_directory());
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (chroot(lab_directory()) < 0)
            _exit(9);
        REQUIRE(chdir("/") == 0);
        struct brood_child *child;
        struct brood_error error;
        char text[600];
        CHECK_INT(brood_start(BROOD_OPTIONS(.argv = WORDS("/x"), .in = A_PTY), &child, &error),
                  -ENOENT);
        CHECK_STR(brood_error_text(&error, text, sizeof text),
                  "cannot start /x: terminal of its own (/dev/ptmx): No such file or directory");
        _exit(0);
    }
    if (geteuid() == 0)
        CHECK_CHILD(pid, 0);
    else
        CHECK_CHILD(pid, 9);
}
