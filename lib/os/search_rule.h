/* SPDX-License-Identifier: MIT */
/*
 * execvp(3)'s rule for a search: a name that is not there, or not to be executed, lets the next
 * directory try; anything else ends it.
 *
 * Room os. A macro, since it is asked in a new process, where no code of the maker may be called.
 */
#ifndef BD_OS_SEARCH_RULE_H
#define BD_OS_SEARCH_RULE_H

#include <errno.h>

#define SEARCH_GOES_ON(result)                                                                     \
    ((result) == -EACCES || (result) == -ENOENT || (result) == -ENOTDIR || (result) == -ESTALE ||  \
     (result) == -ENODEV || (result) == -ETIMEDOUT)

#endif
