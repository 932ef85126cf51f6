/* SPDX-License-Identifier: MIT */
/*
 * The values of options: durations, numbers, limits. Room cli.
 *
 * Invariant: a word is read to its end or refused; no value wraps around, none depends on the
 * locale.
 */
#include "values.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits; *text moves past them. -EINVAL without any, -ERANGE past `most`. */
static int read_digits(const char **text, uint64_t most, uint64_t *ret)
{
    if (!is_digit(**text))
        return -EINVAL;
    uint64_t value = 0;
    bool over = false;
    for (; is_digit(**text); (*text)++) {
        uint64_t digit = (uint64_t)(**text - '0');
        over = over || value > (most - digit) / 10;
        value = over ? 0 : value * 10 + digit;
    }
    if (over)
        return -ERANGE;
    *ret = value;
    return 0;
}

/* Half of what nanoseconds in 63 bits can say, so that it can be added to any clock. */
#define DURATION_MOST_MS (INT64_MAX / 2000000)

static int64_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"", 1000}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ms;
    }
    return 0;
}

/* The digits after the point, in nanounits; further ones only round up. */
static uint64_t read_fraction(const char **text)
{
    uint64_t value = 0, place = 100000000, rest = 0;
    for (; is_digit(**text); (*text)++) {
        uint64_t digit = (uint64_t)(**text - '0');
        value += digit * place;
        if (place == 0 && digit > 0)
            rest = 1;
        place /= 10;
    }
    return value + rest;
}

int values_duration(const char *text, int64_t *ret_ms)
{
    uint64_t whole = 0, fraction = 0;
    int code = read_digits(&text, DURATION_MOST_MS, &whole);
    if (code == -EINVAL)
        return code;
    if (*text == '.') {
        text++;
        if (!is_digit(*text))
            return -EINVAL;
        fraction = read_fraction(&text);
    }
    int64_t unit = unit_ms(text);
    if (unit == 0)
        return -EINVAL;
    if (code < 0 || whole > (uint64_t)(DURATION_MOST_MS / unit) - 1)
        return -ERANGE;
    uint64_t part = (fraction * (uint64_t)unit + 999999999) / 1000000000;
    *ret_ms = (int64_t)(whole * (uint64_t)unit + part);
    return 0;
}

int values_number(const char *text, int64_t least, int64_t most, int64_t *ret)
{
    bool minus = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    uint64_t size = 0;
    int code = read_digits(&text, INT64_MAX, &size);
    if (code == -EINVAL || *text != 0)
        return -EINVAL;
    int64_t value = minus ? -(int64_t)size : (int64_t)size;
    if (code < 0 || value < least || value > most)
        return -ERANGE;
    *ret = value;
    return 0;
}

int values_octal(const char *text, uint32_t *ret)
{
    uint32_t value = 0;
    size_t digits = strspn(text, "01234567");
    if (digits == 0 || text[digits] != 0)
        return -EINVAL;
    for (; *text; text++) {
        value = value * 8 + (uint32_t)(*text - '0');
        if (value > 0777)
            return -ERANGE;
    }
    *ret = value;
    return 0;
}

/* The limits of setrlimit(2); those that count bytes may be given with a suffix. */
static const struct limit_name {
    const char *name;
    uint32_t resource;
    bool bytes;
} limit_names[] = {
    {"as", RLIMIT_AS, true},
    {"core", RLIMIT_CORE, true},
    {"cpu", RLIMIT_CPU, false},
    {"data", RLIMIT_DATA, true},
    {"fsize", RLIMIT_FSIZE, true},
    {"locks", RLIMIT_LOCKS, false},
    {"memlock", RLIMIT_MEMLOCK, true},
    {"msgqueue", RLIMIT_MSGQUEUE, true},
    {"nice", RLIMIT_NICE, false},
    {"nofile", RLIMIT_NOFILE, false},
    {"nproc", RLIMIT_NPROC, false},
    {"rss", RLIMIT_RSS, true},
    {"rtprio", RLIMIT_RTPRIO, false},
    {"rttime", RLIMIT_RTTIME, false},
    {"sigpending", RLIMIT_SIGPENDING, false},
    {"stack", RLIMIT_STACK, true},
};

static const struct limit_name *find_limit(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof limit_names / sizeof limit_names[0]; i++) {
        if (strlen(limit_names[i].name) == length && memcmp(limit_names[i].name, name, length) == 0)
            return &limit_names[i];
    }
    return NULL;
}

const char *values_limit_name(size_t index)
{
    return index < sizeof limit_names / sizeof limit_names[0] ? limit_names[index].name : NULL;
}

/* One value of a limit; *text moves past it. UINT64_MAX means unlimited, so it is too large. */
static int read_amount(const char **text, bool bytes, uint64_t *ret)
{
    static const char unlimited[] = "unlimited", suffixes[] = "KMGT";
    if (strncmp(*text, unlimited, sizeof unlimited - 1) == 0) {
        *text += sizeof unlimited - 1;
        *ret = UINT64_MAX;
        return 0;
    }
    uint64_t value = 0;
    int code = read_digits(text, UINT64_MAX - 1, &value);
    if (code < 0)
        return code;
    const char *suffix = bytes && **text ? strchr(suffixes, **text) : NULL;
    if (suffix) {
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (value > (UINT64_MAX - 1) >> shift)
            return -ERANGE;
        value <<= shift;
        (*text)++;
    }
    *ret = value;
    return 0;
}

int values_limit(const char *text, struct brood_rlimit *ret, const char **ret_why)
{
    size_t length = strcspn(text, "=");
    *ret_why = "write NAME=SOFT or NAME=SOFT:HARD, as in nofile=64:128";
    if (text[length] == 0)
        return -EINVAL;
    const struct limit_name *name = find_limit(text, length);
    if (!name) {
        *ret_why = "there are as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, "
                   "nproc, rss, rtprio, rttime, sigpending and stack";
        return -EINVAL;
    }

    *ret_why = name->bytes
                   ? "a value is a number of bytes, which may end in K, M, G or T, or unlimited"
                   : "a value is a number, or unlimited";
    struct brood_rlimit limit = {.resource = name->resource};
    const char *at = text + length + 1;
    int code = read_amount(&at, name->bytes, &limit.soft);
    limit.hard = limit.soft;
    if (code == 0 && *at == ':') {
        at++;
        code = read_amount(&at, name->bytes, &limit.hard);
    }
    if (code == -ERANGE)
        *ret_why = "that is more than a limit can say; unlimited is a value too";
    if (code < 0)
        return code;
    if (*at != 0)
        return -EINVAL;
    if (limit.soft > limit.hard) {
        *ret_why = "the soft limit is above the hard one";
        return -EINVAL;
    }
    *ret = limit;
    return 0;
}
