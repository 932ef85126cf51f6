/* SPDX-License-Identifier: MIT */
/*
 * The rows of `brood run`: every option with its words and with the function that takes it. Room
 * cli.
 *
 * Invariant: the sentences here are those of brood-run(1); tests/cli/manual.t compares them.
 */
#include "asked_take.h"

static const struct table_option run_options[] = {
    {"timeout", "DURATION", "end the command after this long",
     "End the command when it has run for DURATION, starting included: SIGTERM and SIGCONT "
     "first, SIGKILL when --grace is over. The exit code is then 124, however the command "
     "ended. 0 sets no limit.",
     take_duration, ASKED_TIMEOUT, VALUE_PLAIN, NULL, false},
    {"grace", "DURATION", "time from SIGTERM to SIGKILL (10s)",
     "Give the command DURATION between SIGTERM and SIGKILL at the timeout; 10s unless told "
     "otherwise. 0 sends SIGKILL at once. Needs --timeout.",
     take_duration, ASKED_GRACE, VALUE_PLAIN, NULL, false},
    {"drain", "DURATION", "pass output on, and wait for late writers",
     "Pass the command's standard output and error on through pipes. When the command has "
     "ended, processes that it left behind may write for DURATION; then the pipes are closed, "
     "so that whoever reads sees the end. What was written until then is passed on. Without "
     "this option the command writes directly, and a process left behind can hold the reader "
     "for ever.",
     take_duration, ASKED_DRAIN, VALUE_PLAIN, NULL, false},
    {"start-timeout", "DURATION", "time for the command to begin (60s)",
     "Give the command DURATION to begin; 60s unless told otherwise. A slow file system, or a "
     "FIFO that nobody opens, cannot hold the start for longer. 0 sets no limit.",
     take_duration, ASKED_START_TIMEOUT, VALUE_PLAIN, NULL, false},
    {"cwd", "DIRECTORY", "run in this directory",
     "Run the command in DIRECTORY. Relative names of files in other options, and of the "
     "command, are taken from there; --json is not.",
     take_text, ASKED_CWD, VALUE_DIRECTORY, NULL, false},
    {"env", "NAME=VALUE", "set a variable",
     "Set NAME to VALUE in the command's environment. May be repeated.", take_env, 0,
     VALUE_ASSIGNMENT, NULL, true},
    {"unset", "NAME", "take a variable out",
     "Take NAME out of the command's environment. May be repeated.", take_unset, 0, VALUE_VARIABLE,
     NULL, true},
    {"clear-env", NULL, "begin with an empty environment",
     "Begin with an empty environment; --env adds to it. The command is then looked up in the "
     "system's default path unless --env sets PATH.",
     take_flag, ASKED_CLEAR_ENV, VALUE_NONE, NULL, false},
    {"stdin", "FILE", "read from FILE, null or inherit",
     "Let the command read from FILE. The word null means /dev/null, and inherit means the "
     "standard input of brood run, as without this option. A file of such a name is written "
     "./null.",
     take_stream, BROOD_IN, VALUE_FILE, "null inherit", false},
    {"stdout", "FILE", "write to FILE, null, inherit or stderr",
     "Let the command write its standard output to FILE, which is created or truncated. The "
     "words null and inherit are as for --stdin; stderr means the same place as standard "
     "error.",
     take_stream, BROOD_OUT, VALUE_FILE, "null inherit stderr", false},
    {"stderr", "FILE", "write errors to FILE, null, inherit or stdout",
     "Let the command write its standard error to FILE, which is created or truncated. The "
     "words null and inherit are as for --stdin; stdout means the same place as standard "
     "output.",
     take_stream, BROOD_ERR, VALUE_FILE, "null inherit stdout", false},
    {"pty", NULL, "run at a terminal of its own",
     "Give the command a terminal of its own for the streams that no other option sets, as large "
     "as the one that brood run has, and pass on what is typed and shown. --drain then bounds "
     "what comes after the command's end; 1s unless told otherwise.",
     take_flag, ASKED_PTY, VALUE_NONE, NULL, false},
    {"keep-fd", "NUMBER", "keep a descriptor open, or all",
     "Keep descriptor NUMBER open in the command, or every open one if the word is all. May "
     "be repeated. Others are closed, but those that an argument /dev/fd/NUMBER, MAKEFLAGS or "
     "LISTEN_FDS names.",
     take_keep, 0, VALUE_WORDS, "all", true},
    {"user", "USER[:GROUP]", "run as another user",
     "Run the command as USER, a name or a number, with the group and the supplementary groups "
     "that the system has for that user. GROUP, --group and --groups replace those.",
     take_text, ASKED_USER, VALUE_USER, NULL, false},
    {"group", "GROUP", "run in another group",
     "Run the command in GROUP, a name or a number. Supplementary groups stay as they are unless "
     "--user or --groups sets them.",
     take_text, ASKED_GROUP, VALUE_GROUP, NULL, false},
    {"groups", "LIST", "set the supplementary groups",
     "Give the command the supplementary groups of LIST and no others: names or numbers, "
     "separated by commas. An empty LIST means none.",
     take_text, ASKED_GROUPS, VALUE_GROUPS, NULL, false},
    {"no-new-privs", NULL, "let no program gain privileges",
     "Let no program that the command executes gain privileges, as set-user-ID programs do.",
     take_flag, ASKED_NO_NEW_PRIVS, VALUE_NONE, NULL, false},
    {"umask", "OCTAL", "set the file mode creation mask",
     "Set the command's file mode creation mask, as in 027.", take_umask, 0, VALUE_PLAIN, NULL,
     false},
    {"nice", "NUMBER", "set the nice value",
     "Set the command's nice value, from -20 (first served) to 19. It replaces the present "
     "value and is not added to it.",
     take_nice, 0, VALUE_PLAIN, NULL, false},
    {"affinity", "LIST", "run on these processors alone",
     "Let the command run on these processors alone: numbers and ranges, as in 0-3,8.",
     take_affinity, 0, VALUE_PLAIN, NULL, false},
    {"oom", "NUMBER", "be ended sooner or later when memory is short",
     "Set how soon the kernel ends the command when memory is short, from -1000 (never) to 1000 "
     "(first). It replaces the present value and is not added to it.",
     take_oom, 0, VALUE_PLAIN, NULL, false},
    {"limit", "NAME=SOFT[:HARD]", "set a resource limit",
     "Set a resource limit of the command: as, core, cpu, data, fsize, locks, memlock, "
     "msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending or stack. SOFT alone "
     "sets both. Bytes may end in K, M, G or T; unlimited is a value too. May be repeated.",
     take_limit, 0, VALUE_LIMIT, NULL, true},
    {"cgroup", "DIRECTORY", "begin in this control group",
     "Let the command begin in the control group of DIRECTORY, as in /sys/fs/cgroup/NAME.",
     take_text, ASKED_CGROUP, VALUE_DIRECTORY, NULL, false},
    {"new-session", NULL, "run in a new session",
     "Run the command in a new session and process group, without controlling terminal.", take_flag,
     ASKED_NEW_SESSION, VALUE_NONE, NULL, false},
    {"ignore-signals", "LIST", "begin with these signals ignored",
     "Let the command begin with these signals ignored, as in INT,HUP. One that it handles "
     "reaches it all the same.",
     take_signals, 0, VALUE_SIGNALS, NULL, false},
    {"detach", NULL, "print its process id, and leave it",
     "Start the command in a session of its own, print its process id on standard output and "
     "leave it to itself: nobody waits for it. Streams that no option sets lead to /dev/null.",
     take_flag, ASKED_DETACH, VALUE_NONE, NULL, false},
    {"plan", NULL, "print what would be done, and do nothing",
     "Print the settled steps of the start on standard output instead of starting anything. "
     "Values of the environment are not shown. A line of brood run is what it does itself, beside "
     "the steps of the new process.",
     take_flag, ASKED_PLAN, VALUE_NONE, NULL, false},
    {"json", "FILE", "write how it ended to FILE",
     "Write one line of JSON that says how the command ended, or why it could not be started, "
     "to FILE; - is standard output. The file appears whole, at the end; one that cannot be "
     "opened is refused before anything runs.",
     take_text, ASKED_JSON, VALUE_FILE, NULL, false},
    {"quiet", NULL, "say nothing of timeouts and held streams",
     "Say nothing on standard error about a timeout or a held stream. Errors are still said.",
     take_flag, ASKED_QUIET, VALUE_NONE, NULL, false},
    TABLE_HELP_OPTION,
};

const struct table asked_table = {
    .who = "brood run",
    .usage = "[OPTION...] [--] COMMAND [ARG...]",
    .about = "Run COMMAND, wait for its end and exit as it did. The command gets the streams, the "
             "environment and the limits that were asked for, and nothing else leaks in: no "
             "stray descriptor, no blocked or ignored signal. Signals are passed on to it.",
    .after = "A DURATION is 500ms, 2s, 1.5m, 1h or 1d; a plain number is seconds. An option\n"
             "that is given twice takes its last value, unless it may be repeated. Every\n"
             "long option is also written --NAME=VALUE.\n"
             "\n"
             "Exit codes:\n"
             "  124  the command timed out\n"
             "  125  brood run itself failed\n"
             "  126  the command cannot be executed\n"
             "  127  the command was not found\n"
             "  128 + n  the command was ended by signal n\n"
             "  otherwise the command's own\n"
             "\n"
             "The manual page is brood-run(1).\n",
    .options = run_options,
    .count = sizeof run_options / sizeof run_options[0],
    .rest = REST_COMMAND,
};
