#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/house/support.t: SUPPORT.md names every build and surrounding that the tests run in, every machine
# that is booted, and every rung, and names no row of a table that is not there.
set -u
cd "$BROOD_SOURCE" || exit 1
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-support.XXXXXX")
trap 'rm -rf "$top"' EXIT
n=0
ok() { # RESULT WHAT FILE
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$3"; fi
}

# The first column of the tables below the headings that tell of rows.
rows_of() { # SUPPORT
    awk -F'|' '
        /^#/ { inside = /^### Other (builds|surroundings)/ || /^## Run in an emulator/ }
        inside && /^\|/ && $2 !~ /^ (row|machine) $/ && $2 !~ /^-+$/ {
            count = split($2, name, ",")
            for (i = 1; i <= count; i++) { gsub(/ /, "", name[i]); if (name[i] != "") print name[i] }
        }' "$1" | LC_ALL=C sort
}
awk '$1 == "config" || $1 == "around" { print $2 }' tests/configurations/table.txt >"$top/known"
awk '!/^#/ && NF { print $1 }' tests/kernels/table.txt >>"$top/known"
LC_ALL=C sort -o "$top/known" "$top/known"

rows_of SUPPORT.md >"$top/told"
diff "$top/known" "$top/told" >"$top/words" && [ -s "$top/known" ]
ok $? "the rows of the tables (<) and of SUPPORT.md (>) are the same" "$top/words"
sed 's/linux-5\.3, //; s/| pid1 |/| pid2 |/' SUPPORT.md >"$top/planted"
rows_of "$top/planted" | diff "$top/known" - >"$top/words"
[ "$(grep -c '^[<>]' "$top/words")" = 3 ]
ok $? "self-test: a missing row and an unknown one are noticed" "$top/words"

# The words of the library for a rung, as a plan prints them.
grep -o '"[a-z]* memory, clone3*"\|"portable, fork"' lib/os/linux_launch.c | tr -d '"' |
    sed 's/^copied memory, .*/copied memory, by either/' | sort -u >"$top/rungs"
while read -r rung; do
    grep -q "^| $rung |" SUPPORT.md
    ok $? "SUPPORT.md says what $rung lacks" "$top/rungs"
done <"$top/rungs"
[ "$(wc -l <"$top/rungs")" = 4 ]
ok $? "there are four rungs" "$top/rungs"
echo "1..$n"
