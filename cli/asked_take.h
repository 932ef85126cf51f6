/* SPDX-License-Identifier: MIT */
/*
 * The functions that take one option of `brood run` each. Room cli; for asked_rows.c and asked.c.
 */
#ifndef BROOD_CLI_ASKED_TAKE_H
#define BROOD_CLI_ASKED_TAKE_H

#include "asked.h"

enum asked_which {
    ASKED_TIMEOUT,
    ASKED_GRACE,
    ASKED_DRAIN,
    ASKED_START_TIMEOUT,
    ASKED_CWD,
    ASKED_JSON,
    ASKED_CGROUP,
    ASKED_USER,
    ASKED_GROUP,
    ASKED_GROUPS,
    ASKED_CLEAR_ENV,
    ASKED_NEW_SESSION,
    ASKED_NO_NEW_PRIVS,
    ASKED_PTY,
    ASKED_DETACH,
    ASKED_PLAN,
    ASKED_QUIET
};

int take_duration(void *asked, const struct table_option *option, const char *value);
int take_text(void *asked, const struct table_option *option, const char *value);
int take_flag(void *asked, const struct table_option *option, const char *value);
int take_env(void *asked, const struct table_option *option, const char *value);
int take_unset(void *asked, const struct table_option *option, const char *value);
int take_stream(void *asked, const struct table_option *option, const char *value);
int take_keep(void *asked, const struct table_option *option, const char *value);
int take_umask(void *asked, const struct table_option *option, const char *value);
int take_nice(void *asked, const struct table_option *option, const char *value);
int take_oom(void *asked, const struct table_option *option, const char *value);
int take_affinity(void *asked, const struct table_option *option, const char *value);
int take_signals(void *asked, const struct table_option *option, const char *value);
int take_limit(void *asked, const struct table_option *option, const char *value);

#endif
