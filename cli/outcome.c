/* SPDX-License-Identifier: MIT */
/*
 * What became of one `brood run`, and the exit code that follows from it. Room cli.
 *
 * Invariant: the codes are those of timeout(1), so that scripts need not know which of the two it
 * is.
 */
#include "outcome.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>

static int code_of_failed_start(const struct outcome *outcome)
{
    const struct brood_error *error = &outcome->error;
    if (outcome->timed_out)
        return CLI_TIMED_OUT;
    if (outcome->signalled)
        return CLI_SIGNAL_BASE + outcome->signalled;
    if (error->stage != BROOD_STAGE_EXEC || error->detail == BROOD_DETAIL_KILLED)
        return CLI_FAILED;
    return error->code == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE;
}

int outcome_code(const struct outcome *outcome)
{
    if (!outcome->started)
        return code_of_failed_start(outcome);
    if (outcome->timed_out)
        return CLI_TIMED_OUT;
    if (!outcome->over || outcome->output_lost)
        return CLI_FAILED;
    int code = brood_exit_code(&outcome->exit);
    return code < 0 ? CLI_FAILED : code;
}

const char *outcome_why(const struct outcome *outcome, char *text, size_t size)
{
    const struct brood_error *error = &outcome->error;
    char waited[32];
    if (outcome->fifo_ms == 0)
        return brood_error_text(error, text, size);
    (void)snprintf(text, size, "cannot start %s: file %s: nobody opened its other end within %s",
                   error->program, error->subject, words_duration(outcome->fifo_ms, waited));
    return text;
}
