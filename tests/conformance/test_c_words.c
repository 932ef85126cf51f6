/* SPDX-License-Identifier: MIT */
/*
 * Classic bugs of arguments and environment: C13 to C16 of README.md.
 *
 * Invariant: how much is too much is asked of exec itself (plain.h), to the byte; what arrives is
 * compared whole with what was given.
 */
#include "plain.h"
#include "starting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { STARTS = 100, SEVEN = 7 };

/* A program that exits with 7, whatever it is given. */
static const char *program(void)
{
    char where[PATH_MAX];
    (void)lab_built_program(where, sizeof where, "conformance/where");
    if (access(lab_file("at7"), F_OK) < 0)
        REQUIRE(symlink(where, lab_file("at7")) == 0);
    return lab_file("at7");
}

/* Runs, and gives what it printed. */
static const char *prints(struct brood_options *options)
{
    static char got[65536];
    got[0] = '\0';
    options->out.kind = BROOD_PIPE;
    struct brood_child *child = start(options);
    if (!child)
        return "";
    CHECK(lab_read_all(brood_child_stream(child, BROOD_OUT), got, sizeof got, BOUND_MS) >= 0);
    ends_with(child, 0);
    return got;
}

/* ------------------------------------------------------------------ C13 */

static char *repeated(size_t length)
{
    char *word = calloc(1, length + 1);
    REQUIRE(word);
    memset(word, 'w', length);
    memcpy(word, "W=", length < 2 ? length : 2);
    return word;
}

/* One word has a limit of its own, wherever it stands. */
TEST(c13_one_word_too_long)
{
    size_t most = 32 * (size_t)sysconf(_SC_PAGESIZE) - 1;
    for (size_t length = most - 1; length <= most + 2; length++) {
        char *word = repeated(length);
        const char *what = say("%zu bytes", length);
        struct brood_error error = {.stage = BROOD_STAGE_EXEC};
        int want = length <= most ? SEVEN : -E2BIG;
        CHECK_INT(plain_agree(what, BROOD_OPTIONS(.argv = WORDS(program(), word)), &error), want);
        CHECK_INT(plain_agree(what,
                              BROOD_OPTIONS(.argv = WORDS(program()), .env = WORDS("A=1", word)),
                              &error),
                  want);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
        free(word);
    }
}

/* Options whose words are `length` bytes in all, in entries far below the limit of one. */
struct words {
    char *bytes;
    const char **entries;
};

static struct words words_of(size_t length)
{
    enum { EACH = 20000 };
    struct words made = {.bytes = calloc(1, length + 1),
                         .entries = calloc(length / EACH + 2, sizeof(char *))};
    REQUIRE(made.bytes && made.entries);
    memset(made.bytes, 'x', length);
    size_t count = 0;
    for (size_t at = 0; at < length; at += EACH) {
        made.entries[count++] = made.bytes + at;
        memcpy(made.bytes + at, "A=", length - at < 2 ? length - at : 2);
        if (at)
            made.bytes[at - 1] = '\0';
    }
    return made;
}

static void words_done(struct words *made)
{
    free(made->bytes);
    free(made->entries);
}

/* Bisects for the most bytes of environment that exec takes; there brood must agree to the byte. */
static void find_the_limit(const struct brood_rlimit *stack, size_t low, size_t high)
{
    struct brood_options options =
        *BROOD_OPTIONS(.argv = WORDS(program()), .rlimits = stack, .rlimit_count = stack ? 1 : 0);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        struct words made = words_of(middle);
        options.env = words(made.entries);
        if (plain_exec(&options) == SEVEN)
            low = middle;
        else
            high = middle;
        words_done(&made);
    }
    for (size_t length = low; length <= high; length++) {
        struct words made = words_of(length);
        struct brood_error error = {.stage = BROOD_STAGE_EXEC};
        options.env = words(made.entries);
        CHECK_INT(plain_agree(say("%zu bytes", length), &options, &error),
                  length == low ? SEVEN : -E2BIG);
        CHECK_INT(error.stage, BROOD_STAGE_EXEC);
        words_done(&made);
    }
    NOTE("%zu bytes of environment are the most", low);
}

TEST(c13_all_words_too_long_together)
{
    const struct brood_rlimit small = {.resource = RLIMIT_STACK, .soft = 1 << 20, .hard = 1 << 20};
    find_the_limit(&small, 20000, 400000);
}

/* The caller itself lives with a tiny stack: that is no reason for another limit or for a crash. */
TEST(c13_a_caller_with_a_tiny_stack)
{
    (void)program();
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct rlimit stack;
        REQUIRE(getrlimit(RLIMIT_STACK, &stack) == 0);
        stack.rlim_cur = 160 << 10;
        REQUIRE(setrlimit(RLIMIT_STACK, &stack) == 0);
        find_the_limit(NULL, 20000, 400000);
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

TEST(c13_three_megabytes_of_environment)
{
    struct words made = words_of(3 << 20);
    const struct brood_rlimit eight = {.resource = RLIMIT_STACK, .soft = 8 << 20, .hard = 16 << 20};
    const struct brood_rlimit sixteen = {
        .resource = RLIMIT_STACK, .soft = 16 << 20, .hard = 16 << 20};
    struct brood_options options = *BROOD_OPTIONS(.argv = WORDS(program()), .rlimit_count = 1,
                                                  .rlimits = &eight, .env = words(made.entries));
    CHECK_INT(plain_agree("a stack of 8 MiB", &options, NULL), -E2BIG);
    options.rlimits = &sixteen;
    CHECK_INT(plain_agree("a stack of 16 MiB", &options, NULL), SEVEN);
    words_done(&made);
}

/* ------------------------------------------------------------------ C14 */

/* Every byte that a word can hold, each alone and all in one, as an argument and as a value. */
TEST(c14_words_arrive_byte_for_byte)
{
    enum { BYTES = 255 };
    static char each[BYTES][2], all[BYTES + 1], entry[BYTES + 5];
    const char *argv[BYTES + 4] = {lab_child_program(), "echo-args"};
    static char want[8 * BYTES];
    size_t at = 0;
    for (int byte = 1; byte <= BYTES; byte++) {
        each[byte - 1][0] = all[byte - 1] = (char)byte;
        argv[byte + 1] = each[byte - 1];
        at += (size_t)sprintf(want + at, "1 %s\n", each[byte - 1]);
    }
    argv[BYTES + 2] = all;
    (void)sprintf(want + at, "%d %s\n", BYTES, all);
    CHECK_STR(prints(BROOD_OPTIONS(.argv = words(argv))), want);
    (void)sprintf(entry, "ALL=%s", all);
    CHECK_STR(prints(BROOD_OPTIONS(.argv = TARGET("env"), .env = WORDS(entry))),
              say("%s\n", entry));
    CHECK_STR(
        prints(BROOD_OPTIONS(.argv = TARGET("env"), .env = NO_WORDS, .env_set = WORDS(entry))),
        say("%s\n", entry));
}

/* Odd but whole entries are the caller's own matter: nothing of them is lost or made pretty. */
TEST(c14_odd_entries_stay_as_they_are)
{
    static const char *const env[] = {"A=",   "B==",   "C=a=b=c",    "D=line\nE=not a name", " =x",
                                      "1x=2", "A B=c", "\xc3\xa4=u", "F=\x01\xff",           NULL};
    char want[512] = "";
    for (size_t i = 0; env[i]; i++)
        (void)snprintf(want + strlen(want), sizeof want - strlen(want), "%s\n", env[i]);
    CHECK_STR(prints(BROOD_OPTIONS(.argv = TARGET("env"), .env = words(env))), want);
    CHECK_STR(prints(BROOD_OPTIONS(.argv = TARGET("env"), .env = NO_WORDS, .env_set = words(env))),
              want);
    /* Only "D" is a name there: what follows the line's end is not. */
    CHECK_STR(prints(BROOD_OPTIONS(.argv = TARGET("env"), .env = words(env + 3),
                                   .env_unset = WORDS("E", " ", "1", "A", "x"))),
              "D=line\nE=not a name\n1x=2\nA B=c\n\xc3\xa4=u\nF=\x01\xff\n");
}

/* What is no entry is refused before anything is made, and not repaired in silence. */
TEST(c14_malformed_entries_are_refused)
{
    static const char *const entries[] = {"", "=", "=x", "NAME", "NAME OF ALL"};
    static const char *const names[] = {"", "=", "A=", "A=1", "=A"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct refusal want = {
            .stage = BROOD_STAGE_OPTIONS, .code = EINVAL, .detail = BROOD_DETAIL_TEXT};
        char *const *list = WORDS("GOOD=1", entries[i], "FINE=2");
        is_refused("env", BROOD_OPTIONS(.argv = TARGET("env"), .env = list), &want);
        is_refused("set", BROOD_OPTIONS(.argv = TARGET("env"), .env_set = list), &want);
        run_is_refused("run", BROOD_OPTIONS(.argv = TARGET("env"), .env = list), &want);
        list = WORDS("GOOD", names[i], "FINE");
        is_refused("unset", BROOD_OPTIONS(.argv = TARGET("env"), .env_unset = list), &want);
    }
}

/* ------------------------------------------------------------------ C15 */

/* A program without even a name of its own reads its environment as its arguments. */
TEST(c15_no_arguments_at_all)
{
    static const uint64_t flags[] = {0, BROOD_SHELL, BROOD_SCRIPT_SHELL, BROOD_NEW_GROUP};
    for (size_t i = 0; i < 2 * sizeof flags / sizeof *flags; i++) {
        struct brood_options options = {.size = sizeof options, .flags = flags[i / 2]};
        options.program = flags[i / 2] == BROOD_SHELL ? NULL : "/bin/true";
        options.argv = i % 2 ? NO_WORDS : NULL;
        const struct refusal want = {.stage = BROOD_STAGE_OPTIONS,
                                     .code = EINVAL,
                                     .detail = BROOD_DETAIL_TEXT,
                                     .subject = "argv must have at least one word"};
        is_refused("start", &options, &want);
        run_is_refused("run", &options, &want);
        CHECK_INT(brood_plan_text(&options, NULL, 0, NULL), -EINVAL);
    }
    /* An empty word is a word. */
    CHECK_INT(plain_agree("empty", BROOD_OPTIONS(.program = program(), .argv = WORDS("")), NULL),
              SEVEN);
}

/* ------------------------------------------------------------------ C16 */

struct reader {
    pthread_t thread;
    char **list;
    atomic_bool enough;
    atomic_uint looks, wrong;
};

static void *read_on(void *argument)
{
    struct reader *reader = argument;
    while (!atomic_load(&reader->enough)) {
        const char *value = getenv("C16");
        if (environ != reader->list || !value || strcmp(value, "the caller's") != 0)
            atomic_fetch_add(&reader->wrong, 1);
        atomic_fetch_add(&reader->looks, 1);
    }
    return NULL;
}

/* Another thread reads the environment while children with others are started, well and badly: a
 * child that shares our memory must not lay its own over ours, nor leave it there. */
TEST(c16_the_callers_environment_is_not_lent)
{
    static struct reader reader;
    REQUIRE(setenv("C16", "the caller's", 1) == 0);
    reader.list = environ;
    REQUIRE(pthread_create(&reader.thread, NULL, read_on, &reader) == 0);
    for (int i = 0; i < STARTS || !atomic_load(&reader.looks); i++) {
        bool is_good = i % 3 != 0;
        const char *env[] = {"PATH=/no/such:/bin:/usr/bin", "C16=the child's", NULL};
        int got = plain_brood(BROOD_OPTIONS(.argv = WORDS(is_good ? "true" : "no-such-program"),
                                            .env = i % 2 ? words(env) : NULL,
                                            .env_set = i % 2 ? NULL : words(env)),
                              NULL);
        CHECK_INT(got, is_good ? 0 : -ENOENT);
    }
    atomic_store(&reader.enough, true);
    CHECK_INT(pthread_join(reader.thread, NULL), 0);
    CHECK_INT(atomic_load(&reader.wrong), 0);
    CHECK(environ == reader.list);
    REQUIRE(unsetenv("C16") == 0);
}

enum { FEW = 3, LOTS = 90 };

static char *few[FEW + 1], *lots[LOTS + 1];
static atomic_bool enough;

static void *exchange(void *unused)
{
    for (unsigned i = 0; !atomic_load(&enough); i++)
        __atomic_store_n(&environ, i % 2 ? few : lots, __ATOMIC_SEQ_CST);
    return unused;
}

static void fill(char **list, size_t count, const char *word, char *text, size_t size)
{
    int at = 0;
    for (size_t i = 0; i < count; i++) {
        char *entry = calloc(1, 32);
        REQUIRE(entry);
        (void)snprintf(entry, 32, "V%zu=%s", i, word);
        list[i] = entry;
        at += snprintf(text + at, size - (size_t)at, "%s\n", entry);
    }
}

/* The whole environment is exchanged for another by a thread, again and again, without a lock: the
 * child has the one or the other, never a piece of each, nor more of them than there are. */
TEST(c16_an_environment_that_is_exchanged)
{
    static char few_text[FEW * 32], lots_text[LOTS * 32];
    unsigned as_few = 0, as_lots = 0;
    char **own = environ;
    pthread_t thread;
    if (TEST_UNDER_TSAN) {
        CHECK(environ == own);
        NOTE("the race is the caller's, and the sanitizer says so");
        return;
    }
    fill(few, FEW, "few", few_text, sizeof few_text);
    fill(lots, LOTS, "lots", lots_text, sizeof lots_text);
    environ = few;
    REQUIRE(pthread_create(&thread, NULL, exchange, NULL) == 0);
    for (int i = 0; i < STARTS; i++) {
        const char *got = prints(BROOD_OPTIONS(.argv = TARGET("env")));
        bool is_few = strcmp(got, few_text) == 0, is_lots = strcmp(got, lots_text) == 0;
        as_few += is_few;
        as_lots += is_lots;
        CHECK_SAY(is_few || is_lots, "a mixture: %.60s", got);
    }
    atomic_store(&enough, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    environ = own;
    for (size_t i = 0; i < LOTS; i++)
        free(lots[i]);
    for (size_t i = 0; i < FEW; i++)
        free(few[i]);
    NOTE("%u children had the few, %u the lots", as_few, as_lots);
}
