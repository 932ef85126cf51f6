#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -h, --help, --version, and results that do not arrive.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

try "$brood" --version
is "$code $err" "0 " "brood --version"
like "$out" "brood [0-9]*.[0-9]*.[0-9]*" "prints the version"
is "$out" "brood $(sed -n "s/^  version: '\(.*\)',/\1/p" "$source_dir/meson.build")" "which is that of the build"
for word in -h --help; do
    try "$brood" $word
    is "$code $err" "0 " "brood $word"
    like "$out" "usage: brood COMMAND*brood run *brood-run(1)*" "names the commands"
done
run -h
is "$code $err" "0 " "brood run -h"
short=$out
like "$short" "usage: brood run [[]OPTION...] [[]--] COMMAND [[]ARG...]*" "says how it is used"
run --help
is "$code $err" "0 " "brood run --help"
long=$out
is "$(awk 'length > 80' <<<"$short"$'\n'"$long")" "" "no line is wider than 80 columns"
forms() { sed -n 's/^  \(-h, \)\{0,1\}\(--[a-z-]*\( [A-Z][^ ]*\)\{0,1\}\).*/\2/p' <<<"$1"; }
is "$(forms "$short")" "$(forms "$long")" "both list the same options"
[ "$(forms "$short" | wc -l)" -ge 20 ]
ok "all of them: $(forms "$short" | wc -l)"
for n in 124 125 126 127; do
    like "$long" "*  $n  *" "--help explains the code $n"
done

# Every option that is listed is taken, with a value exactly if one is shown.
while read -r name metavar; do
    if [ -n "$metavar" ]; then
        run "$name"
        is "$code $err" "125 brood run: $name needs a value: $name $metavar" "$name takes a value"
    else
        run "$name=x"
        is "$code $err" "125 brood run: $name takes no value; leave out '=x'" "$name takes none"
    fi
done <<<"$(forms "$short")"

run --quiet --help --bogus
is "$code" 0 "help wins over what comes after it"
run --bogus --help
is "$code" 125 "and not over what comes before"
run sh -c 'printf %s "$1"' - --help
is "$code $out" "0 --help" "behind the command it is the command's"

# A result that does not arrive is an error.
for words in "--version" "--help" "run -h" "run --help" "run --plan true"; do
    code=0
    # shellcheck disable=SC2086 # several words
    "$brood" $words >&- 2>error || code=$?
    name=${words%% *}
    [ "$name" = run ] && name="brood run" || name=brood
    is "$code $(cat error)" "125 $name: cannot write to standard output: Bad file descriptor" "$words with standard output closed"
    if [ -c /dev/full ]; then
        code=0
        # shellcheck disable=SC2086
        "$brood" $words >/dev/full 2>error || code=$?
        is "$code $(cat error)" "125 $name: cannot write to standard output: No space left on device" "$words onto a full device"
    fi
done
( trap - PIPE; "$brood" run --help 2>error; echo $? >status ) | true
is "$(cat error)" "" "a reader that has gone is no error"

finish
