/* SPDX-License-Identifier: MIT */
/*
 * The option table of a command: one table makes the parser, -h, --help, the completions of shells
 * and the check of the manual. Room cli; knows no command.
 */
#ifndef BROOD_CLI_TABLE_H
#define BROOD_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* What a value is: what a shell could complete there. */
enum table_value {
    VALUE_NONE,       /* the option takes none */
    VALUE_PLAIN,      /* a number, a duration, a new name: nobody can guess it */
    VALUE_WORDS,      /* one of `words` */
    VALUE_FILE,       /* a file, or one of `words` */
    VALUE_DIRECTORY,  /* a directory */
    VALUE_VARIABLE,   /* the name of an environment variable */
    VALUE_ASSIGNMENT, /* such a name, '=' and a value */
    VALUE_LIMIT,      /* the name of a resource limit, '=' and numbers */
    VALUE_SIGNALS,    /* names of signals, separated by commas */
    VALUE_USER,       /* a user */
    VALUE_GROUP,      /* a group */
    VALUE_GROUPS      /* groups, separated by commas */
};

struct table_option {
    const char *name;    /* without the dashes */
    const char *metavar; /* what the value is called; NULL: the option takes none */
    const char *brief;   /* for -h: a few words */
    const char *help;    /* for --help and the manual: sentences */
    /* Takes one value, as often as the option is given. Returns 0, or says why not and returns
     * CLI_FAILED. NULL: this is the option for help. */
    int (*take)(void *asked, const struct table_option *option, const char *value);
    int which; /* for take functions that several options share */
    enum table_value value;
    const char *words; /* separated by blanks; NULL: none */
    bool repeats;      /* every one counts, not the last alone */
};

/* Every table's last row. */
#define TABLE_HELP_OPTION                                                                          \
    {                                                                                              \
        "help", NULL, "list the options; --help explains them",                                    \
            "List the options (-h), or explain them (--help).", NULL, 0, VALUE_NONE, NULL, false   \
    }

/* What follows the options. */
enum table_rest {
    REST_NONE,
    REST_COMMAND, /* another command with arguments of its own */
    REST_WORD     /* one of `rest_words` */
};

struct table {
    const char *who;   /* "brood run" */
    const char *usage; /* what comes after it */
    const char *about; /* what the command is for, a sentence or two */
    const char *after; /* --help ends with it */
    const struct table_option *options;
    size_t count;
    enum table_rest rest;
    const char *rest_words; /* separated by blanks */
};

enum table_end { TABLE_READ, TABLE_REFUSED, TABLE_HELP_SHORT, TABLE_HELP_LONG };

/* Reads options from argv[1] on until the first word that is none, or behind "--". *ret_rest is
 * then the index of that word. No abbreviations, no permutation; --NAME VALUE and --NAME=VALUE. */
enum table_end table_read(const struct table *table, int argc, char **argv, void *asked,
                          int *ret_rest);

/* Print the help on standard output; words_printed() afterwards tells whether it arrived. */
void table_print_short(const struct table *table);
void table_print_long(const struct table *table);

/* Print a paragraph, each line `indent` columns in and 80 at most. */
void table_print_wrapped(const char *text, int indent);

#endif
