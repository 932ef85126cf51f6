/* SPDX-License-Identifier: MIT */
/*
 * The whole library as one source, for vendoring: copy lib/ and include/, then
 *
 *     cc -pthread -Iinclude -c lib/onebrood.c
 *
 * Written by tools/onebrood from lib/meson.build; the names of static functions are unique across
 * lib/ because of this file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#endif

