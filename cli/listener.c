/* SPDX-License-Identifier: MIT */
/*
 * Handing on sockets that were passed by number and process id. Room cli.
 *
 * Invariant: nothing but LISTEN_PID (and the newer LISTEN_PIDFDID, which cannot be known before the
 * process exists) is changed on the way, and a command that is missing gives 127 as ever.
 */
#include "listener.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char **listener_words(char **command)
{
    static char self[] = "brood", word[] = LISTENER_WORD;
    size_t count = 0;
    while (command[count])
        count++;
    char **words = calloc(count + 3, sizeof *words);
    if (!words)
        return NULL;
    words[0] = self;
    words[1] = word;
    memcpy(words + 2, command, count * sizeof *words);
    return words;
}

int listener_exec(char **words)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", (int)getpid());
    if (!words[0] || setenv("LISTEN_PID", number, 1) < 0 || unsetenv("LISTEN_PIDFDID") < 0)
        return words_say("brood run", "cannot hand the sockets on");
    (void)execvp(words[0], words);
    int code = errno;
    (void)words_say("brood run", "cannot start %s: %s", words[0], strerror(code));
    return code == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE;
}
