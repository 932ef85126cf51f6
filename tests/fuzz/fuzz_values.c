/* SPDX-License-Identifier: MIT */
/*
 * Durations, numbers, limits, processors and signals of the command line: junk is refused and
 * writes nothing, what is taken lies in its bounds, and a duration is read as it is said.
 */
#include "../../cli/values.c"
#include "../../cli/values_list.c"
#include "../../cli/words.c"
#include "../../cli/utf8.c"
#include "../../lib/os/posix_signal_names.c"

#include "bytes.h"

static void read_duration(const char *text)
{
    char said[32];
    int64_t ms = -7, again = -7;
    int code = values_duration(text, &ms);
    DEMAND(code == 0 || ((code == -EINVAL || code == -ERANGE) && ms == -7));
    if (code < 0)
        return;
    DEMAND(ms >= 0 && text[0]);
    DEMAND(values_duration(words_duration(ms, said), &again) == 0 && again == ms);
}

static void read_numbers(const char *text)
{
    int64_t number = 1000;
    uint32_t octal = 01000;
    int code = values_number(text, -20, 19, &number);
    DEMAND(code == 0 ? number >= -20 && number <= 19 : number == 1000);
    code = values_octal(text, &octal);
    DEMAND(code == 0 ? octal <= 0777 : octal == 01000);
}

static void read_lists(const char *text)
{
    enum { WORDS = 2 };
    const uint64_t never = UINT64_C(1) << 8 | UINT64_C(1) << 18;
    uint64_t cpus[WORDS + 1] = {0, 0, 0x5a5a}, signals = 0;
    struct brood_rlimit limit = {.resource = 77};
    const char *why = NULL;
    (void)values_processors(text, cpus, WORDS);
    DEMAND(cpus[WORDS] == 0x5a5a);
    DEMAND(values_signals(text, &signals) < 0 || !(signals & never));
    int code = values_limit(text, &limit, &why);
    DEMAND(code == 0 ? limit.soft <= limit.hard : limit.resource == 77);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {.at = data, .left = size};
    const char *text = bytes_copy(&bytes, size, 1);
    read_duration(text);
    read_numbers(text);
    read_lists(text);
    bytes_done(&bytes);
    return 0;
}
