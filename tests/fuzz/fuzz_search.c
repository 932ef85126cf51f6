/* SPDX-License-Identifier: MIT */
/*
 * PATH, and the first bytes of a program: every candidate is an element of PATH and the name, in
 * order; what a file says of its interpreter lies within the file.
 */
#include "../../lib/onebrood.c"

#include "bytes.h"

/* execvp(3), once more and simpler: text after text is cut off at the colons. */
static void search(struct bytes *bytes)
{
    struct bd_arena arena = {0};
    const char *const *candidates = NULL;
    const char *program = bytes_text(bytes), *path = bytes_text(bytes);
    char want[600];
    int count = bd_search_candidates(&arena, program, path, &candidates);
    for (int i = 0; i < count; i++) {
        size_t length = strcspn(path, ":");
        (void)snprintf(want, sizeof want, "%.*s%s%s", (int)length, path, length ? "/" : "",
                       program);
        DEMAND(strcmp(candidates[i], want) == 0);
        DEMAND(path[length] == ':' || i + 1 == count);
        path += length + 1;
    }
    bd_arena_done(&arena);
}

static void read_head_of(const char *head, size_t length)
{
    char name[256];
    const unsigned char *bytes = (const unsigned char *)head;
    memset(name, 'x', sizeof name);
    if (find_interpreter(bytes, (ssize_t)length, name, sizeof name)) {
        DEMAND(memchr(name, '\0', sizeof name) && name[0] && !strpbrk(name, " \t\n"));
        DEMAND(memmem(head, length, name, strlen(name)));
    }
    memset(name, 'x', sizeof name);
    if (bd_os_image_loader(bytes, length, name, sizeof name))
        DEMAND(memchr(name, '\0', sizeof name));
    (void)bd_os_image_foreign(bytes, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {.at = data, .left = size};
    if (bytes_one(&bytes) & 1) {
        search(&bytes);
    } else {
        size_t length = bytes.left;
        read_head_of(bytes_copy(&bytes, length, 0), length);
    }
    bytes_done(&bytes);
    return 0;
}
