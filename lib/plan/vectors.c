/* SPDX-License-Identifier: MIT */
/*
 * Copies the strings that the new program gets.
 *
 * Room plan. The caller's environment may be changed by another thread at any moment; what is
 * handed to exec is this copy. Invariant: in the result every name stands once for what was set,
 * and `environ` is not touched.
 */
#include "vectors.h"

#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "../os/os.h"

static const char shell[] = "/bin/sh";

static size_t count_words(char *const *words)
{
    size_t count = 0;
    while (words && words[count])
        count++;
    return count;
}

static char *copy_word(struct bd_arena *arena, const char *word)
{
    return bd_arena_copy(arena, word, strlen(word));
}

/* ------------------------------------------------------------------ environment */

/* A name that the options set or take out, in the order of a search. Of those set, `order` counts
 * from 1: the last one of a name wins. */
struct named {
    const char *text; /* "NAME" or "NAME=VALUE" */
    size_t order;
};

static int compare_names(const char *left, const char *right)
{
    size_t left_length = strcspn(left, "="), right_length = strcspn(right, "=");
    size_t shorter = left_length < right_length ? left_length : right_length;
    int result = memcmp(left, right, shorter);
    return result ? result : (left_length > right_length) - (left_length < right_length);
}

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int result = compare_names(a->text, b->text);
    return result ? result : (a->order > b->order) - (a->order < b->order);
}

/* The last of that name, or NULL. */
static const struct named *find_named(const struct named *names, size_t count, const char *entry)
{
    size_t low = 0, high = count; /* the first that is greater lies in low..high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(names[middle].text, entry) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && compare_names(names[low - 1].text, entry) == 0 ? &names[low - 1] : NULL;
}

/* Both lists, sorted. */
static struct named *sort_names(struct bd_arena *arena, char *const *unset, char *const *set,
                                size_t count)
{
    struct named *names = bd_arena_array(arena, count, sizeof *names);
    size_t made = 0;
    for (; names && unset && *unset; unset++)
        names[made++] = (struct named){.text = *unset, .order = 0};
    for (size_t i = 0; names && set && set[i]; i++)
        names[made++] = (struct named){.text = set[i], .order = i + 1};
    if (made)
        qsort(names, made, sizeof *names, compare_named);
    return names;
}

char *const *bd_vectors_environment(struct bd_arena *arena, const struct brood_options *options)
{
    char *const *base = options->env ? options->env : bd_os_environment();
    char *const *set = options->env_set;
    size_t named = count_words(options->env_unset) + count_words(set);
    size_t room = count_words(base) + count_words(set) + 1;
    struct named *names = sort_names(arena, options->env_unset, set, named);
    char **env = bd_arena_array(arena, room, sizeof *env);
    if (!env || !names)
        return NULL;

    size_t count = 0;
    for (; *base && count + 1 < room; base++) {
        if (find_named(names, named, *base))
            continue;
        env[count] = copy_word(arena, *base);
        if (!env[count++])
            return NULL;
    }
    for (size_t i = 0; set && set[i] && count + 1 < room; i++) {
        if (find_named(names, named, set[i])->order != i + 1)
            continue;
        env[count] = copy_word(arena, set[i]);
        if (!env[count++])
            return NULL;
    }
    return env;
}

/* ------------------------------------------------------------------ arguments */

static char *const *copy_argv(struct bd_arena *arena, char *const *given)
{
    size_t count = count_words(given);
    char **argv = bd_arena_array(arena, count + 1, sizeof *argv);
    for (size_t i = 0; argv && i < count; i++) {
        argv[i] = copy_word(arena, given[i]);
        if (!argv[i])
            return NULL;
    }
    return argv;
}

static void quote_all(struct bd_text *text, char *const *words)
{
    for (; *words; words++) {
        bd_text_add_quoted(text, *words);
        if (words[1])
            bd_text_add(text, " ");
    }
}

static char *const *shell_argv(struct bd_arena *arena, char *const *words)
{
    struct bd_text measure = bd_text_over(NULL, 0);
    quote_all(&measure, words);
    char *line = bd_arena_alloc(arena, measure.length + 1);
    char **argv = bd_arena_array(arena, 4, sizeof *argv);
    if (!line || !argv)
        return NULL;
    struct bd_text text = bd_text_over(line, measure.length + 1);
    quote_all(&text, words);
    argv[0] = copy_word(arena, shell);
    argv[1] = copy_word(arena, "-c");
    argv[2] = line;
    return argv[0] && argv[1] ? argv : NULL;
}

char *const *bd_vectors_argv(struct bd_arena *arena, const struct brood_options *options)
{
    if (options->flags & BROOD_SHELL)
        return shell_argv(arena, options->argv);
    return copy_argv(arena, options->argv);
}

const char **bd_vectors_script_argv(struct bd_arena *arena, char *const *argv)
{
    size_t count = count_words(argv);
    const char **script_argv = bd_arena_array(arena, count + 2, sizeof *script_argv);
    if (!script_argv)
        return NULL;
    script_argv[0] = shell;
    for (size_t i = 1; i < count; i++)
        script_argv[i + 1] = argv[i];
    return script_argv;
}

size_t brood_shell_quote(const char *word, char *buffer, size_t size)
{
    struct bd_text text = bd_text_over(buffer, size);
    bd_text_add_quoted(&text, word);
    return text.length;
}
