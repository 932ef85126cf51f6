/* SPDX-License-Identifier: MIT */
/*
 * The completions for fish. Room cli.
 *
 * fish knows by itself how a long option and its value are written; what it has to be told is where
 * the options of brood end. Invariant: behind that place nothing of ours is offered.
 */
#include "commands.h"
#include "complete.h"

#include <stdio.h>

/* ------------------------------------------------------------------ the place */

static const char fish_place[] =
    "# The words before the cursor from the first on that is no option of brood's command "
    "$argv[1],\n"
    "# one a line. Fails as long as there is none.\n"
    "function __brood_rest\n"
    "    set -l tokens (commandline -opc)\n"
    "    set -l name __brood_with_value_$argv[1]\n"
    "    set -l with_value $$name\n"
    "    set -l at 3\n"
    "    while test $at -le (count $tokens)\n"
    "        switch $tokens[$at]\n"
    "            case --\n"
    "                set at (math $at + 1)\n"
    "                test $at -le (count $tokens); and string join \\n -- $tokens[$at..-1]\n"
    "                return 0\n"
    "            case '--*=*'\n"
    "            case '-?*'\n"
    "                contains -- $tokens[$at] $with_value; and set at (math $at + 1)\n"
    "            case '*'\n"
    "                string join \\n -- $tokens[$at..-1]\n"
    "                return 0\n"
    "        end\n"
    "        set at (math $at + 1)\n"
    "    end\n"
    "    return 1\n"
    "end\n"
    "\n"
    "# Is this the command, and may an option of it come now?\n"
    "function __brood_options\n"
    "    set -l tokens (commandline -opc)\n"
    "    test \"$tokens[2]\" = $argv[1]; and not __brood_rest $argv[1] >/dev/null\n"
    "end\n"
    "\n"
    "# Is this the command, and can what is written be no option of it?\n"
    "function __brood_operand\n"
    "    set -l tokens (commandline -opc)\n"
    "    test \"$tokens[2]\" = $argv[1]; or return 1\n"
    "    __brood_rest $argv[1] >/dev/null; or not string match -q -- '-*' (commandline -ct)\n"
    "end\n"
    "\n"
    "# Is there nothing before the cursor but brood?\n"
    "function __brood_first\n"
    "    test (count (commandline -opc)) -eq 1\n"
    "end\n"
    "\n"
    "# What the command behind brood's own options completes by itself.\n"
    "function __brood_complete_rest\n"
    "    set -l rest (__brood_rest $argv[1])\n"
    "    complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))\n"
    "end\n"
    "\n"
    "# A list with one more of $argv, separated by commas.\n"
    "function __brood_list\n"
    "    set -l before (commandline -ct | string replace -r -- '^--[^=]*=' '' | string match -r -- "
    "'.*,')\n"
    "    test -n \"$before\"; or set before ''\n"
    "    printf '%s\\n' $before$argv\n"
    "end\n"
    "\n"
    "# USER or USER:GROUP.\n"
    "function __brood_user\n"
    "    set -l user (commandline -ct | string replace -r -- '^--[^=]*=' '' | string match -r -- "
    "'.*:')\n"
    "    if test -n \"$user\"\n"
    "        printf '%s\\n' $user(__fish_complete_groups)\n"
    "    else\n"
    "        __fish_complete_users\n"
    "    end\n"
    "end\n"
    "\n";

/* ------------------------------------------------------------------ the tables */

static void print_with_value(void)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct table *table = commands[i].table;
        (void)printf("set -g __brood_with_value_%s", commands[i].name);
        for (size_t k = 0; k < table->count; k++) {
            if (table->options[k].metavar)
                (void)printf(" --%s", table->options[k].name);
        }
        (void)putchar('\n');
    }
    (void)putchar('\n');
}

static void print_brief(const char *brief)
{
    (void)printf(" -d '");
    complete_print_text(brief, "\\'", "\\");
    (void)printf("'");
}

/* `-x` asks for a value and offers no files, `-r` does. */
static void print_value(const struct table_option *option)
{
    static const char *const values[] = {
        [VALUE_NONE] = "",
        [VALUE_PLAIN] = " -x",
        [VALUE_WORDS] = " -x",
        [VALUE_FILE] = " -r -F",
        [VALUE_DIRECTORY] = " -x -a '(__fish_complete_directories)'",
        [VALUE_VARIABLE] = " -x -a '(set --names --export)'",
        [VALUE_ASSIGNMENT] = " -x -a '(set --names --export)='",
        [VALUE_LIMIT] = " -x",
        [VALUE_SIGNALS] = " -x",
        [VALUE_USER] = " -x -a '(__brood_user)'",
        [VALUE_GROUP] = " -x -a '(__fish_complete_groups)'",
        [VALUE_GROUPS] = " -x -a '(__brood_list (__fish_complete_groups))'",
    };
    (void)fputs(values[option->value], stdout);
    if (option->value == VALUE_SIGNALS)
        (void)printf(" -a '(__brood_list ");
    else if (option->value == VALUE_LIMIT || option->words)
        (void)printf(" -a '");
    else
        return;
    complete_print_words(option, "", option->value == VALUE_LIMIT ? "=" : "");
    (void)printf(option->value == VALUE_SIGNALS ? ")'" : "'");
}

static void print_table(const struct command *command)
{
    const struct table *table = command->table;
    for (size_t i = 0; i < table->count; i++) {
        const struct table_option *option = &table->options[i];
        (void)printf("complete -c brood -n '__brood_options %s'%s -l %s", command->name,
                     option->take ? "" : " -s h", option->name);
        print_value(option);
        print_brief(option->brief);
        (void)putchar('\n');
    }
    if (table->rest == REST_COMMAND)
        (void)printf("complete -c brood -n '__brood_operand %s' -x -a '(__brood_complete_rest "
                     "%s)'\n",
                     command->name, command->name);
    else if (table->rest == REST_WORD)
        (void)printf("complete -c brood -n '__brood_operand %s; and test (count (__brood_rest %s)) "
                     "-eq 0' -x -a '%s'\n",
                     command->name, command->name, table->rest_words);
    (void)putchar('\n');
}

void complete_fish(void)
{
    (void)printf("# Completes brood in fish. Made by `brood completion fish`.\n\n");
    print_with_value();
    (void)fputs(fish_place, stdout);
    (void)printf("complete -c brood -f\n"
                 "complete -c brood -n __brood_first -s h -l help -d 'list the commands'\n"
                 "complete -c brood -n __brood_first -l version -d 'print the version'\n");
    for (size_t i = 0; i < command_count; i++) {
        (void)printf("complete -c brood -n __brood_first -a %s", commands[i].name);
        print_brief(commands[i].brief);
        (void)putchar('\n');
    }
    (void)putchar('\n');
    for (size_t i = 0; i < command_count; i++)
        print_table(&commands[i]);
}
