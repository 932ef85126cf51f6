/* SPDX-License-Identifier: MIT */
/*
 * A JSON object that is filled member by member, and looked at for failure once. Room cli.
 *
 * Text from outside need not be UTF-8, and JSON must be: wrong sequences become U+FFFD, and a
 * sibling member NAME_base64 then holds the bytes as they are.
 */
#ifndef BROOD_CLI_MEMBERS_H
#define BROOD_CLI_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct members {
    json_t *object; /* NULL without memory */
    bool failed;    /* a member is missing: out of memory */
};

struct members members_new(void);

/* Takes the value, also when it fails; NULL, what jansson returns without memory, fails. */
void members_put(struct members *members, const char *name, json_t *value);
void members_text(struct members *members, const char *name, const char *text); /* NULL: null */
void members_texts(struct members *members, const char *name, char *const *texts);

/* Returns the whole object, which is now the caller's, or NULL if anything failed. */
json_t *members_take(struct members *members);

/* Takes the object; returns it as one line, newline included, to be freed; NULL without memory. */
char *members_line(json_t *object, size_t *ret_length);

#endif
