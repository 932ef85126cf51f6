/* SPDX-License-Identifier: MIT */
/*
 * The completions for bash. Room cli.
 *
 * Two functions hold the tables; the third reads the line as bash has it. Invariant: candidates are
 * whole words as a person would write them; what readline does not replace of a word is cut off at
 * the very end. (COMP_WORDS is cut at every character of COMP_WORDBREAKS, '=' and ':' among them.)
 */
#include "commands.h"
#include "complete.h"

#include <stdio.h>

/* ------------------------------------------------------------------ the tables */

static const char *kind_of(const struct table_option *option)
{
    static const char *const kinds[] = {
        [VALUE_NONE] = "none",           [VALUE_PLAIN] = "plain",
        [VALUE_WORDS] = "plain",         [VALUE_FILE] = "file",
        [VALUE_DIRECTORY] = "directory", [VALUE_VARIABLE] = "variable",
        [VALUE_ASSIGNMENT] = "variable", [VALUE_LIMIT] = "plain",
        [VALUE_SIGNALS] = "list",        [VALUE_USER] = "user",
        [VALUE_GROUP] = "group",         [VALUE_GROUPS] = "groups",
    };
    return kinds[option->value];
}

static void print_options(void)
{
    (void)printf("# Sets `words` to the options of a command.\n"
                 "_brood_options() {\n"
                 "    case $1 in\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct table *table = commands[i].table;
        (void)printf("    %s) words='-h", commands[i].name);
        for (size_t k = 0; k < table->count; k++)
            (void)printf(" --%s", table->options[k].name);
        (void)printf("' ;;\n");
    }
    (void)printf("    *) words='' ;;\n"
                 "    esac\n"
                 "}\n\n");
}

/* A word that is not the whole value is followed by no blank: kind is joined by "open". */
static void print_values(void)
{
    (void)printf("# Sets `kind` to what the value of an option is, `words` to what it may be.\n"
                 "_brood_value() {\n"
                 "    kind='' words='' joined=''\n"
                 "    case $1 in\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct table *table = commands[i].table;
        for (size_t k = 0; k < table->count; k++) {
            const struct table_option *option = &table->options[k];
            bool joined = option->value == VALUE_LIMIT || option->value == VALUE_ASSIGNMENT;
            (void)printf("    '%s --%s') kind=%s%s words='", commands[i].name, option->name,
                         kind_of(option), joined ? " joined='='" : "");
            complete_print_words(option, "", "");
            (void)printf("' ;;\n");
        }
    }
    (void)printf("    *) return 1 ;;\n"
                 "    esac\n"
                 "}\n\n");
}

static void print_commands(void)
{
    (void)printf("_brood_commands='");
    for (size_t i = 0; i < command_count; i++)
        (void)printf("%s ", commands[i].name);
    (void)printf("--help --version'\n\n"
                 "# Sets `words` to what follows the options of a command; fails if that is "
                 "another command.\n"
                 "_brood_rest() {\n"
                 "    case $1 in\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct table *table = commands[i].table;
        if (table->rest == REST_COMMAND)
            (void)printf("    %s) return 1 ;;\n", commands[i].name);
        else
            (void)printf("    %s) words='%s' ;;\n", commands[i].name,
                         table->rest == REST_WORD ? table->rest_words : "");
    }
    (void)printf("    *) words='' ;;\n"
                 "    esac\n"
                 "}\n\n");
}

/* ------------------------------------------------------------------ the line */

static const char bash_line[] =
    "# Adds the candidates that compgen gives, `ahead` before each.\n"
    "_brood_add() {\n"
    "    local one\n"
    "    while IFS='' read -r one; do\n"
    "        COMPREPLY+=(\"$ahead$one\")\n"
    "    done < <(compgen \"$@\")\n"
    "}\n"
    "\n"
    "# The candidates for the value $1.\n"
    "_brood_add_value() {\n"
    "    local list=''\n"
    "    case $kind in\n"
    "    list | groups) list=${1%\"${1##*,}\"} ;;\n"
    "    user) [[ $1 = *:* ]] && list=${1%%:*}: kind=groups ;;\n"
    "    esac\n"
    "    ahead+=$list\n"
    "    set -- \"${1#\"$list\"}\"\n"
    "    case $kind in\n"
    "    file) _brood_add -f -- \"$1\" && compopt -o filenames ;;\n"
    "    directory) _brood_add -d -- \"$1\" && compopt -o filenames ;;\n"
    "    variable) _brood_add -e -S \"$joined\" -- \"$1\" ;;\n"
    "    user) _brood_add -u -- \"$1\" ;;\n"
    "    group | groups) _brood_add -g -- \"$1\" ;;\n"
    "    esac\n"
    "    _brood_add -W \"$words\" -S \"$joined\" -- \"$1\"\n"
    "    if [[ $joined ]]; then compopt -o nospace; fi\n"
    "}\n"
    "\n"
    "# The command behind `brood run`, at index $1 of COMP_WORDS: as it completes by itself.\n"
    "_brood_add_command() {\n"
    "    if declare -F _comp_command_offset >/dev/null; then\n"
    "        _comp_command_offset \"$1\"\n"
    "    elif declare -F _command_offset >/dev/null; then\n"
    "        _command_offset \"$1\"\n"
    "    elif (($1 == COMP_CWORD)); then\n"
    "        _brood_add -c -- \"${COMP_WORDS[COMP_CWORD]}\"\n"
    "    else\n"
    "        _brood_add -f -- \"${COMP_WORDS[COMP_CWORD]}\" && compopt -o filenames\n"
    "    fi\n"
    "}\n"
    "\n"
    "_brood() {\n"
    "    local kind words joined ahead='' line=$COMP_LINE part head text=() where=() i\n"
    "    COMPREPLY=()\n"
    "    # The words as they stand in the line, and where each begins in COMP_WORDS.\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        part=${COMP_WORDS[i]}\n"
    "        if [[ $i = 0 || ! $line || $line = [[:space:]]* ]]; then\n"
    "            text+=(\"$part\") where+=(\"$i\")\n"
    "            line=${line#\"${line%%[![:space:]]*}\"}\n"
    "        else\n"
    "            text[${#text[@]} - 1]+=$part\n"
    "        fi\n"
    "        line=${line#\"$part\"}\n"
    "    done\n"
    "    local last=$((${#text[@]} - 1)) command=${text[1]-} option='' rest=0 at word\n"
    "    word=${text[last]}\n"
    "    # What readline keeps of the last word: all before the part that is being written.\n"
    "    head=${word%\"$part\"}\n"
    "    if [[ $part && ! ${part//[\"$COMP_WORDBREAKS\"]/} ]]; then head=$word; fi\n"
    "\n"
    "    for ((at = 2; at <= last; at++)); do\n"
    "        if [[ $option ]]; then\n"
    "            ((at == last)) || option=''\n"
    "        elif [[ ${text[at]} = -- && $at -lt $last ]]; then\n"
    "            rest=$((at + 1))\n"
    "            break\n"
    "        elif [[ ${text[at]} != -* || (${text[at]} = - && $at -lt $last) ]]; then\n"
    "            rest=$at\n"
    "            break\n"
    "        elif _brood_value \"$command ${text[at]}\" && [[ $kind != none ]] && ((at < last)); "
    "then\n"
    "            option=${text[at]}\n"
    "        fi\n"
    "    done\n"
    "\n"
    "    if ((last == 1)); then\n"
    "        _brood_add -W \"$_brood_commands\" -- \"$word\"\n"
    "    elif [[ $option ]]; then\n"
    "        _brood_value \"$command $option\" && _brood_add_value \"$word\"\n"
    "    elif ((rest)) && ! _brood_rest \"$command\"; then\n"
    "        _brood_add_command \"${where[rest]}\"\n"
    "        return\n"
    "    elif ((rest)); then\n"
    "        ((rest < last)) || _brood_add -W \"$words\" -- \"$word\"\n"
    "    elif [[ $word = --*=* ]]; then\n"
    "        ahead=${word%%=*}=\n"
    "        _brood_value \"$command ${word%%=*}\" && _brood_add_value \"${word#*=}\"\n"
    "    else\n"
    "        _brood_options \"$command\"\n"
    "        _brood_add -W \"$words\" -- \"$word\"\n"
    "    fi\n"
    "    COMPREPLY=(\"${COMPREPLY[@]#\"$head\"}\")\n"
    "}\n"
    "\n"
    "complete -F _brood brood\n";

void complete_bash(void)
{
    (void)printf("# shellcheck shell=bash\n"
                 "# Completes brood in bash. Made by `brood completion bash`.\n\n");
    print_commands();
    print_options();
    print_values();
    (void)fputs(bash_line, stdout);
}
