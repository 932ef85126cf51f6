/* SPDX-License-Identifier: MIT */
/*
 * The checks, and the log they write to: shared memory, so that nothing said in a forked child, in
 * a thread, or without descriptors is lost.
 *
 * Invariant: a failure is counted before it is worded, so even a process that is killed in the
 * middle of its words has failed the test.
 */
#include "inside.h"

#undef NDEBUG /* for the declaration of what assert calls */
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_page *test_page;

/* Present only in a program built with a sanitizer, whose heap mallinfo2 does not see. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

enum { LINE_MOST = 1024 };

__attribute__((format(printf, 2, 0))) static void log_line(const char *prefix, const char *format,
                                                           va_list arguments)
{
    char line[LINE_MOST];
    int head = snprintf(line, sizeof line, "%s", prefix);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, arguments);
    size_t length = strlen(line);
    if (body < 0)
        return;
    line[length++] = '\n';
    /* Each writer reserves its own stretch; one that dies in it leaves NULs, never printed. */
    size_t at = atomic_fetch_add(&test_page->log_used, length);
    if (at + length <= PAGE_LOG)
        memcpy(test_page->log + at, line, length);
}

/* Says which process or thread speaks, where it is not the test's own. */
static const char *speaker(char *text, size_t size)
{
    pid_t pid = getpid(), thread = (pid_t)syscall(SYS_gettid);
    text[0] = '\0';
    if (pid != test_page->test_pid)
        (void)snprintf(text, size, "[in forked child %d] ", (int)pid);
    else if (thread != pid)
        (void)snprintf(text, size, "[in thread %d] ", (int)thread);
    return text;
}

__attribute__((format(printf, 1, 2))) static void log_words(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line("", format, arguments);
    va_end(arguments);
}

void page_fail(const char *format, ...)
{
    atomic_fetch_add(&test_page->failures, 1);
    va_list arguments;
    va_start(arguments, format);
    log_line("", format, arguments);
    va_end(arguments);
}

void test_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line("note: ", format, arguments);
    va_end(arguments);
}

void test_passed(void)
{
    atomic_fetch_add(&test_page->checks, 1);
}

__attribute__((format(printf, 3, 4))) static bool failed_at(const char *file, int line,
                                                            const char *format, ...)
{
    char words[LINE_MOST], who[48];
    test_passed();
    atomic_fetch_add(&test_page->failures, 1);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    log_words("%s:%d: %s%s", file, line, speaker(who, sizeof who), words);
    return false;
}

bool test_check(bool held, const char *text, const char *file, int line)
{
    if (!held)
        return failed_at(file, line, "%s", text);
    test_passed();
    return true;
}

bool test_check_say(bool held, const char *text, const char *file, int line, const char *format,
                    ...)
{
    char words[LINE_MOST / 2];
    if (held) {
        test_passed();
        return true;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return failed_at(file, line, "%s%s%s", text ? text : "", text ? ": " : "", words);
}

bool test_check_int(long long got, long long want, const char *got_text, const char *want_text,
                    const char *file, int line)
{
    if (got != want)
        return failed_at(file, line, "%s is %lld, not %lld (%s)", got_text, got, want, want_text);
    test_passed();
    return true;
}

bool test_check_str(const char *got, const char *want, const char *got_text, const char *want_text,
                    const char *file, int line)
{
    if (got == want || (got && want && !strcmp(got, want))) {
        test_passed();
        return true;
    }
    return failed_at(file, line, "%s is \"%.300s\", not \"%.300s\" (%.80s)", got_text,
                     got ? got : "(null)", want ? want : "(null)", want_text);
}

bool test_check_has(const char *text, const char *part, const char *text_text, const char *file,
                    int line)
{
    if (text && part && strstr(text, part)) {
        test_passed();
        return true;
    }
    return failed_at(file, line, "%s has no \"%.300s\" in it: \"%.400s\"", text_text,
                     part ? part : "(null)", text ? text : "(null)");
}

bool test_check_mem(const void *got, const void *want, size_t length, const char *got_text,
                    const char *file, int line)
{
    const unsigned char *is = got, *should = want;
    if (!is || !should)
        return failed_at(file, line, "%s: a NULL pointer", got_text);
    for (size_t i = 0; i < length; i++)
        if (is[i] != should[i])
            return failed_at(file, line, "%s: byte %zu of %zu is %#x, not %#x", got_text, i, length,
                             is[i], should[i]);
    test_passed();
    return true;
}

bool test_check_child(pid_t pid, int code, const char *file, int line)
{
    int status;
    pid_t got;
    do
        got = pid > 0 ? waitpid(pid, &status, 0) : -1;
    while (got < 0 && pid > 0 && errno == EINTR);
    if (got < 0)
        return failed_at(file, line, "no child %d to wait for: %s", (int)pid, strerror(errno));
    if (WIFSIGNALED(status))
        return failed_at(file, line, "child %d ended by signal %d (%s)", (int)pid, WTERMSIG(status),
                         strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != code)
        return failed_at(file, line, "child %d ended with %d, not %d", (int)pid,
                         WEXITSTATUS(status), code);
    test_passed();
    return true;
}

void test_in_child(void (*body)(void), const char *file, int line)
{
    pid_t pid = fork();
    if (pid < 0)
        test_require_failed("fork() >= 0", file, line);
    if (pid == 0) {
        body();
        _exit(0);
    }
    (void)test_check_child(pid, 0, file, line);
}

void test_require_failed(const char *text, const char *file, int line)
{
    failed_at(file, line, "required: %s", text);
    if (getpid() == test_page->test_pid)
        atomic_store(&test_page->state, TEST_GAVE_UP);
    _exit(EXIT_GAVE_UP);
}

void test_skip(const char *format, ...)
{
    va_list arguments;
    if (getpid() != test_page->test_pid) {
        page_fail("SKIP in a forked child: it can only end the test's own process");
        _exit(EXIT_GAVE_UP);
    }
    va_start(arguments, format);
    (void)vsnprintf(test_page->skip_reason, sizeof test_page->skip_reason, format, arguments);
    va_end(arguments);
    for (char *at = test_page->skip_reason; *at; at++)
        if (*at == '\n' || *at == '#')
            *at = ' ';
    test_finish(TEST_SKIPPED);
}

size_t heap_in_use(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
#ifdef __GLIBC__
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
#else
    test_skip("this C library does not tell how much heap is in use");
#endif
}

_Noreturn static void end_by_abort(void)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGABRT);
    (void)signal(SIGABRT, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &only, NULL);
    (void)raise(SIGABRT);
    _exit(128 + SIGABRT);
}

/*
 * libc's own assert and abort, taken over so that one that strikes in a forked child fails the
 * test even if nobody looks at how that child ended. The death stays the same.
 */
#ifdef __GLIBC__
void __assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    failed_at(file, (int)line, "assertion failed in %s: %s", function, text);
    end_by_abort();
}
#endif

void abort(void)
{
    char who[48];
    page_fail("%sabort() was called", speaker(who, sizeof who));
    end_by_abort();
}
