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
    lib/cmake/brood/brood-config.cmake bin/brood share/man/man3/libbrood.3 share/man/man1/brood.1 \
    share/man/man1/brood-run.1 share/bash-completion/completions/brood share/zsh/site-functions/_brood \
    share/fish/vendor_completions.d/brood.fish; do
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
cp examples/cmake/client.c "$top/client.c"
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

# The same by CMake, shared and static.
check "cmake finds it" cmake -S examples/cmake -B "$top/cmake" -DCMAKE_PREFIX_PATH="$root"
check "cmake builds with it" cmake --build "$top/cmake"
check "its clients run" sh -c "'$top/cmake/client' && '$top/cmake/client-static'"

# A Meson project with brood as a subproject: the library alone, shared and static, and of those the
# one that it asks for.
mkdir "$top/sub" "$top/sub/subprojects"
cp examples/subproject/* "$top/sub/"
ln -s "$BROOD_SOURCE" "$top/sub/subprojects/brood"
subproject() { env -u PKG_CONFIG_PATH -u PKG_CONFIG_SYSROOT_DIR -u MAKEFLAGS "$@"; }
for kind in shared static; do
    check "meson sets it up as a subproject, $kind" \
        subproject meson setup --default-library=$kind --wrap-mode=forcefallback "$top/sub/$kind" "$top/sub"
    check "it is built" subproject ninja -C "$top/sub/$kind"
    check "its clients run" sh -c "'$top/sub/$kind/client' && '$top/sub/$kind/client-static'"
    check "neither the command nor tests are built of it" \
        test ! -e "$top/sub/$kind/subprojects/brood/brood" -a ! -e "$top/sub/$kind/subprojects/brood/tests"
done
needs() { readelf -d "$1" | grep -q 'NEEDED.*libbrood'; }
check "client takes the shared library where that is the default" needs "$top/sub/shared/client"
check "and the static one where that is" sh -c "! readelf -d '$top/sub/static/client' | grep -q libbrood"
check "client-static always does" sh -c "! readelf -d '$top/sub/shared/client-static' | grep -q libbrood"

# For vendoring: one source, one include directory, any name for the object.
check "lib/onebrood.c compiles alone" cc -pthread -Iinclude -c lib/onebrood.c -o "$top/one.o"
check "a client links that one object" \
    cc -pthread -Iinclude "$top/client.c" "$top/one.o" -o "$top/one"
check "it runs" "$top/one"

# To another place: what is built stays.
touch "$top/build/kept"
same() { door install libdir=lib CFLAGS="-O1 -DHOUSE_WAS_HERE=1" MESON_OPTIONS=-Dtests=false "$@"; }
check "another prefix" same DESTDIR="$dest/other" prefix=/usr
check "its pkg-config file says so" grep -qx 'prefix=/usr' "$dest/other/usr/lib/pkgconfig/brood.pc"
check "the build directory is the same" test -e "$top/build/kept"
rm -rf "$dest/other"
check "and back" same DESTDIR="$dest" prefix=/opt/brood

check "make uninstall" door uninstall MESON_OPTIONS=-Dtests=false
find "$top" -path "$dest/*" ! -type d >"$top/left"
check "nothing is left" test ! -s "$top/left"
echo "1..$n"
