/* SPDX-License-Identifier: MIT */
/*
 * The option table of a command: one table makes the parser, -h, --help and the check of the
 * manual. Room cli; knows no command.
 *
 * Invariant: what the parser accepts is what the help lists, since both walk the same rows.
 */
#include "table.h"
#include "words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ reading */

static const struct table_option *find_option(const struct table *table, const char *name,
                                              size_t length)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *known = table->options[i].name;
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return &table->options[i];
    }
    return NULL;
}

/* The one option whose beginning `name` is: not obeyed, only suggested. */
static const struct table_option *find_likely(const struct table *table, const char *name,
                                              size_t length)
{
    const struct table_option *found = NULL;
    for (size_t i = 0; i < table->count && length > 0; i++) {
        if (strncmp(table->options[i].name, name, length) != 0)
            continue;
        if (found)
            return NULL;
        found = &table->options[i];
    }
    return found;
}

static enum table_end refuse_unknown(const struct table *table, const char *word)
{
    size_t length = strcspn(word, "=");
    const struct table_option *likely =
        strncmp(word, "--", 2) == 0 ? find_likely(table, word + 2, length - 2) : NULL;
    if (likely)
        (void)words_say(table->who, "unknown option '%.*s'; did you mean --%s?", (int)length, word,
                        likely->name);
    else
        (void)words_say(table->who, "unknown option '%.*s'; '%s -h' lists them", (int)length, word,
                        table->who);
    return TABLE_REFUSED;
}

/* One option: *at is its index in argv, moved on to the last word that it took. */
static enum table_end read_option(const struct table *table, int argc, char **argv, void *asked,
                                  int *at)
{
    const char *word = argv[*at];
    if (strcmp(word, "-h") == 0)
        return TABLE_HELP_SHORT;
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct table_option *option =
        word[1] == '-' ? find_option(table, word + 2, length - 2) : NULL;
    if (!option)
        return refuse_unknown(table, word);

    if (!option->metavar) {
        if (equals) {
            (void)words_say(table->who, "--%s takes no value; leave out '%s'", option->name,
                            equals);
            return TABLE_REFUSED;
        }
        if (!option->take)
            return TABLE_HELP_LONG;
        return option->take(asked, option, NULL) == 0 ? TABLE_READ : TABLE_REFUSED;
    }
    if (!equals && *at + 1 == argc) {
        (void)words_say(table->who, "--%s needs a value: --%s %s", option->name, option->name,
                        option->metavar);
        return TABLE_REFUSED;
    }
    const char *value = equals ? equals + 1 : argv[++*at];
    return option->take(asked, option, value) == 0 ? TABLE_READ : TABLE_REFUSED;
}

enum table_end table_read(const struct table *table, int argc, char **argv, void *asked,
                          int *ret_rest)
{
    int at = 1;
    for (; at < argc; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (argv[at][0] != '-' || argv[at][1] == 0)
            break;
        enum table_end end = read_option(table, argc, argv, asked, &at);
        if (end != TABLE_READ)
            return end;
    }
    *ret_rest = at;
    return TABLE_READ;
}

/* ------------------------------------------------------------------ printing */

enum { HELP_COLUMNS = 80, BRIEF_COLUMN = 30 };

void table_print_wrapped(const char *text, int indent)
{
    int column = 0;
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column > 0 && column + 1 + length > HELP_COLUMNS) {
            (void)putchar('\n');
            column = 0;
        }
        if (column == 0)
            column = printf("%*s%.*s", indent, "", length, text);
        else
            column += printf(" %.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    (void)putchar('\n');
}

/* "  -h, --help", "  --timeout DURATION". Returns the columns it took. */
static int print_form(const struct table_option *option)
{
    const char *metavar = option->metavar ? option->metavar : "";
    return printf("  %s--%s%s%s", option->take ? "" : "-h, ", option->name,
                  option->metavar ? " " : "", metavar);
}

void table_print_short(const struct table *table)
{
    (void)printf("usage: %s %s\n\n", table->who, table->usage);
    for (size_t i = 0; i < table->count; i++) {
        int column = print_form(&table->options[i]);
        if (column + 1 >= BRIEF_COLUMN) {
            (void)putchar('\n');
            column = 0;
        }
        (void)printf("%*s%s\n", BRIEF_COLUMN - column, "", table->options[i].brief);
    }
}

void table_print_long(const struct table *table)
{
    (void)printf("usage: %s %s\n\n", table->who, table->usage);
    table_print_wrapped(table->about, 0);
    (void)printf("\nOptions:\n");
    for (size_t i = 0; i < table->count; i++) {
        (void)print_form(&table->options[i]);
        (void)putchar('\n');
        table_print_wrapped(table->options[i].help, 6);
    }
    (void)printf("\n%s", table->after);
}
