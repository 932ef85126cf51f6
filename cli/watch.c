/* SPDX-License-Identifier: MIT */
/*
 * Watching one command from its start to its end. Room cli.
 *
 * A loop over four events: the command has ended, a signal came, the output has been passed on, a
 * deadline is over. Invariant: an end that is there is seen before a deadline that is over, so a
 * command that made it just in time is not called late; and from every phase there is a bounded
 * way out, but for the first without --timeout.
 */
#include "watch.h"
#include "settle.h"
#include "words.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define NEVER INT64_MAX
#define NS_PER_SEC INT64_C(1000000000)

/* How long a process may take to end after SIGKILL before it is called unkillable. */
enum { KILL_WAIT_MS = 10000 };

/* What a reader of ours has at least, once the time is over, to take what is left. */
enum { LAST_TAKE_MS = 1000 };

enum watch_phase {
    WATCH_RUNNING,
    WATCH_ASKED,    /* SIGTERM has been sent: the deadline is that of --grace */
    WATCH_KILLED,   /* SIGKILL has been sent */
    WATCH_DRAINING, /* it has ended: the deadline is that of --drain */
    WATCH_EMPTYING, /* what is in the pipes is passed on; our reader sets the pace */
    WATCH_OVER
};

struct watch {
    const struct asked *asked;
    struct brood_child *child;
    struct pass *pass;
    struct relay *relay; /* NULL: nothing is passed on */
    struct feed *feed;   /* NULL: no terminal is fed */
    bool hung_up;
    struct outcome *outcome;
    enum watch_phase phase;
    int64_t deadline_ns; /* of the phase */
    int64_t began_ns;
    int64_t limit_ns; /* of the whole: --timeout */
};

int64_t watch_now(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

static bool has_ended(const struct watch *watch)
{
    return watch->phase >= WATCH_DRAINING;
}

static void enter(struct watch *watch, enum watch_phase phase, int64_t wait_ms)
{
    watch->phase = phase;
    watch->deadline_ns = wait_ms < 0 ? NEVER : watch_now() + wait_ms * WATCH_NS_PER_MS;
}

/* "standard output", "standard error", or both of them. */
static const char *lanes_in(struct relay *relay, enum lane_state state)
{
    bool out = atomic_load(&relay->lanes[0].state) == (int)state;
    bool err = atomic_load(&relay->lanes[1].state) == (int)state;
    return out && err ? "standard output and error" : out ? "standard output" : "standard error";
}

/* ------------------------------------------------------------------ the time is over */

/* False, and said so, when the command may not be signalled: it goes on without us. */
static bool may_signal(struct watch *watch, int code)
{
    if (code == 0 || code == -ESRCH)
        return true;
    (void)words_say(asked_table.who, "cannot end %s, process %d, which runs on: %s",
                    watch->asked->command[0], (int)watch->outcome->pid, strerror(-code));
    enter(watch, WATCH_OVER, -1);
    return false;
}

static void send_kill(struct watch *watch)
{
    char grace[32];
    int code = brood_child_signal(watch->child, SIGKILL);
    if (!may_signal(watch, code))
        return;
    if (code == 0 && watch->phase == WATCH_ASKED && !watch->asked->quiet)
        (void)words_say(asked_table.who, "%s has not ended within %s of SIGTERM; sent SIGKILL",
                        watch->asked->command[0],
                        words_duration(settle_grace_ms(watch->asked), grace));
    enter(watch, WATCH_KILLED, KILL_WAIT_MS);
}

/* An end that crosses the timeout shows as -ESRCH: then it was the command's own, and the loop
 * sees it. */
static void time_out(struct watch *watch)
{
    char timeout[32];
    int64_t grace = settle_grace_ms(watch->asked);
    int code = brood_child_signal(watch->child, grace > 0 ? SIGTERM : SIGKILL);
    if (code == -ESRCH) {
        enter(watch, WATCH_KILLED, KILL_WAIT_MS);
        return;
    }
    watch->outcome->timed_out = true;
    if (!may_signal(watch, code))
        return;
    if (!watch->asked->quiet)
        (void)words_say(asked_table.who, "%s timed out after %s; sent %s", watch->asked->command[0],
                        words_duration(watch->asked->timeout_ms, timeout),
                        grace > 0 ? "SIGTERM" : "SIGKILL");
    if (grace > 0) {
        (void)brood_child_signal(watch->child, SIGCONT); /* a stopped process obeys only then */
        enter(watch, WATCH_ASKED, grace);
    } else {
        enter(watch, WATCH_KILLED, KILL_WAIT_MS);
    }
}

static void give_up(struct watch *watch)
{
    (void)words_say(asked_table.who,
                    "%s, process %d, has not ended within 10s of SIGKILL: the kernel "
                    "does not let go of it",
                    watch->asked->command[0], (int)watch->outcome->pid);
    enter(watch, WATCH_OVER, -1);
}

/* Without --timeout a slow reader has all the time it wants, as it would have had from the command
 * itself; with it the whole has a bound, and that is the command's or a last second. */
static void stop_draining(struct watch *watch)
{
    relay_stop(watch->relay);
    enter(watch, WATCH_EMPTYING, watch->limit_ns == NEVER ? -1 : LAST_TAKE_MS);
    if (watch->limit_ns != NEVER && watch->limit_ns > watch->deadline_ns)
        watch->deadline_ns = watch->limit_ns;
}

/* Our reader is there and takes nothing. */
static void leave_reader(struct watch *watch)
{
    (void)words_say(asked_table.who, "nobody took all of the %s of %s in time; the rest is lost",
                    lanes_in(watch->relay, LANE_RUNNING), watch->asked->command[0]);
    watch->outcome->output_lost = true;
    enter(watch, WATCH_OVER, -1);
}

static void act_on_deadline(struct watch *watch)
{
    switch (watch->phase) {
    case WATCH_RUNNING:
        time_out(watch);
        break;
    case WATCH_ASKED:
        send_kill(watch);
        break;
    case WATCH_KILLED:
        give_up(watch);
        break;
    case WATCH_DRAINING:
        stop_draining(watch);
        break;
    case WATCH_EMPTYING:
        leave_reader(watch);
        break;
    case WATCH_OVER:
        break;
    }
}

/* ------------------------------------------------------------------ the end */

static void see_end(struct watch *watch)
{
    struct outcome *outcome = watch->outcome;
    /* The pidfd said that it has ended: this only takes the status. */
    if (brood_child_wait(watch->child, KILL_WAIT_MS, &outcome->exit) < 0) {
        give_up(watch);
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &outcome->ended);
    outcome->wall_ns = watch_now() - watch->began_ns;
    outcome->over = true;
    if (outcome->timed_out)
        outcome->exit.cause = BROOD_CAUSE_TIMEOUT;
    if (outcome->exit.kind == BROOD_LOST)
        (void)words_say(asked_table.who,
                        "%s has ended, but how is not known: something else took its "
                        "status",
                        watch->asked->command[0]);
    if (watch->relay)
        enter(watch, WATCH_DRAINING, settle_drain_ms(watch->asked));
    else
        enter(watch, WATCH_OVER, -1);
}

/* What the lanes have to say once they are over, or are left. */
static void sum_up_relay(struct watch *watch)
{
    char drain[32];
    struct relay *relay = watch->relay;
    int held = relay_find(relay, LANE_HELD), failed = relay_find(relay, LANE_FAILED);
    watch->outcome->streams_held =
        held >= 0 || (relay_find(relay, LANE_RUNNING) >= 0 && !watch->outcome->output_lost);
    if (held >= 0 && !watch->asked->quiet)
        (void)words_say(asked_table.who,
                        "another process still holds the %s of %s; closed after %s",
                        lanes_in(relay, LANE_HELD), watch->asked->command[0],
                        words_duration(settle_drain_ms(watch->asked), drain));
    if (failed < 0)
        return;
    watch->outcome->output_lost = true;
    (void)words_say(asked_table.who, "cannot pass on the %s of %s: %s",
                    lanes_in(relay, LANE_FAILED), watch->asked->command[0],
                    strerror(relay->lanes[failed].code));
}

/* ------------------------------------------------------------------ the loop */

/* Has the command ended? Where there is no pidfd to say so, SIGCHLD is what wakes us. */
static bool end_is_there(struct watch *watch, const struct pollfd *pidfd)
{
    if (has_ended(watch))
        return false;
    return pidfd->fd >= 0 ? pidfd->revents != 0 : brood_child_wait(watch->child, 0, NULL) == 0;
}

/* Nobody reads what comes out of the command's terminal: as when the window of one is closed, it is
 * hung up, and the command gets SIGHUP. */
static void hang_up_without_reader(struct watch *watch)
{
    if (!watch->asked->pty || watch->hung_up || relay_find(watch->relay, LANE_READER_GONE) < 0)
        return;
    watch->hung_up = true;
    if (watch->feed)
        feed_done(watch->feed);
    for (uint32_t stream = BROOD_IN; stream <= BROOD_ERR; stream++)
        (void)brood_child_close_stream(watch->child, stream);
}

static void wait_for_event(struct watch *watch, struct pollfd fds[3])
{
    int64_t left = watch->deadline_ns == NEVER ? 0 : watch->deadline_ns - watch_now();
    if (left < 0)
        left = 0;
    struct timespec time = {.tv_sec = left / NS_PER_SEC, .tv_nsec = left % NS_PER_SEC};
    fds[0] = (struct pollfd){.fd = has_ended(watch) ? -1 : brood_child_pidfd(watch->child),
                             .events = POLLIN};
    fds[1] = (struct pollfd){.fd = watch->pass->fd, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = watch->relay ? watch->relay->event_fd : -1, .events = POLLIN};
    if (ppoll(fds, 3, watch->deadline_ns == NEVER ? NULL : &time, NULL) < 0)
        fds[0].revents = fds[1].revents = fds[2].revents = 0;
}

static void step(struct watch *watch)
{
    struct pollfd fds[3];
    wait_for_event(watch, fds);
    bool ended = end_is_there(watch, &fds[0]);
    if (ended)
        see_end(watch);
    if (fds[1].revents && pass_read(watch->pass, has_ended(watch) ? NULL : watch->child))
        enter(watch, WATCH_OVER, -1);
    if (watch->relay && fds[2].revents)
        hang_up_without_reader(watch);
    if (watch->relay && watch->phase != WATCH_OVER && relay_is_over(watch->relay) &&
        has_ended(watch))
        enter(watch, WATCH_OVER, -1);
    if (!ended && watch->deadline_ns != NEVER && watch_now() >= watch->deadline_ns)
        act_on_deadline(watch);
}

void watch_command(const struct asked *asked, struct brood_child *child, struct pass *pass,
                   struct relay *relay, struct feed *feed, int64_t began_ns,
                   struct outcome *outcome)
{
    struct watch watch = {
        .asked = asked,
        .child = child,
        .pass = pass,
        .relay = relay,
        .feed = feed,
        .outcome = outcome,
        .phase = WATCH_RUNNING,
        .began_ns = began_ns,
        .limit_ns = asked->timeout_ms > 0 ? began_ns + asked->timeout_ms * WATCH_NS_PER_MS : NEVER,
    };
    watch.deadline_ns = watch.limit_ns;
    while (watch.phase != WATCH_OVER)
        step(&watch);
    if (relay)
        sum_up_relay(&watch);
}
