#!/bin/sh
# SPDX-License-Identifier: MIT
# bound: 280
# The main job in small: bench/burst with a few starts at five consecutive limits. It judges brood
# itself (exit code); here its table is read too, and its options are tried.
#
# To repeat by hand: build/bench/burst --starts 40 --limits 64-68
set -eu
burst=$BROOD_BUILD/bench/burst
place=$(mktemp -d "${TMPDIR:-/tmp}/brood-burst-test.XXXXXX")
trap 'rm -rf "$place"' EXIT
number=0

# ok RESULT WORDS: one line of TAP
ok() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

# count PATTERN: how many lines of the table match
count() {
    grep -c -E "$1" "$place/out" || true
}

result=0
TMPDIR=$place "$burst" --starts 40 --limits 64-68 >"$place/out" 2>"$place/err" </dev/null ||
    result=1
ok $result "brood keeps its promise at five limits"
if [ $result != 0 ] || [ -s "$place/err" ]; then sed 's/^/# /' "$place/out" "$place/err"; fi

rows=$(count '^ +6[4-8]  brood +40 +40 +[1-9][0-9]* +0 +0 +([0-9]+) / [0-9]+ / \1$')
result=0
[ "$rows" = 5 ] || result=1
ok $result "five rows: 40 asked, 40 ran, some refused, nothing stuck, descriptors as before"

stuck=$(sed -n 's/^The old way left \([0-9]*\) processes behind.*/\1/p' "$place/out")
result=0
[ "${stuck:-0}" -gt 0 ] || result=1
ok $result "the old way shows what it leaves: ${stuck:-nothing}"

result=0
[ "$(find "$place" -mindepth 1 -type d | wc -l)" = 0 ] || result=1
ok $result "the repository it worked on is gone"

# All starts fit below this limit, so nothing was refused, and it must not call that a success.
result=0
"$burst" --starts 3 --limits 200-200 >"$place/out" 2>&1 </dev/null && result=1
grep -q 'no start was refused' "$place/out" || result=1
ok $result "a burst without pressure is a failure"

result=0
for wrong in "--starts" "--starts 0" "--starts x" "--limits 64" "--limits 70-64" "--limits 64-" \
    "more"; do
    status=0
    # shellcheck disable=SC2086 # two words
    "$burst" $wrong >"$place/out" 2>&1 </dev/null || status=$?
    [ "$status" = 2 ] || { result=1; echo "# burst $wrong: exit $status"; }
done
ok $result "options that make no sense are refused"

echo "1..$number"
