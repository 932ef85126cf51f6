/* SPDX-License-Identifier: MIT */
/*
 * filtered TABLE FILTER PROGRAM [ARGUMENT...]: runs a program as on an older kernel or in a
 * container: the system calls that TABLE (filters.txt) names for FILTER fail with the errno it
 * says.
 *
 * Invariant: whatever the table says is in force, or nothing runs: an unknown filter, call or errno
 * is an error, never a filter with a hole.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MISUSED = 2, NOT_RUN = 126, MOST_WORDS = 8, LINE_BYTES = 256 };

static _Noreturn void give_up(const char *what, const char *which)
{
    (void)fprintf(stderr, "filtered: %s: %s\n", what, which);
    exit(MISUSED);
}

static uint32_t errno_of(const char *name)
{
    static const struct {
        const char *name;
        int code;
    } known[] = {{"EPERM", EPERM},   {"ENOSYS", ENOSYS},         {"EINVAL", EINVAL},
                 {"ENOTTY", ENOTTY}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EACCES", EACCES}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name))
            return (uint32_t)known[i].code;
    give_up("no errno that is known here", name);
}

/* 5.11 as 5011; 0 when it is no version. */
static unsigned version_of(const char *text)
{
    unsigned major = 0, minor = 0;
    char rest;
    return sscanf(text, "%u.%u%c", &major, &minor, &rest) == 2 ? major * 1000 + minor : 0;
}

/* `since VERSION` is for every older `linux-VERSION`, `filter NAME` for that one. */
static bool concerns(char **words, const char *filter)
{
    static const char prefix[] = "linux-";
    if (!strcmp(words[0], "filter"))
        return !strcmp(words[1], filter);
    if (strcmp(words[0], "since") != 0 || version_of(words[1]) == 0)
        give_up("neither `since VERSION` nor `filter NAME`", words[0]);
    return !strncmp(filter, prefix, strlen(prefix)) &&
           version_of(filter + strlen(prefix)) < version_of(words[1]);
}

/* CALL ERRNO [ARGUMENT is|has NUMBER] */
static void add_rule(scmp_filter_ctx context, char **words, int count)
{
    int call = seccomp_syscall_resolve_name(words[0]);
    if (call == __NR_SCMP_ERROR)
        give_up("no system call that is known here", words[0]);
    struct scmp_arg_cmp when = {.op = SCMP_CMP_EQ};
    if (count == 5) {
        uint64_t number = strtoull(words[4], NULL, 0);
        when.arg = (unsigned)strtoul(words[2], NULL, 10);
        when.datum_a = number;
        if (!strcmp(words[3], "has"))
            when = (struct scmp_arg_cmp){when.arg, SCMP_CMP_MASKED_EQ, number, number};
        else if (strcmp(words[3], "is") != 0)
            give_up("neither `is` nor `has`", words[3]);
    } else if (count != 2) {
        give_up("CALL ERRNO or CALL ERRNO ARGUMENT is|has NUMBER is wanted", words[0]);
    }
    uint32_t answer = SCMP_ACT_ERRNO(errno_of(words[1]));
    int result = seccomp_rule_add_array(context, answer, call, count == 5, &when);
    if (result < 0 && result != -EEXIST) /* a call that is refused whole has no more to refuse */
        give_up(words[0], strerror(-result));
}

static int split(char *line, char **words)
{
    int count = 0;
    char *rest = NULL;
    line[strcspn(line, "#\n")] = '\0';
    for (char *word = strtok_r(line, " \t", &rest); word && count < MOST_WORDS;
         word = strtok_r(NULL, " \t", &rest))
        words[count++] = word;
    return count;
}

static void read_table(scmp_filter_ctx context, const char *path, const char *filter)
{
    char line[LINE_BYTES], *words[MOST_WORDS];
    unsigned rules = 0;
    FILE *table = fopen(path, "re");
    if (!table)
        give_up(path, strerror(errno));
    while (fgets(line, sizeof line, table)) {
        int count = split(line, words);
        if (count > 0 && count < 4)
            give_up("a line with too few words", words[0]);
        if (count > 0 && concerns(words, filter)) {
            add_rule(context, words + 2, count - 2);
            rules++;
        }
    }
    (void)fclose(table);
    if (rules == 0)
        give_up("the table has no such filter", filter);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        give_up("usage", "filtered TABLE FILTER PROGRAM [ARGUMENT...]");
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    if (!context || seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW) < 0)
        give_up("libseccomp", "no filter can be made");
    read_table(context, argv[1], argv[2]);
    /* Who may does without no_new_privs, so that set-user-id programs stay what they are. */
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
    int result = seccomp_load(context);
    if (result < 0 && seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 1) == 0)
        result = seccomp_load(context);
    if (result < 0)
        give_up("the kernel takes no filter", strerror(-result));
    seccomp_release(context);
    (void)execv(argv[3], argv + 3);
    (void)fprintf(stderr, "filtered: %s: %s\n", argv[3], strerror(errno));
    return NOT_RUN;
}
