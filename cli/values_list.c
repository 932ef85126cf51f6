/* SPDX-License-Identifier: MIT */
/*
 * The values of options that are lists: processors, signals. Room cli.
 *
 * Invariant: a list is read to its end or refused; an empty one, and an empty word in one, is none.
 */
#include "values.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { WORD_BITS = 64 };

/* Calls `take` for each word between commas. */
static int for_each(const char *text, int (*take)(void *into, const char *word), void *into)
{
    for (const char *at = text;; at++) {
        char word[32];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof word)
            return -EINVAL;
        memcpy(word, at, length);
        word[length] = '\0';
        int code = take(into, word);
        at += length;
        if (code < 0 || *at == '\0')
            return code;
    }
}

/* ------------------------------------------------------------------ processors */

struct cpu_set {
    uint64_t *words;
    int64_t most;
};

/* "8" or "0-3". */
static int take_range(void *into, const char *word)
{
    const struct cpu_set *set = into;
    char from_text[32];
    size_t length = strcspn(word, "-");
    if (strchr(word, '+'))
        return -EINVAL;
    memcpy(from_text, word, length);
    from_text[length] = '\0';
    int64_t from = 0, to = 0;
    int code = values_number(from_text, 0, set->most, &from);
    if (code == 0 && word[length] == '-')
        code = values_number(word + length + 1, 0, set->most, &to);
    else
        to = from;
    if (code == 0 && to < from)
        code = -EINVAL;
    for (int64_t cpu = from; code == 0 && cpu <= to; cpu++)
        set->words[cpu / WORD_BITS] |= UINT64_C(1) << (cpu % WORD_BITS);
    return code;
}

int values_processors(const char *text, uint64_t *cpus, size_t words)
{
    memset(cpus, 0, words * sizeof *cpus);
    struct cpu_set set = {.words = cpus, .most = (int64_t)words * WORD_BITS - 1};
    return for_each(text, take_range, &set);
}

/* ------------------------------------------------------------------ signals */

/* The number of a signal: "INT", "SIGINT", "2", "RTMIN+3"; 0 for none. */
static int signal_of(const char *word)
{
    static const char prefix[] = "SIG";
    const size_t skip = sizeof prefix - 1;
    int64_t number = 0;
    /* Those without a name are the C library's own. */
    if (word[0] != '+' && values_number(word, 1, SIGRTMAX, &number) == 0)
        return brood_signal_name((int)number) ? (int)number : 0;
    if (strncmp(word, prefix, skip) == 0)
        word += skip;
    for (int at = 1; at <= SIGRTMAX; at++) {
        const char *name = brood_signal_name(at);
        if (name && strcmp(name + skip, word) == 0)
            return at;
    }
    return 0;
}

static int take_signal(void *into, const char *word)
{
    uint64_t *set = into;
    int number = signal_of(word);
    if (number == 0)
        return -EINVAL;
    if (number == SIGKILL || number == SIGSTOP)
        return -EPERM;
    *set |= UINT64_C(1) << (number - 1);
    return 0;
}

int values_signals(const char *text, uint64_t *ret)
{
    uint64_t set = 0;
    int code = for_each(text, take_signal, &set);
    if (code == 0)
        *ret = set;
    return code;
}
