/* SPDX-License-Identifier: MIT */
/*
 * Exits in words.
 *
 * Room one. Invariant: made from the struct alone.
 */
#include <brood.h>

#include "../base/text.h"

int brood_exit_code(const struct brood_exit *exit)
{
    enum { SIGNALLED_BASE = 128 };
    if (exit->kind == BROOD_EXITED)
        return exit->code;
    return exit->kind == BROOD_SIGNALLED ? SIGNALLED_BASE + exit->code : -1;
}

static const char *cause_words(uint32_t cause)
{
    switch ((enum brood_cause)cause) {
    case BROOD_CAUSE_OWN:
        return "";
    case BROOD_CAUSE_ASKED:
        return " (asked to)";
    case BROOD_CAUSE_TIMEOUT:
        return " (timed out)";
    case BROOD_CAUSE_OUTPUT_LIMIT:
        return " (output limit)";
    }
    return "";
}

const char *brood_exit_text(const struct brood_exit *exit, char *buffer, size_t size)
{
    struct bd_text text = bd_text_over(buffer, size);
    if (exit->kind == BROOD_EXITED) {
        bd_text_add(&text, "exited with ");
        bd_text_add_number(&text, exit->code);
    } else if (exit->kind == BROOD_SIGNALLED) {
        const char *name = brood_signal_name(exit->code);
        bd_text_add(&text, "killed by ");
        bd_text_add(&text, name ? name : "signal ");
        if (!name)
            bd_text_add_number(&text, exit->code);
        if (exit->flags & BROOD_EXIT_CORE)
            bd_text_add(&text, ", core dumped");
    } else {
        bd_text_add(&text, "ended, but its status was taken by something else");
    }
    bd_text_add(&text, cause_words(exit->cause));
    if (exit->flags & BROOD_EXIT_STREAMS_HELD)
        bd_text_add(&text, "; another process holds its output open");
    return buffer;
}
