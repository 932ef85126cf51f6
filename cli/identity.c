/* SPDX-License-Identifier: MIT */
/*
 * Who the command is to be: --user, --group and --groups. Room cli.
 *
 * A word is the name of a user or group, or else its number, as chown(1) has it. Invariant: a user
 * never begins with the groups of whoever called: they are the user's own, those that were asked
 * for, or none; and with no group that is known, nothing is started.
 */
#include "identity.h"
#include "values.h"
#include "words.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* The last number stands for "leave it as it is". */
#define ID_MOST ((int64_t)UINT32_MAX - 1)
enum { GROUPS_MOST = 65536 };

/* Not in the database, as far as its many ways of saying so go. */
static bool is_absence(int code)
{
    return code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
}

static int say_lookup(const char *option, const char *word, int code)
{
    return words_say(asked_table.who, "--%s: cannot look up '%s': %s", option, word,
                     strerror(code));
}

static int say_group_missing(const char *option, const char *word)
{
    return words_say(asked_table.who,
                     "--%s: there is no group '%s'; use the name of one, or a number", option,
                     word);
}

/* *ret_known is the user's entry, or NULL for a number that nobody has. */
static int find_user(const char *word, uint32_t *ret_uid, const struct passwd **ret_known)
{
    int64_t number = 0;
    errno = 0;
    const struct passwd *found = getpwnam(word);
    if (!found && !is_absence(errno))
        return say_lookup("user", word, errno);
    if (!found) {
        if (word[0] == '+' || values_number(word, 0, ID_MOST, &number) < 0)
            return words_say(asked_table.who,
                             "--user: there is no user '%s'; use the name of one, or a number",
                             word);
        errno = 0;
        found = getpwuid((uid_t)number);
        if (!found && !is_absence(errno))
            return say_lookup("user", word, errno);
    }
    *ret_uid = found ? found->pw_uid : (uint32_t)number;
    *ret_known = found;
    return 0;
}

static int find_group(const char *option, const char *word, uint32_t *ret_gid)
{
    int64_t number = 0;
    errno = 0;
    const struct group *found = getgrnam(word);
    if (!found && !is_absence(errno))
        return say_lookup(option, word, errno);
    if (!found && (word[0] == '+' || values_number(word, 0, ID_MOST, &number) < 0))
        return say_group_missing(option, word);
    *ret_gid = found ? found->gr_gid : (uint32_t)number;
    return 0;
}

/* The groups of LIST. */
static int read_groups(const char *list, uint32_t *groups, size_t *ret_count)
{
    size_t count = 0;
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        char *word = strndup(at, length);
        if (!word)
            return words_say(asked_table.who, "out of memory");
        int code = length == 0 ? say_group_missing("groups", "")
                               : find_group("groups", word, &groups[count]);
        free(word);
        if (code != 0)
            return code;
        count++;
        at += length;
        if (*at == ',' && *++at == '\0')
            return say_group_missing("groups", "");
    }
    *ret_count = count;
    return 0;
}

/* The supplementary groups that the system has for a user. */
static int own_groups(const struct passwd *user, uint32_t gid, uint32_t *groups, size_t *ret_count)
{
    int count = GROUPS_MOST;
    if (getgrouplist(user->pw_name, gid, groups, &count) < 0)
        return words_say(asked_table.who, "--user: %s is in more groups than a process can be",
                         user->pw_name);
    *ret_count = (size_t)count;
    return 0;
}

/* Cuts GROUP off --user USER:GROUP; what is left is to be freed. */
static char *split_user(const char *user, const char **ret_group)
{
    char *name = strdup(user), *colon = name ? strchr(name, ':') : NULL;
    if (colon) {
        *colon = '\0';
        *ret_group = user + (colon - name) + 1;
    }
    return name;
}

/* The user, with the group that the system has for it. */
static int resolve_user(struct asked *asked, const char *name, const char *group,
                        const struct passwd **ret_known)
{
    struct brood_credentials *who = &asked->credentials;
    int code = find_user(name, &who->uid, ret_known);
    if (code != 0)
        return code;
    if (!*ret_known && !group)
        return words_say(
            asked_table.who,
            "--user: no user has the number %s, so its group is not known; add --group", name);
    if (*ret_known)
        who->gid = (*ret_known)->pw_gid;
    return 0;
}

static int refuse_two_groups(const struct asked *asked, const char *user_group)
{
    if (user_group && asked->group)
        return words_say(asked_table.who,
                         "--user %s and --group %s both name the group; leave out one of them",
                         asked->user, asked->group);
    if (user_group && user_group[0] == '\0')
        return words_say(asked_table.who,
                         "--user: '%s' has no group behind the colon; write USER or USER:GROUP",
                         asked->user);
    return 0;
}

/* The group comes before the supplementary ones, which it is always one of. */
static int resolve(struct asked *asked, const char *name, const char *user_group)
{
    struct brood_credentials *who = &asked->credentials;
    const struct passwd *known = NULL;
    const char *group = user_group ? user_group : asked->group;
    int code = refuse_two_groups(asked, user_group);
    if (code == 0 && asked->user)
        code = resolve_user(asked, name, group, &known);
    if (code == 0 && group)
        code = find_group(user_group ? "user" : "group", group, &who->gid);
    if (code == 0 && asked->groups)
        return read_groups(asked->groups, asked->group_list, &who->group_count);
    if (code == 0 && known)
        code = own_groups(known, who->gid, asked->group_list, &who->group_count);
    return code;
}

int identity_resolve(struct asked *asked)
{
    asked->changes_identity = asked->user || asked->group || asked->groups;
    if (!asked->changes_identity)
        return 0;
    size_t most = GROUPS_MOST + (asked->groups ? strlen(asked->groups) : 0);
    asked->group_list = calloc(most, sizeof(uint32_t));
    asked->credentials = (struct brood_credentials){
        .uid = UINT32_MAX,
        .gid = UINT32_MAX,
        .groups = asked->group_list,
        .flags = asked->user || asked->groups ? 0 : BROOD_KEEP_GROUPS,
    };
    const char *user_group = NULL;
    char *name = asked->user ? split_user(asked->user, &user_group) : NULL;
    int code = !asked->group_list || (asked->user && !name)
                   ? words_say(asked_table.who, "out of memory")
                   : resolve(asked, name, user_group);
    free(name);
    return code;
}
