/* SPDX-License-Identifier: MIT */
/*
 * Code of a new process with one planted defect, chosen by PLANT, for the check of its section. 0
 * has none.
 *
 * Invariant: each defect is of another kind, and what the check says of it names `wanted` of its
 * row in child_code.t.
 */
#include <errno.h>
#include <string.h>

#define CHILD __attribute__((section(".text.brood_child")))

void bd_os_child_main(void *data);
void outside(void);
int variable;
_Thread_local int local;

__attribute__((noinline)) void outside(void)
{
    variable++;
}

CHILD __attribute__((noinline)) static int inside(int x)
{
    return x * 3;
}

CHILD void bd_os_child_main(void *data)
{
    static const int constants[] = {3, 1, 4, 1, 5};
    volatile int *number = data;
    *number = inside(constants[*number % 5]);
#if PLANT == 1
    memmove(data, (char *)data + 1, (size_t)*number);
#elif PLANT == 2
    outside();
#elif PLANT == 3
    variable = 1;
#elif PLANT == 4
    *number = errno;
#elif PLANT == 5
    *number = local;
#elif PLANT == 6
    void (*volatile by_pointer)(void) = outside;
    by_pointer();
#endif
}
