#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/fuzz/fuzz.t [SECONDS] [NAME...]: each fuzzer of this directory (libFuzzer, with address and undefined
# behaviour sanitizers) from its committed inputs on, for so long; then a planted defect that it must find.
# bound: 300
set -u
here=$BROOD_SOURCE/tests/fuzz
tree=$BROOD_SOURCE
seconds=${1:-4}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- moves options search values json
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-fuzz.XXXXXX")
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1
. "$BROOD_SOURCE/tests/tell.sh"

build() { # NAME FLAG...
    name=$1
    shift
    clang -std=gnu11 -D_GNU_SOURCE -g -O1 -w "$@" -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=undefined -I"$tree/include" -I"$tree/lib" \
        "$tree/tests/fuzz/fuzz_$name.c" -o "fuzz_$name" -ljansson -pthread >words 2>&1
}
# New inputs stay here; what is found is kept by libFuzzer under the name that it says.
run() { # NAME SECONDS
    mkdir -p "new_$1" "corpus_$1"
    for input in "$here/corpus/$1"/*; do # in hexadecimal
        perl -0777 -ne 's/\s//g; print pack("H*", $_)' "$input" >"corpus_$1/${input##*/}"
    done
    "./fuzz_$1" -max_total_time="$2" -timeout=10 -max_len=2048 -print_final_stats=1 \
        "new_$1" "corpus_$1" >words 2>&1 </dev/null
}

# A copy of the tree with one line changed, as sed(1) is told: the fuzzer has to find it.
plant() { # NAME FILE SED
    tree=$top/tree
    mkdir -p "$tree/tests"
    cp -r "$BROOD_SOURCE/lib" "$BROOD_SOURCE/cli" "$BROOD_SOURCE/include" "$tree"
    cp -r "$BROOD_SOURCE/tests/fuzz" "$BROOD_SOURCE/tests/unit" "$tree/tests"
    sed -i "$3" "$tree/$2"
    if cmp -s "$tree/$2" "$BROOD_SOURCE/$2"; then
        echo "$2 has no such line" >words
        false
    else
        build "$1" && ! run "$1" 20 && grep -q 'SUMMARY' words
    fi
    tell $? "$1: a planted defect in $2 is found" words
    rm -rf "$tree"
    tree=$BROOD_SOURCE
}
planted() { # NAME
    case $1 in
    moves) plant moves lib/plan/moves.c 's/(struct bd_move){BD_SAVE, start, -1}/(struct bd_move){BD_SAVE, hole + 1, -1}/' ;;
    options) plant options lib/plan/streams.c 's/stream->kind >= sizeof stream_flags/false \&\& &/' ;;
    search) plant search lib/os/posix_explain.c 's/used + 1 < size/used < 2 * size/' ;;
    values) plant values cli/values.c 's/value > 0777)/value > 07777)/' ;;
    json) plant json cli/base64.c 's/789+/789-/' ;;
    esac
}

for name; do
    build "$name" && run "$name" "$seconds"
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' words)
    tell $status "$name: ${runs:-no} inputs" words
    planted "$name"
done
echo "1..$n"
