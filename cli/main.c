/* SPDX-License-Identifier: MIT */
/*
 * brood, the command: which of its commands it is. Room cli, its top: it stands on brood.h alone,
 * as any other program would.
 *
 * Invariant: what brood itself has to say of its own failure ends with code 125 and one line.
 */
#include "commands.h"
#include "entry.h"
#include "listener.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

#include <brood.h>

static int print_help(const struct entry *entry)
{
    (void)printf("usage: brood COMMAND [OPTION...]\n\n"
                 "brood starts child processes and never loses one.\n\n");
    for (size_t i = 0; i < command_count; i++)
        (void)printf("  brood %-12s%s\n", commands[i].name, commands[i].brief);
    (void)printf("  brood %-12s%s\n  brood %-12s%s\n\n", "--help, -h", "list the commands",
                 "--version", "print the version");
    (void)printf(
        "'brood COMMAND --help' explains one of them; so do the manual pages brood(1) and\n"
        "brood-run(1).\n");
    return words_printed("brood", entry->closed[1]);
}

static int print_version(const struct entry *entry)
{
    (void)printf("brood %s\n", brood_version());
    return words_printed("brood", entry->closed[1]);
}

static int dispatch(int argc, char **argv, struct entry *entry)
{
    if (argc < 2)
        return words_say("brood", "no command; 'brood --help' lists them");
    const char *word = argv[1];
    if (strcmp(word, LISTENER_WORD) == 0)
        return listener_exec(argv + 2);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_help(entry);
    if (strcmp(word, "--version") == 0)
        return print_version(entry);
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1, entry);
    }
    return words_say("brood", "unknown %s '%s'; 'brood --help' lists the commands",
                     word[0] == '-' ? "option" : "command", word);
}

int main(int argc, char **argv)
{
    /* Results leave in one piece where they can, so that the reason of a failure is known. */
    static char room[65536];
    (void)setvbuf(stdout, room, _IOFBF, sizeof room);
    struct entry entry;
    int code = entry_note(&entry);
    if (code < 0)
        code = words_say("brood", "cannot begin: %s", strerror(-code));
    else
        code = dispatch(argc, argv, &entry);
    entry_done(&entry);
    return code;
}
