/* SPDX-License-Identifier: MIT */
/*
 * Writing JSON, one object on one line. Room cli.
 *
 * Text from outside need not be UTF-8, and JSON must be: invalid bytes become U+FFFD, and a sibling
 * member NAME_base64 then holds the bytes as they are.
 */
#ifndef BROOD_CLI_JSON_H
#define BROOD_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool more; /* a comma is due */
};

void json_open(struct json *json, const char *name); /* NULL: the outermost object */
void json_close(struct json *json);
void json_text(struct json *json, const char *name, const char *text); /* NULL: null */
void json_texts(struct json *json, const char *name, char *const *texts);
void json_number(struct json *json, const char *name, int64_t number);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);
void json_raw(struct json *json, const char *name, const char *token); /* a number as written */

/* The string literal alone, quotes included. */
void json_string(FILE *out, const char *bytes, size_t length);

#endif
