/* SPDX-License-Identifier: MIT */
/*
 * Base64 (RFC 4648, section 4), which jansson does not have. Room cli.
 */
#ifndef BROOD_CLI_BASE64_H
#define BROOD_CLI_BASE64_H

#include <stddef.h>

/* Returns the bytes as text, to be freed; NULL without memory. */
char *base64_of(const char *bytes, size_t length);

#endif
