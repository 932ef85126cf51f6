/* SPDX-License-Identifier: MIT */
/*
 * ELF: what an executable file's first bytes say on Linux.
 *
 * Room os. Invariant: see image.h.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/statvfs.h>

#include "os.h"

enum { ELF_MACHINE_AT = 18, ELF_DATA_AT = 5, ELF_BIG_ENDIAN = 2 };

#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#else
enum { OWN_MACHINE = EM_NONE };
#endif

/* For programs of our own word size. */
bool bd_os_image_loader(const unsigned char *head, size_t length, char *ret, size_t size)
{
    ElfW(Ehdr) file;
    if (length < sizeof file || memcmp(head, ELFMAG, SELFMAG) != 0)
        return false;
    memcpy(&file, head, sizeof file);
    for (size_t i = 0; i < file.e_phnum; i++) {
        ElfW(Phdr) part;
        uint64_t at = file.e_phoff + i * sizeof part;
        if (at > length - sizeof part)
            return false;
        memcpy(&part, head + at, sizeof part);
        if (part.p_type != PT_INTERP)
            continue;
        if (part.p_filesz >= size || part.p_offset > length ||
            part.p_filesz > length - part.p_offset)
            return false;
        memcpy(ret, head + part.p_offset, part.p_filesz);
        ret[part.p_filesz] = '\0';
        return true;
    }
    return false;
}

int32_t bd_os_image_foreign(const unsigned char *head, size_t length)
{
    if (length <= ELF_MACHINE_AT + 1 || memcmp(head, ELFMAG, SELFMAG) != 0)
        return 0;
    int low = head[ELF_MACHINE_AT], high = head[ELF_MACHINE_AT + 1];
    int machine = head[ELF_DATA_AT] == ELF_BIG_ENDIAN ? low << 8 | high : high << 8 | low;
    return machine == OWN_MACHINE ? 0 : machine;
}

const char *bd_os_machine_words(void)
{
    return "ELF machine";
}

bool bd_os_image_is_refused(int code)
{
    return code == ENOEXEC;
}

int bd_os_image_look(int base, const char *path, int how)
{
    return openat(base, path, O_PATH | O_CLOEXEC | how);
}

bool bd_os_image_on_noexec(int fd)
{
    struct statvfs mount;
    return fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOEXEC);
}
