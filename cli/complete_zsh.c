/* SPDX-License-Identifier: MIT */
/*
 * The completions for zsh. Room cli.
 *
 * Each table becomes the arguments of one _arguments. Invariant: text of ours stands in single
 * quotes and cannot end a description, a message or an action.
 */
#include "commands.h"
#include "complete.h"

#include <stdio.h>

static const char zsh_values[] =
    "# A file, or one of the words given.\n"
    "_brood_file() {\n"
    "    _alternative \"words:word:($*)\" 'files:file:_files'\n"
    "}\n"
    "\n"
    "# NAME=VALUE of the environment.\n"
    "_brood_assignment() {\n"
    "    if compset -P '*='; then _default; else _parameters -g '*export*' -qS =; fi\n"
    "}\n"
    "\n"
    "# NAME=SOFT[:HARD] of the limits given.\n"
    "_brood_limit() {\n"
    "    local expl\n"
    "    local -a known=(\"$@\")\n"
    "    if compset -P '*='; then\n"
    "        _message 'SOFT[:HARD]'\n"
    "    else\n"
    "        _wanted limits expl limit compadd -qS = -a known\n"
    "    fi\n"
    "}\n"
    "\n"
    "# USER or USER:GROUP.\n"
    "_brood_user() {\n"
    "    if compset -P '*:'; then _groups; else _users; fi\n"
    "}\n"
    "\n";

/* The last part of an option's argument: what completes the value. A blank ahead keeps _arguments
 * from putting options of its own into the call. */
static void print_action(const struct table_option *option)
{
    static const char *const actions[] = {
        [VALUE_NONE] = "",
        [VALUE_PLAIN] = " ",
        [VALUE_WORDS] = "(",
        [VALUE_FILE] = "_files",
        [VALUE_DIRECTORY] = "_directories",
        [VALUE_VARIABLE] = "_parameters -g \"*export*\"",
        [VALUE_ASSIGNMENT] = " _brood_assignment",
        [VALUE_LIMIT] = " _brood_limit ",
        [VALUE_SIGNALS] = " _values -s , signal ",
        [VALUE_USER] = " _brood_user",
        [VALUE_GROUP] = "_groups",
        [VALUE_GROUPS] = " _sequence _groups",
    };
    bool chooses = option->value == VALUE_FILE && option->words;
    (void)fputs(chooses ? " _brood_file " : actions[option->value], stdout);
    complete_print_words(option, "", "");
    if (option->value == VALUE_WORDS)
        (void)putchar(')');
}

static void print_option(const struct table_option *option)
{
    if (!option->take)
        (void)printf("        '(- : *)'{-h,--%s}'[", option->name);
    else
        (void)printf("        '%s--%s%s[", option->repeats ? "*" : "", option->name,
                     option->metavar ? "=" : "");
    complete_print_text(option->brief, "'\\''", "[]\\");
    (void)putchar(']');
    if (option->metavar) {
        (void)putchar(':');
        complete_print_text(option->metavar, "'\\''", ":\\");
        (void)putchar(':');
        print_action(option);
    }
    (void)printf("' \\\n");
}

static void print_table(const struct command *command)
{
    const struct table *table = command->table;
    (void)printf("_brood_command_%s() {\n"
                 "    _arguments -S -A '-*' \\\n",
                 command->name);
    for (size_t i = 0; i < table->count; i++)
        print_option(&table->options[i]);
    if (table->rest == REST_COMMAND)
        (void)printf("        '(-)1:command: _command_names -e' \\\n"
                     "        '*::argument: _normal'\n");
    else
        (void)printf("        '1: :(%s)'\n", table->rest == REST_WORD ? table->rest_words : "");
    (void)printf("}\n\n");
}

static void print_commands(void)
{
    (void)printf("_brood() {\n"
                 "    local curcontext=$curcontext state line ret=1\n"
                 "    typeset -A opt_args\n"
                 "    local -a known=(\n");
    for (size_t i = 0; i < command_count; i++) {
        (void)printf("        '%s:", commands[i].name);
        complete_print_text(commands[i].brief, "'\\''", ":\\");
        (void)printf("'\n");
    }
    (void)printf("    )\n"
                 "    _arguments -C -A '-*' \\\n"
                 "        '(- : *)'{-h,--help}'[list the commands]' \\\n"
                 "        '(- : *)--version[print the version]' \\\n"
                 "        '1:command:->command' \\\n"
                 "        '*::argument:->argument' && ret=0\n"
                 "    case $state in\n"
                 "    command) _describe command known && ret=0 ;;\n"
                 "    argument)\n"
                 "        curcontext=${curcontext%%:*:*}:brood-$words[1]:\n"
                 "        (( $+functions[_brood_command_$words[1]] )) && _brood_command_$words[1] "
                 "&& ret=0\n"
                 "        ;;\n"
                 "    esac\n"
                 "    return ret\n"
                 "}\n\n");
}

void complete_zsh(void)
{
    (void)printf("#compdef brood\n"
                 "# Completes brood in zsh. Made by `brood completion zsh`.\n\n");
    (void)fputs(zsh_values, stdout);
    for (size_t i = 0; i < command_count; i++)
        print_table(&commands[i]);
    print_commands();
    /* As a file of fpath it is the body of _brood; read by eval it only defines it. */
    (void)printf("if [ \"$funcstack[1]\" = _brood ]; then\n"
                 "    _brood \"$@\"\n"
                 "else\n"
                 "    compdef _brood brood\n"
                 "fi\n");
}
