/* SPDX-License-Identifier: MIT */
/*
 * The test harness: everything a test program includes.
 *
 * A test program is a list of TEST(name) { ... } bodies linked with the harness, which brings
 * main(). Each test runs in a process of its own under a runner that is a subreaper, within a time
 * limit, with stdin from /dev/null and its output in a file. A test passes only when its checks
 * held, its body ran to the end, and the leak audit (audit.h) found the process exactly as it was
 * before the body.
 *
 * Invariant: no failure can be lost. Checks count in shared memory, so one that fails in a forked
 * child, in a thread, or with descriptors 0, 1 and 2 closed fails the test like any other.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "audit.h"
#include "lab.h"

#include <stdbool.h>
#include <stddef.h>

/* 1 in a program built with that sanitizer, for what it changes: time, memory, threads. */
#if defined(__has_feature)
#define TEST_HAS_FEATURE(name) __has_feature(name)
#else
#define TEST_HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || TEST_HAS_FEATURE(address_sanitizer)
#define TEST_UNDER_ASAN 1
#else
#define TEST_UNDER_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || TEST_HAS_FEATURE(thread_sanitizer)
#define TEST_UNDER_TSAN 1
#else
#define TEST_UNDER_TSAN 0
#endif

enum { TEST_TIMEOUT_DEFAULT_S = 20 };

/* One registered test; made by TEST, never by hand. */
struct test_case {
    const char *name;
    void (*body)(void);
    unsigned timeout_s; /* 0: TEST_TIMEOUT_DEFAULT_S */
    struct test_case *next;
};

/* TEST(name) { body }: defines and registers a test. A body that makes no check fails. */
#define TEST(name) TEST_TIMEOUT(name, 0)

/* The same with a time limit of its own, in seconds. */
#define TEST_TIMEOUT(name_, seconds_)                                                              \
    static void test_body_##name_(void);                                                           \
    static struct test_case test_case_##name_ = {                                                  \
        .name = #name_, .body = test_body_##name_, .timeout_s = (seconds_)};                       \
    __attribute__((constructor)) static void test_register_##name_(void)                           \
    {                                                                                              \
        test_add(&test_case_##name_);                                                              \
    }                                                                                              \
    static void test_body_##name_(void)

/* The checks. Each but REQUIRE is an expression that says whether it held, and the test goes on.
 * They work in forked children, in threads and in a process that shares memory with the test. */
#define CHECK(condition) test_check((condition) ? true : false, #condition, __FILE__, __LINE__)

/* CHECK with words of the caller's own: CHECK_SAY(n < 5, "limit %d", limit). */
#define CHECK_SAY(condition, ...)                                                                  \
    test_check_say((condition) ? true : false, #condition, __FILE__, __LINE__, __VA_ARGS__)

/* Two integers are equal; shows both when they are not. */
#define CHECK_INT(got, want)                                                                       \
    test_check_int((long long)(got), (long long)(want), #got, #want, __FILE__, __LINE__)

/* Two strings are equal; NULL equals NULL alone. */
#define CHECK_STR(got, want) test_check_str((got), (want), #got, #want, __FILE__, __LINE__)

/* A string contains another. */
#define CHECK_HAS(text, part) test_check_has((text), (part), #text, __FILE__, __LINE__)

/* Two stretches of memory are equal; shows the first byte that differs. */
#define CHECK_MEM(got, want, length)                                                               \
    test_check_mem((got), (want), (length), #got, __FILE__, __LINE__)

/* Waits for a child forked by the test and checks that it ended with this exit code. */
#define CHECK_CHILD(pid, code) test_check_child((pid), (code), __FILE__, __LINE__)

/* Runs `body` in a process of its own, which may become whom it likes, and checks that it came to
 * its end. */
#define IN_CHILD(body) test_in_child((body), __FILE__, __LINE__)

/* Without this the rest makes no sense: a failure ends the calling process (test or forked child).
 */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (condition)                                                                             \
            test_passed();                                                                         \
        else                                                                                       \
            test_require_failed(#condition, __FILE__, __LINE__);                                   \
    } while (0)

/* Fails here, in words, and goes on. */
#define FAIL(...) test_check_say(false, NULL, __FILE__, __LINE__, __VA_ARGS__)

/* Ends the test as skipped; the leak audit still counts. The reason must be in tests/skips.txt. */
#define SKIP(...) test_skip(__VA_ARGS__)

/* A line for the reader of the result, shown whether the test passes or not: figures belong here.
 */
#define NOTE(...) test_note(__VA_ARGS__)

/* Bytes of the heap in use, for tests of no growth; the sanitizer's figure under a sanitizer. */
size_t heap_in_use(void);

/* What the macros call. */
void test_add(struct test_case *test);
void test_passed(void);
bool test_check(bool held, const char *text, const char *file, int line);
bool test_check_say(bool held, const char *text, const char *file, int line, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));
bool test_check_int(long long got, long long want, const char *got_text, const char *want_text,
                    const char *file, int line);
bool test_check_str(const char *got, const char *want, const char *got_text, const char *want_text,
                    const char *file, int line);
bool test_check_has(const char *text, const char *part, const char *text_text, const char *file,
                    int line);
bool test_check_mem(const void *got, const void *want, size_t length, const char *got_text,
                    const char *file, int line);
bool test_check_child(pid_t pid, int code, const char *file, int line);
void test_in_child(void (*body)(void), const char *file, int line);
_Noreturn void test_require_failed(const char *text, const char *file, int line);
_Noreturn void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
