/* SPDX-License-Identifier: MIT */
/*
 * Handing on sockets that were passed by number and process id. Room cli.
 *
 * The socket activation protocol (sd_listen_fds(3)) names in LISTEN_PID the one process that may
 * take the descriptors. When that is brood run, the command must find its own id there, and only
 * the command's process knows it: so it starts as brood once more, which writes the number and
 * becomes the command.
 */
#ifndef BROOD_CLI_LISTENER_H
#define BROOD_CLI_LISTENER_H

#define LISTENER_PROGRAM "/proc/self/exe"
#define LISTENER_WORD "--exec-listener"

/* Returns the words of such a start, to be freed; what they point to is not. NULL: no memory. */
char **listener_words(char **command);

/* Become the command words[0], which finds this process in LISTEN_PID. Returns an exit code if that
 * fails. */
int listener_exec(char **words);

#endif
