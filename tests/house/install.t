#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/house/install.t: `make install` gives what a user of the library needs, honours DESTDIR, prefix
# and CFLAGS, calls no package manager, and `make uninstall` takes all of it away.
# bound: 300
set -u
cd "$BROOD_SOURCE" || exit 1
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-install.XXXXXX")
trap 'rm -rf "$top"' EXIT
n=0
check() { # WHAT COMMAND...
    n=$((n + 1))
    what=$1
    shift
    if "$@" >"$top/words" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$top/words"
    fi
}
# make without what an outer make has told this one about jobs and variables
door() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS PATH="$top/traps:$PATH" make BUILD="$top/build" "$@"; }

mkdir "$top/traps"
for trap in apt apt-get sudo dpkg-query; do
    printf '#!/bin/sh\necho %s >>%s\nexit 1\n' "$trap" "$top/trapped" >"$top/traps/$trap"
    chmod +x "$top/traps/$trap"
done

dest=$top/dest
# Only the products: the tests are built by the build that runs this one.
check "make install with DESTDIR, prefix and CFLAGS" \
    door install DESTDIR="$dest" prefix=/opt/brood libdir=lib CFLAGS="-O1 -DHOUSE_WAS_HERE=1" \
    MESON_OPTIONS=-Dtests=false
check "no package manager was called" test ! -e "$top/trapped"
check "CFLAGS reached the compiler" grep -q HOUSE_WAS_HERE "$top/build/compile_commands.json"
check "nothing landed outside DESTDIR's prefix" test "$(ls "$dest")$(ls "$dest/opt")" = optbrood
root=$dest/opt/brood
for file in include/brood.h lib/libbrood.so lib/libbrood.so.0 lib/libbrood.a lib/pkgconfig/brood.pc \
    lib/cmake/brood/brood-config.cmake bin/brood share/man/man3/libbrood.3 share/man/man1/brood.1; do
    check "installed: $file" test -s "$root/$file"
done

# The shared object stands on libc alone, and says what it is.
readelf -d "$root/lib/libbrood.so" >"$top/dynamic"
check "soname libbrood.so.0" grep -q 'soname: \[libbrood.so.0\]' "$top/dynamic"
sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$top/dynamic" | grep -v '^libc\.so\.6$' >"$top/needed"
check "needs libc alone" test ! -s "$top/needed"
nm -D --defined-only "$root/lib/libbrood.so" | grep -v -E ' (A|T) (brood_|BROOD_)' >"$top/others"
check "exports nothing but brood_*" test ! -s "$top/others"

# A client, by pkg-config: shared, and static; its child is a real one.
cat >"$top/client.c" <<'C'
#include <brood.h>
#include <stdio.h>
int main(void)
{
    char *argv[] = {"sh", "-c", "exit 7", NULL};
    char text[512];
    struct brood_child *child;
    struct brood_error error;
    struct brood_exit end;
    if (brood_start(BROOD_OPTIONS(.argv = argv), &child, &error) < 0) {
        puts(brood_error_text(&error, text, sizeof text));
        return 1;
    }
    int waited = brood_child_wait(child, BROOD_FOREVER, &end);
    brood_child_free(child);
    puts(brood_version());
    return waited == 0 && brood_exit_code(&end) == 7 ? 0 : 1;
}
C
export PKG_CONFIG_PATH="$root/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest"
# shellcheck disable=SC2046 # lists of words
check "a client compiles and links by pkg-config" \
    cc -std=c99 -Wall -Werror "$top/client.c" -o "$top/client" $(pkg-config --cflags --libs brood)
check "it runs with the shared library" env LD_LIBRARY_PATH="$root/lib" "$top/client"
# shellcheck disable=SC2046
check "a client compiles and links statically" \
    cc -std=c99 -Wall -Werror "$top/client.c" -static -o "$top/static" \
    $(pkg-config --static --cflags --libs brood)
check "it runs" "$top/static"

check "pkg-config and the library tell one version" \
    test "$("$top/static")" = "$(pkg-config --modversion brood)"

# The same by CMake.
mkdir "$top/cmake"
cp "$top/client.c" "$top/cmake/"
cat >"$top/cmake/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.16)
project(client C)
find_package(brood 0.1 REQUIRED)
add_executable(client client.c)
target_link_libraries(client brood::brood)
add_executable(fixed client.c)
target_link_libraries(fixed brood::static)
C
check "cmake finds it" cmake -S "$top/cmake" -B "$top/cmake/b" -DCMAKE_PREFIX_PATH="$root"
check "cmake builds with it" cmake --build "$top/cmake/b"
check "its clients run" sh -c "'$top/cmake/b/client' && '$top/cmake/b/fixed'"

# For vendoring: one source, one include directory, any name for the object.
check "lib/onebrood.c compiles alone" cc -pthread -Iinclude -c lib/onebrood.c -o "$top/one.o"
check "a client links that one object" \
    cc -pthread -Iinclude "$top/client.c" "$top/one.o" -o "$top/one"
check "it runs" "$top/one"

check "make uninstall" door uninstall MESON_OPTIONS=-Dtests=false
find "$top" -path "$dest/*" ! -type d >"$top/left"
check "nothing is left" test ! -s "$top/left"
echo "1..$n"
