#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/mutants/mutants.t: each mutant of lib/ makes the test that mutants.txt names for it go red, and
# the same test is green without it. A switch in lib/ without a row is red, and so is a row without one.
# bound: 900
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source=${BROOD_SOURCE:-$(CDPATH='' cd -- "$here/../.." && pwd)}
cc=${CC:-cc}
fault="$source/tests/fault"
harness="$source/tests/harness"
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-mutants.XXXXXX")
trap 'rm -rf "$top"' EXIT
number=0
failures=0
tests=${BROOD_BUILD:-$source/build}/tests
namespace='unshare --pid --fork --mount-proc --kill-child'
$namespace true 2>/dev/null || namespace=

say() { # STATUS WORDS
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        failures=$((failures + 1))
        echo "not ok $number - $2"
    fi
}

compile() { # OBJECT SOURCE [FLAG...]
    object=$1
    file=$2
    shift 2
    # shellcheck disable=SC2086 # CC may be a command with arguments
    $cc -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread -I"$source/include" -I"$source/lib" -I"$fault" \
        -I"$harness" "$@" -c "$file" -o "$object"
}

# The test, once: all of it but lib/. Which files those are stands in its own meson.build.
build_test() {
    mkdir "$top/test"
    for file in "$fault"/*.c; do
        name=$(basename "$file" .c)
        case $name in test_engine | witness) continue ;; esac
        compile "$top/test/$name.o" "$file"
    done
    for name in audit audit_facts audit_fds lab procs; do
        compile "$top/test/$name.o" "$harness/$name.c"
    done
    $cc -std=gnu11 -D_GNU_SOURCE -O1 -static "$fault/witness.c" -o "$top/witness"
}

# A program of tests/one is linked anew from its objects in the build; what it starts lies beside it.
build_one() { # NAME PROGRAM
    mkdir -p "$top/$1.tests/one"
    ln -sfn "$tests/harness" "$top/$1.tests/harness"
    for file in "$tests"/one/*; do
        case $(basename "$file") in
        test_* | *.a) ;;
        *) if [ -f "$file" ]; then ln -sfn "$file" "$top/$1.tests/one/"; fi ;;
        esac
    done
    $cc -pthread "$tests/one/$2.p"/*.o "$top/$1.o" -Wl,--start-group "$tests"/one/*.a "$tests"/harness/*.a \
        -Wl,--end-group -o "$top/$1.tests/one/$2"
}

build() { # NAME ADDRESS [FLAG...]: the test of this address with this lib/
    built=$1
    of=$2
    shift 2
    compile "$top/$built.o" "$source/lib/onebrood.c" "$@"
    case $of in
    one/*) build_one "$built" "$(program_of "$of")" ;;
    *) $cc -pthread "$top/$built.o" "$top"/test/*.o -o "$top/$built" ;;
    esac
}

program_of() { # one/PROGRAM:TEST
    program=${1#one/}
    echo "${program%%:*}"
}

# Bounded, its output in a file, in a pid namespace of its own if it may have one: those of tests/fault
# make it themselves.
run() { # NAME ADDRESS
    words="$top/$1.out"
    # shellcheck disable=SC2086 # words
    case $2 in
    one/*) set -- $namespace "$top/$1.tests/one/$(program_of "$2")" --only "${2#*:}" ;;
    *) set -- "$top/$1" --only "$2" ;;
    esac
    timeout --kill-after=5 120 "$@" >"$words" 2>&1 </dev/null
}

rows() {
    sed -e '/^#/d' -e '/^[[:space:]]*$/d' "$here/mutants.txt"
}

switches=$(grep -rhoE 'BROOD_MUTANT_[A-Z0-9_]+' "$source/lib" | sed 's/BROOD_MUTANT_//' | LC_ALL=C sort -u)
named=$(rows | awk '{print $1}' | LC_ALL=C sort)
if [ -n "$switches" ] && [ "$switches" = "$named" ]; then
    say 0 "each switch in lib/ has its row"
else
    say 1 "each switch in lib/ has its row"
    printf 'in lib/:\n%s\nin mutants.txt:\n%s\n' "$switches" "$named" | sed 's/^/# /'
fi

build_test
rows >"$top/rows"
while read -r switch address why; do
    build unmutated "$address"
    status=0
    run unmutated "$address" || status=$?
    say "$status" "without $switch, $address is green"
    [ "$status" = 0 ] || sed 's/^/# /' "$top/unmutated.out"

    build "$switch" "$address" "-DBROOD_MUTANT_$switch"
    red=1
    status=0
    run "$switch" "$address" || status=$?
    # By a finding, not by a crash of the test or for want of time.
    if [ "$status" = 1 ] && grep -q '^not ok' "$top/$switch.out"; then red=0; fi
    say "$red" "with $switch, $address is red: $why"
    if [ "$red" = 0 ]; then
        sed -n '/^# repeat/d; s/^# \(.*: .*\)/#   \1/p' "$top/$switch.out" | head -n 1
    else
        sed 's/^/# /' "$top/$switch.out"
    fi
done <"$top/rows"

echo "1..$number"
exit "$((failures > 0))"
