/* SPDX-License-Identifier: MIT */
/*
 * A JSON object that is filled member by member, and looked at for failure once. Room cli.
 *
 * Invariant: after any failure the object is never handed out, so that a record has all its members
 * or is not written.
 */
#include "members.h"
#include "base64.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct members members_new(void)
{
    /* Members have names of our own, so their hashes need no secret. Without a seed jansson would
     * open /dev/urandom for one, and at the end descriptors may be short. */
    json_object_seed(1);
    return (struct members){.object = json_object()};
}

void members_put(struct members *members, const char *name, json_t *value)
{
    if (json_object_set_new(members->object, name, value) < 0)
        members->failed = true;
}

json_t *members_take(struct members *members)
{
    json_t *object = members->object;
    members->object = NULL;
    if (!members->failed)
        return object;
    json_decref(object);
    return NULL;
}

/* jansson copies the text. */
static json_t *string_and_free(char *text)
{
    json_t *string = text ? json_string(text) : NULL;
    free(text);
    return string;
}

static json_t *readable(const char *text)
{
    return string_and_free(utf8_replaced(text, strlen(text)));
}

static json_t *exact(const char *text)
{
    return string_and_free(base64_of(text, strlen(text)));
}

static void put_exact(struct members *members, const char *name, json_t *value)
{
    char sibling[64];
    (void)snprintf(sibling, sizeof sibling, "%s_base64", name);
    members_put(members, sibling, value);
}

void members_text(struct members *members, const char *name, const char *text)
{
    if (!text) {
        members_put(members, name, json_null());
        return;
    }
    members_put(members, name, readable(text));
    if (!utf8_is_valid(text, strlen(text)))
        put_exact(members, name, exact(text));
}

static json_t *list_of(char *const *texts, json_t *(*value_of)(const char *text))
{
    json_t *list = json_array();
    for (size_t i = 0; texts[i]; i++) {
        if (json_array_append_new(list, value_of(texts[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void members_texts(struct members *members, const char *name, char *const *texts)
{
    bool valid = true;
    for (size_t i = 0; texts[i] && valid; i++)
        valid = utf8_is_valid(texts[i], strlen(texts[i]));
    members_put(members, name, list_of(texts, readable));
    if (!valid)
        put_exact(members, name, list_of(texts, exact));
}

char *members_line(json_t *object, size_t *ret_length)
{
    /* Fifteen digits give back every number of microseconds as it was; more would show the nearest
     * binary fraction. */
    const size_t format = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15);
    char *text = NULL;
    FILE *out = object ? open_memstream(&text, ret_length) : NULL;
    if (!out) {
        json_decref(object);
        return NULL;
    }
    bool failed = json_dumpf(object, out, format) < 0 || fputc('\n', out) == EOF;
    json_decref(object);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
