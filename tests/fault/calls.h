/* SPDX-License-Identifier: MIT */
/* System calls by name, and how each can really fail: the answer to inject_codes(). */
#ifndef CALLS_H
#define CALLS_H

#include "inject.h"

/* An inject_codes function over the table of calls.c. */
int calls_codes(const struct inject_call *call, unsigned choice);

/* Why a call is never made to fail; NULL when it is, or when the table does not know it. */
const char *calls_never(const struct inject_call *call);

/* Does the table know this call? An unknown one is a gap of the sweep, so a failure of the test. */
bool calls_known(const struct inject_call *call);

/* "openat"; "call-999" (written to a static) for one without a row. */
const char *calls_name(int number);

/* The number of a name, or -1. */
int calls_number(const char *name);

/* "EMFILE", and back (0: none of this name). */
const char *calls_errno_name(int code);
int calls_errno(const char *name);

#endif
