/* SPDX-License-Identifier: MIT */
/*
 * Writing JSON, one object on one line. Room cli.
 *
 * Invariant: whatever the bytes given, the output is valid JSON in UTF-8 without a line break, and
 * every string from outside goes through json_string().
 */
#include "json.h"
#include "utf8.h"

#include <inttypes.h>
#include <string.h>

static void put_char(FILE *out, const char *bytes, size_t length)
{
    unsigned char byte = (unsigned char)bytes[0];
    if (byte == '"' || byte == '\\')
        (void)fprintf(out, "\\%c", byte);
    else if (byte < 0x20 || byte == 0x7F)
        (void)fprintf(out, "\\u%04x", byte);
    else
        (void)fwrite(bytes, 1, length, out);
}

void json_string(FILE *out, const char *bytes, size_t length)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    (void)fputc('"', out);
    for (size_t at = 0, step = 0; at < length; at += step) {
        bool valid = true;
        step = utf8_step(bytes + at, length - at, &valid);
        if (valid)
            put_char(out, bytes + at, step);
        else
            (void)fputs(replacement, out);
    }
    (void)fputc('"', out);
}

static void put_base64(FILE *out, const char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)fputc('"', out);
    for (size_t at = 0; at < length; at += 3) {
        size_t left = length - at;
        uint32_t group = (uint32_t)(unsigned char)bytes[at] << 16;
        if (left > 1)
            group |= (uint32_t)(unsigned char)bytes[at + 1] << 8;
        if (left > 2)
            group |= (uint32_t)(unsigned char)bytes[at + 2];
        (void)fputc(digits[group >> 18], out);
        (void)fputc(digits[group >> 12 & 63], out);
        (void)fputc(left > 1 ? digits[group >> 6 & 63] : '=', out);
        (void)fputc(left > 2 ? digits[group & 63] : '=', out);
    }
    (void)fputc('"', out);
}

/* Names are our own literals; they need no escape. */
static void put_name(struct json *json, const char *name, const char *suffix)
{
    if (json->more)
        (void)fputc(',', json->out);
    if (name)
        (void)fprintf(json->out, "\"%s%s\":", name, suffix);
    json->more = true;
}

void json_open(struct json *json, const char *name)
{
    put_name(json, name, "");
    (void)fputc('{', json->out);
    json->more = false;
}

void json_close(struct json *json)
{
    (void)fputc('}', json->out);
    json->more = true;
}

void json_text(struct json *json, const char *name, const char *text)
{
    if (!text) {
        json_null(json, name);
        return;
    }
    size_t length = strlen(text);
    put_name(json, name, "");
    json_string(json->out, text, length);
    if (!utf8_is_valid(text, length)) {
        put_name(json, name, "_base64");
        put_base64(json->out, text, length);
    }
}

void json_texts(struct json *json, const char *name, char *const *texts)
{
    bool valid = true;
    put_name(json, name, "");
    for (size_t i = 0; texts[i]; i++) {
        (void)fputc(i ? ',' : '[', json->out);
        json_string(json->out, texts[i], strlen(texts[i]));
        valid = valid && utf8_is_valid(texts[i], strlen(texts[i]));
    }
    (void)fputs(texts[0] ? "]" : "[]", json->out);
    if (valid)
        return;
    put_name(json, name, "_base64");
    for (size_t i = 0; texts[i]; i++) {
        (void)fputc(i ? ',' : '[', json->out);
        put_base64(json->out, texts[i], strlen(texts[i]));
    }
    (void)fputc(']', json->out);
}

void json_number(struct json *json, const char *name, int64_t number)
{
    put_name(json, name, "");
    (void)fprintf(json->out, "%" PRId64, number);
}

void json_bool(struct json *json, const char *name, bool value)
{
    json_raw(json, name, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
    json_raw(json, name, "null");
}

void json_raw(struct json *json, const char *name, const char *token)
{
    put_name(json, name, "");
    (void)fputs(token, json->out);
}
