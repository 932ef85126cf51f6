/* SPDX-License-Identifier: MIT */
/*
 * The functions that take one option of `brood run` each. Room cli.
 *
 * Invariant: a value that is refused is named, with what to write instead; nothing is half taken.
 */
#include "asked_take.h"
#include "values.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* The library's own bound; a start that needs thirty years needs none. */
#define START_TIMEOUT_MOST_MS INT64_C(1000000000000)

int take_duration(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    int64_t *const places[] = {
        [ASKED_TIMEOUT] = &asked->timeout_ms,
        [ASKED_GRACE] = &asked->grace_ms,
        [ASKED_DRAIN] = &asked->drain_ms,
        [ASKED_START_TIMEOUT] = &asked->start_timeout_ms,
    };
    int code = values_duration(value, places[option->which]);
    if (code == 0 && option->which == ASKED_START_TIMEOUT &&
        *places[option->which] > START_TIMEOUT_MOST_MS)
        code = -ERANGE;
    if (code == -ERANGE)
        return words_say(asked_table.who, "--%s: '%s' is too long; use 0 for no limit",
                         option->name, value);
    if (code < 0)
        return words_say(asked_table.who, "--%s: '%s' is not a duration; use 500ms, 2s, 1m or 1h",
                         option->name, value);
    return 0;
}

int take_text(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    const char **const places[] = {
        [ASKED_CWD] = &asked->cwd,   [ASKED_JSON] = &asked->json,   [ASKED_CGROUP] = &asked->cgroup,
        [ASKED_USER] = &asked->user, [ASKED_GROUP] = &asked->group, [ASKED_GROUPS] = &asked->groups,
    };
    if (value[0] == 0 && option->which != ASKED_GROUPS) /* no groups are a list, too */
        return words_say(asked_table.who, "--%s: the name is empty; give a %s", option->name,
                         option->metavar);
    *places[option->which] = value;
    return 0;
}

int take_flag(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    (void)value;
    bool *const places[] = {
        [ASKED_CLEAR_ENV] = &asked->clear_env,
        [ASKED_NEW_SESSION] = &asked->new_session,
        [ASKED_NO_NEW_PRIVS] = &asked->no_new_privs,
        [ASKED_PTY] = &asked->pty,
        [ASKED_DETACH] = &asked->detach,
        [ASKED_PLAN] = &asked->plan,
        [ASKED_QUIET] = &asked->quiet,
    };
    *places[option->which] = true;
    return 0;
}

int take_env(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    const char *equals = strchr(value, '=');
    if (!equals)
        return words_say(asked_table.who, "--%s: '%s' has no '='; write NAME=VALUE", option->name,
                         value);
    if (equals == value)
        return words_say(asked_table.who, "--%s: '%s' has no name; write NAME=VALUE", option->name,
                         value);
    size_t length = (size_t)(equals - value) + 1, i = 0;
    while (i < asked->set_count && strncmp(asked->set[i], value, length) != 0)
        i++;
    /* The interface takes char *const *, as execve(2) does, and writes to none of them. */
    asked->set[i] = (char *)(uintptr_t)value;
    if (i == asked->set_count)
        asked->set_count++;
    return 0;
}

int take_unset(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    if (value[0] == 0 || strchr(value, '='))
        return words_say(asked_table.who,
                         "--%s: '%s' is not the name of a variable; write NAME alone", option->name,
                         value);
    asked->unset[asked->unset_count++] = (char *)(uintptr_t)value;
    return 0;
}

int take_stream(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    static const char *const others[3] = {"", "stderr", "stdout"};
    static const char *const places[] = {"stdin", "stdout", "stderr"};
    struct asked_stream stream = {.given = true};
    if (value[0] == 0)
        return words_say(asked_table.who, "--%s: the name is empty; give a FILE, null or inherit",
                         option->name);
    if (strcmp(value, "-") == 0)
        return words_say(asked_table.who,
                         "--%s: write inherit for '-', or ./- for a file of that name",
                         option->name);
    if (strcmp(value, "null") == 0) {
        stream.kind = BROOD_NULL;
    } else if (strcmp(value, "inherit") == 0) {
        stream.kind = BROOD_INHERIT;
    } else if (strcmp(value, others[option->which]) == 0) {
        stream.kind = BROOD_MERGE;
    } else {
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            if (strcmp(value, places[i]) == 0)
                return words_say(asked_table.who, "--%s: %s cannot be meant; write ./%s for a file",
                                 option->name, value, value);
        }
        stream.kind = BROOD_FILE;
        stream.path = value;
    }
    asked->streams[option->which] = stream;
    return 0;
}

int take_keep(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    if (strcmp(value, "all") == 0) {
        asked->keep_all = true;
        return 0;
    }
    int64_t number = 0;
    int code = values_number(value, 0, INT_MAX, &number);
    if (code < 0)
        return words_say(asked_table.who, "--%s: '%s' is not a descriptor; use its number, or all",
                         option->name, value);
    if (number <= BROOD_ERR)
        return words_say(asked_table.who,
                         "--%s: %s is a standard stream; --stdin, --stdout and --stderr set those",
                         option->name, value);
    if (fcntl((int)number, F_GETFD) < 0)
        return words_say(asked_table.who,
                         "--%s: descriptor %s is not open; the shell opens it by %s<FILE",
                         option->name, value, value);
    asked->keep[asked->keep_count++] = (int32_t)number;
    return 0;
}

int take_umask(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    uint32_t mask = 0;
    if (values_octal(value, &mask) < 0)
        return words_say(asked_table.who,
                         "--%s: '%s' is not an octal mask; use 0 to 0777, as in 027", option->name,
                         value);
    asked->umask = mask;
    return 0;
}

int take_nice(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    if (values_number(value, -20, 19, &asked->nice) < 0)
        return words_say(asked_table.who, "--%s: '%s' is not a nice value; use -20 to 19",
                         option->name, value);
    return 0;
}

int take_oom(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    if (values_number(value, -1000, 1000, &asked->oom) < 0)
        return words_say(asked_table.who, "--%s: '%s' is not such a value; use -1000 to 1000",
                         option->name, value);
    return 0;
}

int take_affinity(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    int code = values_processors(value, asked->cpus, ASKED_CPU_WORDS);
    if (code == -ERANGE)
        return words_say(asked_table.who, "--%s: '%s' names a processor above %d", option->name,
                         value, ASKED_CPU_WORDS * 64 - 1);
    if (code < 0)
        return words_say(asked_table.who,
                         "--%s: '%s' is not a list of processors; use numbers and ranges, as in "
                         "0-3,8",
                         option->name, value);
    asked->cpu_words = ASKED_CPU_WORDS;
    return 0;
}

int take_signals(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    int code = values_signals(value, &asked->ignore_signals);
    if (code == -EPERM)
        return words_say(asked_table.who,
                         "--%s: '%s' has KILL or STOP in it, which nobody can ignore", option->name,
                         value);
    if (code < 0)
        return words_say(asked_table.who,
                         "--%s: '%s' is not a list of signals; use names, as in "
                         "INT,HUP",
                         option->name, value);
    return 0;
}

int take_limit(void *void_asked, const struct table_option *option, const char *value)
{
    struct asked *asked = void_asked;
    struct brood_rlimit limit;
    const char *why = NULL;
    if (values_limit(value, &limit, &why) < 0)
        return words_say(asked_table.who, "--%s: '%s' is not a limit; %s", option->name, value,
                         why);
    size_t i = 0;
    while (i < asked->limit_count && asked->limits[i].resource != limit.resource)
        i++;
    asked->limits[i] = limit;
    if (i == asked->limit_count)
        asked->limit_count++;
    return 0;
}
