/* SPDX-License-Identifier: MIT */
/*
 * Which way of making a process the library takes on this kernel and processor, shown from outside:
 * the call is the one that it names, and memory is shared or copied as it says.
 *
 * Room tests. Invariant: where BROOD_RUNG_WANTED is set, as in the machines of this directory, any
 * other way is a failure and not a slower success.
 */
#include "kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PAGES = 2000 };

static const char *rung(void)
{
    static char text[4096];
    REQUIRE(brood_plan_text(BROOD_OPTIONS(.argv = TARGET("exit", "0")), text, sizeof text, NULL) >
            0);
    text[strcspn(text, "\n")] = '\0';
    REQUIRE(strncmp(text, "rung: ", 6) == 0);
    return text + 6;
}

static void start_one(void)
{
    struct brood_child *child = START(.argv = TARGET("exit", "9"));
    CHECK_EXITED(END_OF(child), 9);
    brood_child_free(child);
}

TEST(the_way_that_is_wanted_here)
{
    struct utsname system;
    const char *wanted = getenv("BROOD_RUNG_WANTED"), *is = rung();
    REQUIRE(uname(&system) == 0);
    NOTE("Linux %s on %s: %s", system.release, system.machine, is);
    CHECK_STR(is, wanted ? wanted : is);
    start_one();
    CHECK_STR(rung(), is); /* before a start and after one: the same */
}

/* A filter lets no other of the calls through; what the library asks the kernel once, it has asked
 * before. fork(3) of a C library is by clone(2) or fork(2), as the processor has it. */
TEST(the_call_is_the_one_that_is_named)
{
    start_one();
    bool newer = strstr(rung(), "clone3") != NULL, plain = strstr(rung(), "fork") != NULL;
    NOTE("only %s is left", newer ? "clone3" : plain ? "clone and fork" : "clone");
    pid_t pid = fork(); /* a filter stays */
    REQUIRE(pid >= 0);
    if (pid == 0) {
#ifdef SYS_fork
        if (!plain)
            kit_refuse_call(SYS_fork, EDOM);
        kit_refuse_call(SYS_vfork, EDOM);
#endif
        kit_refuse_call(newer ? SYS_clone : SYS_clone3, newer ? EDOM : ENOSYS);
        start_one();
        _exit(0);
    }
    CHECK_CHILD(pid, 0);
}

static long faults(void)
{
    struct rusage usage;
    REQUIRE(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

/* A copy of the memory, even one that is gone again, leaves every page to be taken by a fault. */
TEST(memory_is_shared_or_copied_as_named)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    (void)madvise(memory, size, MADV_NOHUGEPAGE); /* EINVAL: there are none */
    memset(memory, 1, size);
    start_one();
    long before = faults();
    for (size_t i = 0; i < PAGES; i++)
        ((volatile char *)memory)[i * page] = 2;
    long after = faults();
    bool shares = strncmp(rung(), "shared", 6) == 0;
    NOTE("%ld faults of %d pages", after - before, (int)PAGES);
    CHECK_SAY(shares ? after - before < PAGES / 10 : after - before >= PAGES, "%ld faults: %s",
              after - before, rung());
    (void)munmap(memory, size);
}
