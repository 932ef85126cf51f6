#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/child_code/child_code.t: whatever the compiler and its flags, the code that runs between clone and
# exec refers to itself and to constants only. Checked in one object of the files in files.txt, and in that of
# lib/onebrood.c, by their relocations and their instructions (section_escapes).
# bound: 600
set -u
here=$BROOD_SOURCE/tests/child_code
lib=$BROOD_SOURCE/lib
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-child-code.XXXXXX")
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1 # compilers leave things where they stand
n=0

# Everything is compiled first and checked at once: $top/NUMBER.o, .what, .wanted, and .words of the
# compiler. `wanted` is a pattern of what must be said of it.
compile() { # WANTED WHAT COMPILER ARGUMENT...
    n=$((n + 1))
    printf '%s\n' "$1" >"$top/$n.wanted"
    printf '%s\n' "$2" >"$top/$n.what"
    shift 2
    "$@" -std=gnu11 -D_GNU_SOURCE -I"$BROOD_SOURCE/include" -o "$top/$n.o" >"$top/$n.words" 2>&1 || rm -f "$top/$n.o"
}
child_files=$(sed -n "s|^lib/|$lib/|p" "$here/files.txt")
clean() { # COMPILER SOURCE FLAGS...
    compiler=$1
    source=$2
    shift 2
    case $source in
    child)
        # shellcheck disable=SC2086 # a list of paths without blanks
        compile 'is clean$' "$compiler $* of the new process's files" "$compiler" "$@" -fvisibility=hidden \
            -nostdlib -r $child_files
        ;;
    *) compile 'is clean$' "$compiler $* $source" "$compiler" "$@" -c "$lib/$source" ;;
    esac
}

# The check itself: clean code passes, each planted defect is found and named.
planted() { # PLANT FLAG WANTED
    compile "$3" "planted defect $1 $2: $3" gcc -O1 "$2" "-DPLANT=$1" -c "$here/planted.c"
}
planted 0 -fno-stack-protector 'is clean$'
planted 1 -fno-stack-protector 'bd_os_child_main reaches memmove in UND'
planted 2 -fno-stack-protector 'bd_os_child_main reaches outside in .text '
planted 3 -fno-stack-protector 'bd_os_child_main reaches variable in .bss'
planted 4 -fno-stack-protector 'bd_os_child_main reaches __errno_location in UND'
planted 5 -fno-stack-protector 'bd_os_child_main reaches local in .tbss'
planted 6 -fno-stack-protector 'bd_os_child_main reaches outside in .text '
planted 0 -fstack-protector-all 'inside reaches __stack_chk_fail in UND'
case $(uname -m) in # there the canary is no relocation
x86_64) planted 0 -fstack-protector-all 'inside uses the thread pointer: .*%fs:0x28' ;;
esac
planted 0 -pg 'bd_os_child_main reaches mcount in UND'
planted 0 -fsanitize=address 'bd_os_child_main reaches __asan_report_load4 in UND'
planted 0 -fsanitize=thread 'bd_os_child_main reaches __tsan_func_entry in UND'
planted 0 --coverage 'bd_os_child_main reaches .bss in .bss'

for compiler in gcc clang; do
    for level in -O0 -O1 -O2 -O3; do
        clean "$compiler" child $level
    done
    clean "$compiler" onebrood.c -O2
    clean "$compiler" onebrood.c -O3
    clean "$compiler" child -Os
    clean "$compiler" onebrood.c -O1 -fsanitize=address,undefined
    clean "$compiler" onebrood.c -O2 --coverage
done
while read -r compilers flags; do
    for compiler in $(echo "$compilers" | tr , ' '); do
        # shellcheck disable=SC2086 # words
        clean "$compiler" child $flags
    done
done <<'END'
gcc,clang -O0 -fsanitize=address
gcc,clang -O2 -fsanitize=address,undefined
gcc,clang -O0 -fsanitize=undefined
gcc,clang -O0 -fsanitize=thread
gcc,clang -O2 -fsanitize=thread
gcc,clang -O0 --coverage
gcc,clang -O1 -fprofile-generate
clang     -O1 -fprofile-instr-generate -fcoverage-mapping
clang     -O1 -fsanitize-coverage=trace-pc-guard,trace-cmp
gcc       -O1 -fsanitize-coverage=trace-pc,trace-cmp
gcc,clang -O2 -pg
gcc,clang -O2 -pg -mfentry
gcc,clang -O1 -finstrument-functions
gcc,clang -O0 -fstack-protector-all
gcc,clang -O2 -fstack-protector-all -fstack-clash-protection -D_FORTIFY_SOURCE=2
gcc,clang -O2 -fcf-protection=full
gcc,clang -O3 -fPIC -fno-plt -march=x86-64-v3
gcc,clang -O2 -ftrivial-auto-var-init=pattern
gcc       -O3 -fsanitize=address -fcf-protection=full -fstack-protector-all --coverage
END

# Link-time optimisation makes the code anew, out of all files at once.
# shellcheck disable=SC2046 # paths without blanks
compile 'is clean$' "gcc -O3 -flto, the files of the library" \
    gcc -O3 -flto -r -flinker-output=nolto-rel $(sed -n "s|^  '\(.*\.c\)',$|$lib/\1|p" "$lib/meson.build" | grep -v /darwin_)

# The other processor: compiled, not run.
for flags in -O0 -O2 -O3 '-O2 -fsanitize=address' '-O2 -fsanitize=thread' '-O1 -fstack-protector-all' \
    '-O2 -pg' '-O2 -mno-outline-atomics -mbranch-protection=standard'; do
    # shellcheck disable=SC2086 # words
    clean aarch64-linux-gnu-gcc child $flags
done
clean aarch64-linux-gnu-gcc onebrood.c -O2

"$here/section_escapes" "$top"/*.o >"$top/said" 2>"$top/failed"
at=0
while [ $at -lt $n ]; do
    at=$((at + 1))
    grep "^$top/$at.o: " "$top/said" >>"$top/$at.words"
    if grep -q -- "$(cat "$top/$at.wanted")" "$top/$at.words"; then
        echo "ok $at - $(cat "$top/$at.what")"
    else
        echo "not ok $at - $(cat "$top/$at.what")"
        head -n 20 "$top/$at.words" | sed "s|$top/||; s/^/# /"
    fi
done
sed 's/^/# /' "$top/failed"
echo "1..$n"
