/* SPDX-License-Identifier: MIT */
/*
 * Text of any bytes in a record: the line is JSON, has one newline, and gives the bytes back, in
 * the member itself or by NAME_base64.
 */
#include "../../cli/base64.c"
#include "../../cli/members.c"
#include "../../cli/utf8.c"

#include "bytes.h"

/* The decoder of the test, by the alphabet of RFC 4648. */
static size_t decode(const char *text, unsigned char *ret)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0, have = 0;
    size_t length = 0;
    for (; *text && *text != '='; text++) {
        const char *place = strchr(alphabet, *text);
        DEMAND(place);
        bits = bits << 6 | (uint32_t)(place - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            ret[length++] = (unsigned char)(bits >> have);
        }
    }
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {.at = data, .left = size};
    const char *text = bytes_copy(&bytes, size, 1);
    size_t length = strlen(text), line_length = 0;
    struct members members = members_new();
    members_text(&members, "text", text);
    char *line = members_line(members_take(&members), &line_length);
    DEMAND(line && line_length == strlen(line) && strchr(line, '\n') == line + line_length - 1);
    json_t *read = json_loads(line, 0, NULL);
    DEMAND(read);
    const char *told = json_string_value(json_object_get(read, "text"));
    const char *coded = json_string_value(json_object_get(read, "text_base64"));
    unsigned char *back = malloc(length + 3);
    DEMAND(told && back && (coded != NULL) == !utf8_is_valid(text, length));
    DEMAND(coded ? decode(coded, back) == length && memcmp(back, text, length) == 0
                 : strcmp(told, text) == 0);
    free(back);
    json_decref(read);
    free(line);
    bytes_done(&bytes);
    return 0;
}
