/* SPDX-License-Identifier: MIT */
/*
 * What the tests of one owned child share; see kit.h.
 */
#include "kit.h"

#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------ starting */

struct brood_child *kit_start(const struct brood_options *options, const char *file, int line)
{
    struct brood_child *child = NULL;
    struct brood_error error;
    char text[600];
    int result = brood_start(options, &child, &error);
    if (result < 0) {
        (void)test_check_say(false, "START", file, line, "%s",
                             brood_error_text(&error, text, sizeof text));
        test_require_failed("the start succeeds", file, line);
    }
    return child;
}

void kit_run(const struct brood_options *options, struct brood_result *ret, const char *file,
             int line)
{
    struct brood_error error;
    char text[600];
    int result = brood_run(options, ret, &error);
    if (result < 0) {
        (void)test_check_say(false, "RUN", file, line, "%s",
                             brood_error_text(&error, text, sizeof text));
        test_require_failed("the run succeeds", file, line);
    }
}

pid_t kit_ready(const struct brood_child *child, const char *file, int line)
{
    char text[64];
    ssize_t length =
        lab_read_line(brood_child_stream(child, BROOD_OUT), text, sizeof text, KIT_BOUND_MS);
    if (!test_check_say(length >= 5 && !strncmp(text, "ready", 5), "READY", file, line,
                        "the child says it is ready (%zd)", length))
        test_require_failed("the child is ready", file, line);
    return length > 6 ? (pid_t)atoi(text + 6) : 0;
}

struct brood_exit kit_end_of(struct brood_child *child, const char *file, int line)
{
    struct brood_exit end = {.kind = 0};
    int result = brood_child_wait(child, KIT_BOUND_MS, &end);
    (void)test_check_say(result == 0, "END_OF", file, line, "the child ends (%d)", result);
    return end;
}

bool kit_check_end(struct brood_exit end, uint32_t kind, int code, const char *file, int line)
{
    char text[160];
    return test_check_say(end.kind == kind && end.code == code, "end", file, line,
                          "kind %u code %d wanted; %s", (unsigned)kind, code,
                          brood_exit_text(&end, text, sizeof text));
}

bool kit_check_stolen(struct brood_exit end, uint32_t kind, int code, const char *file, int line)
{
    if (!kit_keeps_statuses() && end.kind == BROOD_LOST)
        return test_check_int(end.code, -1, "code of a lost status", "-1", file, line);
    return kit_check_end(end, kind, code, file, line);
}

/* ------------------------------------------------------------------ the surroundings */

char kit_target[PATH_MAX], kit_odd[PATH_MAX];

/* Before main: later a thread could read what another one writes, or /proc be hidden. */
__attribute__((constructor)) static void find_programs(void)
{
    (void)lab_built_program(kit_target, sizeof kit_target, "harness/target");
    (void)lab_built_program(kit_odd, sizeof kit_odd, "one/odd");
}

const char *kit_copy_program(char *path, size_t size, const char *from, mode_t mode)
{
    const char *slash = strrchr(from, '/');
    (void)lab_path(path, size, slash ? slash + 1 : from);
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int copy = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    struct stat status;
    REQUIRE(source >= 0 && copy >= 0 && fstat(source, &status) == 0);
    while (status.st_size > 0) {
        ssize_t moved = sendfile(copy, source, NULL, (size_t)status.st_size);
        REQUIRE(moved > 0);
        status.st_size -= moved;
    }
    REQUIRE(fchmod(copy, mode) == 0 && chmod(lab_directory(), 0755) == 0);
    (void)close(source);
    (void)close(copy);
    return path;
}

bool kit_keeps_statuses(void)
{
    if (facts_only_fork())
        return false; /* it is the pidfd that they are kept for */
    struct utsname name;
    int major = 0, minor = 0;
    if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
        return false;
    if (major < 6 || (major == 6 && minor < 15))
        return false;
    /* A filter or an emulator may lack what the kernel has. */
    enum { INFO_WORDS = 16 };
    uint32_t info[INFO_WORDS] = {0};
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    bool keeps = pidfd >= 0 && ioctl(pidfd, _IOWR(0xff, 11, uint32_t[INFO_WORDS]), info) == 0;
    if (pidfd >= 0)
        (void)close(pidfd);
    return keeps;
}

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

bool kit_in_state(pid_t pid, const char *states)
{
    int64_t deadline = lab_now_ms() + KIT_BOUND_MS;
    for (;;) {
        char state = lab_process_state(pid);
        if (state == 't')
            state = 'T'; /* stopped under a tracer */
        if (state && strchr(states, state))
            return true;
        if (lab_now_ms() >= deadline)
            return false;
        pause_ms(1); /* /proc has no event */
    }
}

bool kit_is_admin(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective >> CAP_SYS_ADMIN & 1);
}

uid_t kit_plain_user(void)
{
    enum { FIRST_USER = 100000 };
    return FIRST_USER + (uid_t)getpid();
}

void kit_refuse_call(int number, int code)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0);
}

uint64_t kit_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------ attempts */

static void *attempt(void *argument)
{
    struct kit_attempt *attempt = argument;
    int64_t before = lab_now_ms();
    attempt->result = brood_start(attempt->options, &attempt->child, &attempt->error);
    attempt->took_ms = lab_now_ms() - before;
    return NULL;
}

void kit_attempt_begin(struct kit_attempt *given, const struct brood_options *options)
{
    *given = (struct kit_attempt){.options = options};
    REQUIRE(pthread_create(&given->thread, NULL, attempt, given) == 0);
}

void kit_attempt_end(struct kit_attempt *given)
{
    CHECK_INT(pthread_join(given->thread, NULL), 0);
}

/* ------------------------------------------------------------------ stalls */

void kit_stall_open(struct kit_stall *stall)
{
    stall->event_fd = -1;
    stall->group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
    if (stall->group < 0)
        SKIP("fanotify permission events need CAP_SYS_ADMIN");
    kit_copy_program(stall->program, sizeof stall->program, kit_target, 0755);
    REQUIRE(fanotify_mark(stall->group, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD,
                          stall->program) == 0);
}

pid_t kit_stall_wait(struct kit_stall *stall, int timeout_ms)
{
    struct pollfd wait = {.fd = stall->group, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) <= 0)
        return -ETIMEDOUT;
    struct fanotify_event_metadata event;
    if (read(stall->group, &event, sizeof event) < (ssize_t)sizeof event)
        return -errno;
    stall->event_fd = event.fd;
    return event.pid;
}

void kit_stall_let_go(struct kit_stall *stall)
{
    struct fanotify_response answer = {.fd = stall->event_fd, .response = FAN_ALLOW};
    /* ENOENT when the process that waited has been killed. */
    ssize_t put = write(stall->group, &answer, sizeof answer);
    CHECK(put == (ssize_t)sizeof answer || errno == ENOENT);
    (void)close(stall->event_fd);
    stall->event_fd = -1;
}

void kit_stall_close(struct kit_stall *stall)
{
    if (stall->event_fd >= 0)
        kit_stall_let_go(stall);
    (void)close(stall->group);
}
