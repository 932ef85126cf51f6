/* SPDX-License-Identifier: MIT */
/*
 * The other words: signals, exits, the version.
 *
 * Invariant: names of signals are compared with the C library's own, number by number.
 */
#include "starting.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>

TEST(names_of_signals)
{
    unsigned named = 0;
    for (int number = 1; number < 32; number++) {
#ifdef __GLIBC__
        const char *own = number == SIGIO ? "IO" : sigabbrev_np(number); /* or SIGPOLL */
        CHECK_STR(brood_signal_name(number), own ? say("SIG%s", own) : NULL);
#else
        const char *own = brood_signal_name(number); /* this C library has no names to compare */
#endif
        named += own != NULL;
    }
    CHECK_INT(named, 31);
}

TEST(names_of_real_time_signals)
{
    CHECK_STR(brood_signal_name(SIGRTMIN), "SIGRTMIN");
    for (int above = 1; above <= SIGRTMAX - SIGRTMIN; above++)
        CHECK_STR(brood_signal_name(SIGRTMIN + above), say("SIGRTMIN+%d", above));
}

TEST(numbers_that_are_no_signals)
{
    static const int numbers[] = {0, -1, 65, 1000, INT_MAX, INT_MIN, -64};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_STR(brood_signal_name(numbers[i]), NULL);
    CHECK_STR(brood_signal_name(SIGRTMIN - 1), NULL); /* the C library's own */
}

static const struct {
    struct brood_exit exit;
    int code;
    const char *words;
} exits[] = {
    {{.kind = BROOD_EXITED}, 0, "exited with 0"},
    {{.kind = BROOD_EXITED, .code = 255}, 255, "exited with 255"},
    {{.kind = BROOD_EXITED, .code = 3, .cause = BROOD_CAUSE_ASKED}, 3, "exited with 3 (asked to)"},
    {{.kind = BROOD_SIGNALLED, .code = SIGKILL, .cause = BROOD_CAUSE_TIMEOUT},
     137,
     "killed by SIGKILL (timed out)"},
    {{.kind = BROOD_SIGNALLED, .code = SIGSEGV, .flags = BROOD_EXIT_CORE},
     139,
     "killed by SIGSEGV, core dumped"},
    {{.kind = BROOD_SIGNALLED, .code = 33}, 161, "killed by signal 33"},
    {{.kind = BROOD_SIGNALLED,
      .code = SIGTERM,
      .cause = BROOD_CAUSE_OUTPUT_LIMIT,
      .flags = BROOD_EXIT_STREAMS_HELD},
     143,
     "killed by SIGTERM (output limit); another process holds its output open"},
    {{.kind = BROOD_LOST, .code = -1}, -1, "ended, but its status was taken by something else"},
};

TEST(exits_in_words)
{
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
        char text[128];
        CHECK(brood_exit_text(&exits[i].exit, text, sizeof text) == text);
        CHECK_STR(text, exits[i].words);
        CHECK_INT(brood_exit_code(&exits[i].exit), exits[i].code);
    }
}

TEST(exits_never_leave_their_buffer)
{
    const char *words_of_it = exits[6].words;
    for (size_t size = 0; size <= strlen(words_of_it) + 1; size++) {
        char text[128];
        memset(text, '#', sizeof text);
        CHECK(brood_exit_text(&exits[6].exit, text, size) == text);
        CHECK_INT(text[size], '#');
        if (size > 0)
            CHECK_MEM(text, say("%.*s", (int)size - 1, words_of_it), size);
    }
}

/* Three numbers, such as 0.1.0. */
TEST(version)
{
    int major = -1, minor = -1, patch = -1;
    char rest = '\0';
    CHECK_INT(sscanf(brood_version(), "%d.%d.%d%c", &major, &minor, &patch, &rest), 3);
    CHECK_STR(brood_version(), say("%d.%d.%d", major, minor, patch));
}
