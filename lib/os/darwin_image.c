/* SPDX-License-Identifier: MIT */
/*
 * Mach-O: what an executable file's first bytes say on macOS.
 *
 * Room os. Invariant: see image.h. The loader of every program is the system's own, which is never
 * missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <mach-o/fat.h>
#include <mach-o/loader.h>
#include <string.h>
#include <sys/mount.h>

#include "image.h"
#include "os.h"

enum { FAT_MOST = 32, FAT_ARCH_BYTES = 20 }; /* more is a Java class, which begins alike */

#if defined(__aarch64__)
static const uint32_t own_machine = CPU_TYPE_ARM64;
#else
static const uint32_t own_machine = CPU_TYPE_X86_64;
#endif

bool bd_os_image_loader(const unsigned char *head, size_t length, char *ret, size_t size)
{
    (void)head, (void)length, (void)ret, (void)size;
    return false;
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Of a file with programs for several machines: the first one's, unless ours is among them. */
static int32_t foreign_of_many(const unsigned char *head, size_t length)
{
    uint32_t count = big_endian(head + 4);
    if (count == 0 || count > FAT_MOST)
        return 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = sizeof(struct fat_header) + i * FAT_ARCH_BYTES;
        if (at + 4 > length || big_endian(head + at) == own_machine)
            return 0;
    }
    return (int32_t)big_endian(head + sizeof(struct fat_header));
}

int32_t bd_os_image_foreign(const unsigned char *head, size_t length)
{
    struct mach_header file;
    if (length < sizeof file)
        return 0;
    memcpy(&file, head, sizeof file);
    if (big_endian(head) == FAT_MAGIC)
        return foreign_of_many(head, length);
    if (file.magic != MH_MAGIC && file.magic != MH_MAGIC_64)
        return 0;
    return (uint32_t)file.cputype == own_machine ? 0 : file.cputype;
}

const char *bd_os_machine_words(void)
{
    return "CPU type";
}

bool bd_os_image_is_refused(int code)
{
    return code == ENOEXEC || code == EBADEXEC || code == EBADARCH || code == EBADMACHO ||
           code == ESHLIBVERS;
}

int bd_os_image_look(int base, const char *path, int how)
{
    return openat(base, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | how);
}

bool bd_os_image_on_noexec(int fd)
{
    struct statfs system;
    return fstatfs(fd, &system) == 0 && (system.f_flags & MNT_NOEXEC);
}
