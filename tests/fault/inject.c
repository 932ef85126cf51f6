/* SPDX-License-Identifier: MIT */
/*
 * The supervisor of the injection; see inject.h.
 *
 * One thread serves all tasks of the run: each trapped call waits in the kernel until it is
 * answered here, so counting needs no lock, and the order of the trace is the order of the calls.
 *
 * Invariant: whatever happens to a task while its call is looked at, the answer goes to that call
 * or to nobody (the id of a notification is never used twice).
 */
#include "inject.h"
#include "filter.h"
#include "tasks.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 512, DENIALS = 8 };

/* Not in the headers of Debian 12. */
#define NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define NOTIF_SYNC_WAKE_UP 1UL

struct denial {
    int number, code;
    uint64_t flag;
};

struct inject {
    int listener_fd, target_fd;
    pid_t target;
    inject_codes *codes;
    struct seccomp_notif_sizes sizes;
    struct seccomp_notif *request;
    struct seccomp_notif_resp *answer;
    uint64_t ready_id; /* the READY mark that awaits inject_go(), 0: none */
    bool armed, spent;
    struct inject_order order;
    struct inject_call hit;
    struct tasks tasks;
    struct denial denials[DENIALS];
    size_t denial_count, trace_count;
    unsigned refused;
    unsigned kth[INJECT_ROLES][NUMBERS], nth[INJECT_ROLES], step[INJECT_ROLES];
    struct inject_call trace[INJECT_TRACE];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As a rule only one of the two runs at a time, so a task goes on fastest on the supervisor's own
 * processor. Only speed; before Linux 6.6 there is no choice. */
static void set_wake_up(const struct inject *inject, unsigned long flags)
{
    (void)ioctl(inject->listener_fd, NOTIF_SET_FLAGS, flags);
}

/* ENOENT: the task was killed meanwhile; nobody waits for this answer any more. */
static void respond(struct inject *inject, uint64_t id, int code, bool go_on)
{
    memset(inject->answer, 0, inject->sizes.seccomp_notif_resp);
    inject->answer->id = id;
    inject->answer->error = -code;
    inject->answer->flags = go_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    if (ioctl(inject->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, inject->answer) < 0 && errno != ENOENT)
        perror("inject: answering a call");
}

/* SIGKILL through a pidfd that is known to be of the task which makes this call: the id is valid
 * only while that task waits in it. */
static bool kill_task(struct inject *inject, uint64_t id, pid_t pid, const struct inject_order *how)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return false;
    bool alive = ioctl(inject->listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
    if (alive && how->action == INJECT_KILL_DURING) {
        set_wake_up(inject, 0); /* the race is between two processors */
        respond(inject, id, 0, true);
        /* A sleep, not a loop: the task may need this very processor to go on. */
        struct timespec pause = {.tv_nsec = (long)how->delay_us * 1000};
        if (how->delay_us > 0)
            nanosleep(&pause, NULL);
        set_wake_up(inject, NOTIF_SYNC_WAKE_UP);
    }
    if (alive)
        alive = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
    close(fd);
    return alive;
}

/* kill(2) of everything, of the caller's group, or of a group that the run has not made. */
static bool is_refused(const struct inject *inject, const struct seccomp_data *data)
{
    if (data->nr != __NR_kill)
        return false;
    pid_t pid = (pid_t)data->args[0];
    return pid <= 0 && (pid >= -1 || !tasks_made(&inject->tasks, -pid));
}

static int denied_code(const struct inject *inject, pid_t pid, const struct seccomp_data *data)
{
    for (size_t i = 0; i < inject->denial_count; i++) {
        const struct denial *denial = &inject->denials[i];
        if (denial->number != data->nr)
            continue;
        uint64_t flags = data->args[0];
        if (denial->flag != 0 && data->nr == __NR_clone3)
            flags = tasks_clone3_flags(pid, data->args[0]);
        if (denial->flag == 0 || (flags & denial->flag))
            return denial->code;
    }
    return 0;
}

/* Counts a call and says where it stands. */
static void place(struct inject *inject, struct inject_call *call)
{
    size_t slot = call->number >= 0 && call->number < NUMBERS ? (size_t)call->number : NUMBERS - 1;
    call->kth = ++inject->kth[call->role][slot];
    call->step = ++inject->step[call->role];
    if (inject->codes(call, 0) >= 0)
        call->nth = ++inject->nth[call->role];
}

static bool is_meant(const struct inject *inject, const struct inject_call *call)
{
    const struct inject_order *order = &inject->order;
    if (order->action == INJECT_NOTHING || order->role != call->role)
        return false;
    if (inject->hit.kth > 0)
        return order->sticky && call->number == inject->hit.number && call->nth > 0;
    if (order->number != INJECT_ANY)
        return order->number == call->number && order->which == call->kth;
    return order->which == (order->action == INJECT_ERRNO ? call->nth : call->step);
}

/* The call is let go on, or is to seem so. */
static bool strike_softly(struct inject *inject, uint64_t id, struct inject_call *call)
{
    if (inject->order.action == INJECT_LIE) {
        respond(inject, id, 0, false);
        call->fate = INJECT_LIED;
        return true;
    }
    if (!tasks_end_maker(&inject->tasks, call->pid))
        return false;
    respond(inject, id, 0, true);
    call->fate = INJECT_ORPHANED;
    return true;
}

/* Carries the order out on a call that it means. Returns whether the call has been dealt with. */
static bool strike(struct inject *inject, uint64_t id, struct inject_call *call)
{
    const struct inject_order *order = &inject->order;
    if (order->action == INJECT_HOLD) {
        call->fate = INJECT_HELD;
        return true;
    }
    if (order->action == INJECT_LIE || order->action == INJECT_ORPHAN)
        return strike_softly(inject, id, call);
    if (order->action != INJECT_ERRNO) {
        if (!kill_task(inject, id, call->pid, order))
            return false;
        call->fate = INJECT_KILLED;
        return true;
    }
    int code = order->code != 0 ? order->code : inject->codes(call, order->choice);
    if (code <= 0) {
        inject->spent = true;
        return false;
    }
    call->fate = INJECT_FAILED;
    call->code = code;
    respond(inject, id, code, false);
    return true;
}

static void note(struct inject *inject, const struct inject_call *call)
{
    if (inject->trace_count < INJECT_TRACE)
        inject->trace[inject->trace_count++] = *call;
}

/* A call of the armed stretch. Returns whether it has been answered, or its task killed. */
static bool armed_call(struct inject *inject)
{
    const struct seccomp_data *data = &inject->request->data;
    struct task *task = tasks_find(&inject->tasks, (pid_t)inject->request->pid);
    struct inject_call call = {.role = task != NULL ? task->role : INJECT_PROGRAM,
                               .number = data->nr,
                               .pid = (pid_t)inject->request->pid};
    memcpy(call.args, data->args, sizeof call.args);
    if (data->nr == __NR_openat)
        tasks_text(call.pid, data->args[1], call.path, sizeof call.path);
    place(inject, &call);
    bool done = false;
    if (is_meant(inject, &call)) {
        done = strike(inject, inject->request->id, &call);
        if (done && inject->hit.kth == 0)
            inject->hit = call;
    }
    bool made = !done || call.fate == INJECT_ORPHANED;
    if (made && (data->nr == __NR_execve || data->nr == __NR_execveat) && task != NULL)
        task->exec_tried = true;
    note(inject, &call);
    return done;
}

static void arm(struct inject *inject, pid_t caller)
{
    tasks_arm(&inject->tasks, caller);
    memset(inject->kth, 0, sizeof inject->kth);
    memset(inject->nth, 0, sizeof inject->nth);
    memset(inject->step, 0, sizeof inject->step);
    memset(&inject->hit, 0, sizeof inject->hit);
    inject->trace_count = 0;
    inject->spent = false;
    inject->armed = true;
}

/* Serves one notification. Returns an event for the user, or 0. */
static int serve(struct inject *inject)
{
    memset(inject->request, 0, inject->sizes.seccomp_notif);
    if (ioctl(inject->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, inject->request) < 0)
        return errno == ENOENT || errno == EINTR ? 0 : INJECT_EVENT_BROKEN;
    const struct seccomp_data *data = &inject->request->data;
    uint64_t id = inject->request->id;
    pid_t pid = (pid_t)inject->request->pid;

    if (data->nr == __NR_prctl && data->args[0] == FILTER_MARK) {
        if (data->args[1] == INJECT_READY) {
            inject->ready_id = id;
            return INJECT_EVENT_READY;
        }
        if (data->args[1] == INJECT_ARM)
            arm(inject, pid);
        else
            inject->armed = false;
        respond(inject, id, 0, false);
        return 0;
    }
    bool refused = is_refused(inject, data);
    inject->refused += refused;
    int code = refused ? EPERM : denied_code(inject, pid, data);
    if (code != 0)
        respond(inject, id, code, false);
    else if (!inject->armed || !armed_call(inject))
        respond(inject, id, 0, true);
    return 0;
}

int inject_wait(struct inject *inject, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        struct pollfd wanted[2] = {{.fd = inject->listener_fd, .events = POLLIN},
                                   {.fd = inject->target_fd, .events = POLLIN}};
        int64_t left = deadline - now_ms();
        int ready = poll(wanted, 2, left > 0 ? (int)left : 0);
        if (ready < 0 && errno != EINTR)
            return INJECT_EVENT_BROKEN;
        if (ready == 0)
            return INJECT_EVENT_TIMEOUT;
        if (ready < 0)
            continue;
        /* Calls first: a dead target's descendants must not wait for an answer. */
        if (wanted[0].revents & POLLIN) {
            int event = serve(inject);
            if (event != 0)
                return event;
        } else if (wanted[1].revents != 0 || wanted[0].revents & POLLHUP) {
            return INJECT_EVENT_GONE;
        }
    }
}

void inject_go(struct inject *inject)
{
    if (inject->ready_id != 0)
        respond(inject, inject->ready_id, 0, false);
    inject->ready_id = 0;
}

static _Noreturn void be_target(int socket_fd, int (*body)(void *), void *user)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (filter_enter(socket_fd) < 0)
        _exit(124);
    int status = body(user);
    fflush(NULL);
    _exit(status);
}

/* The half of inject_new() that needs a socket pair. */
static int launch(struct inject *inject, int (*body)(void *), void *user)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    fflush(NULL);
    inject->target = fork();
    if (inject->target == 0) {
        close(ends[0]);
        be_target(ends[1], body, user);
    }
    int result = inject->target < 0 ? -errno : 0;
    close(ends[1]);
    if (result == 0) {
        result = inject->listener_fd = filter_receive(ends[0]);
        inject->target_fd = (int)syscall(SYS_pidfd_open, inject->target, 0);
        set_wake_up(inject, NOTIF_SYNC_WAKE_UP);
    }
    close(ends[0]);
    return result < 0 ? result : inject->target_fd < 0 ? -EMFILE : 0;
}

struct inject *inject_new(int (*body)(void *user), void *user, inject_codes *codes)
{
    struct inject *inject = calloc(1, sizeof *inject);
    if (inject == NULL)
        return NULL;
    inject->listener_fd = inject->target_fd = -1;
    inject->codes = codes;
    int result = 0;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &inject->sizes) < 0)
        result = -errno;
    inject->request = calloc(1, inject->sizes.seccomp_notif + sizeof *inject->request);
    inject->answer = calloc(1, inject->sizes.seccomp_notif_resp + sizeof *inject->answer);
    if (result == 0 && (inject->request == NULL || inject->answer == NULL))
        result = -ENOMEM;
    if (result == 0)
        result = launch(inject, body, user);
    if (result == 0)
        return inject;
    inject_free(inject);
    errno = -result;
    return NULL;
}

/* Kills and reaps every child; those of the killed become ours and are found in the next round.
 * All are our own unreaped children, so no number can be a stranger's. */
static unsigned sweep(pid_t target)
{
    unsigned others = 0;
    for (;;) {
        char text[4096] = "";
        FILE *list = fopen("/proc/thread-self/children", "re");
        if (list != NULL) {
            if (fgets(text, sizeof text, list) == NULL)
                text[0] = 0;
            fclose(list);
        }
        char *at = text;
        for (long pid = strtol(at, &at, 10); pid > 0; pid = strtol(at, &at, 10)) {
            others += pid != target;
            kill((pid_t)pid, SIGKILL);
            waitpid((pid_t)pid, NULL, 0);
        }
        if (text[0] == 0)
            return others;
    }
}

unsigned inject_free(struct inject *inject)
{
    if (inject == NULL)
        return 0;
    unsigned others = 0;
    /* While the listener is open the killed can only die: closing it first would let trapped calls
     * go on with ENOSYS. */
    if (inject->target > 0)
        others = sweep(inject->target);
    if (inject->listener_fd >= 0)
        close(inject->listener_fd);
    if (inject->target_fd >= 0)
        close(inject->target_fd);
    free(inject->request);
    free(inject->answer);
    free(inject);
    return others;
}

int inject_deny(struct inject *inject, int number, uint64_t flag, int code)
{
    if (inject->denial_count == DENIALS)
        return -ENOSPC;
    inject->denials[inject->denial_count++] =
        (struct denial){.number = number, .flag = flag, .code = code};
    return 0;
}

void inject_has_middle(struct inject *inject)
{
    inject->tasks.has_middle = true;
}

void inject_set(struct inject *inject, const struct inject_order *order)
{
    inject->order = *order;
    memset(&inject->hit, 0, sizeof inject->hit);
    inject->spent = false;
    inject->trace_count = 0;
}

pid_t inject_target(const struct inject *inject)
{
    return inject->target;
}

const struct inject_call *inject_hit(const struct inject *inject)
{
    return inject->hit.kth > 0 ? &inject->hit : NULL;
}

bool inject_spent(const struct inject *inject)
{
    return inject->spent;
}

unsigned inject_refused(const struct inject *inject)
{
    return inject->refused;
}

const struct inject_call *inject_trace(const struct inject *inject, size_t *count)
{
    *count = inject->trace_count;
    return inject->trace;
}
