#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/conformance/complete.t: each number of the classic bugs has one line in README.md, and either tests or
# one line with a reason in NOT-APPLICABLE.md, never both; none is there that is no number, and each program is
# built. Then the same with gaps planted in a copy, each of which must be found.
# bound: 60
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-complete.XXXXXX")
trap 'rm -rf "$top"' EXIT
count=0
failures=0

# How many bugs each group has.
groups='A=18 B=23 C=22 D=16 E=13 G=12 H=8 I=7'

# What is wrong in a directory, one finding a line; nothing when all is well.
findings() { # DIRECTORY
    (cd "$1" && awk -v groups="$groups" '
        function number_of(text) { return toupper(substr(text, 1, 3)) }
        function under_heading(number) {
            if (substr(number, 1, 1) != heading) print number ": under the heading of " heading
        }
        FNR == 1 { heading = "none" }
        /^## [A-Z]\. / { heading = substr($2, 1, 1) }
        /https?:|[#][0-9]|CVE-/ && FILENAME ~ /\.md$/ {
            print FILENAME ":" FNR ": a report of somebody else"
        }
        FILENAME == "README.md" && /^\| [A-Z][0-9][0-9] \| ....................+ \|$/ {
            lines[$2]++
            under_heading($2)
        }
        FILENAME == "NOT-APPLICABLE.md" && /^- [A-Z][0-9][0-9]: ...............+\.$/ {
            reasons[number_of($2)]++
            under_heading(number_of($2))
        }
        FILENAME == "meson.build" && match($0, /\047test_[a-z_0-9]+\047/) {
            built[substr($0, RSTART + 1, RLENGTH - 2)] = 1
        }
        FILENAME ~ /\.c$/ && FNR == 1 { programs[FILENAME] = 0 }
        FILENAME ~ /\.c$/ && /^TEST(_TIMEOUT)?\(/ {
            name = $0
            sub(/^[A-Z_]+\(/, "", name)
            sub(/[^a-z0-9_].*/, "", name)
            if (name !~ /^[a-z][0-9][0-9]_[a-z]/) print FILENAME ": " name " has no number"
            number = number_of(name)
            tests[number]++
            programs[FILENAME]++
            if (named[name]++) print name ": a name twice"
            if (index(FILENAME, "test_" substr(name, 1, 1) "_") != 1) print number ": in " FILENAME
        }
        END {
            all = split(groups, group, " ")
            for (i = 1; i <= all; i++)
                for (n = 1; n <= substr(group[i], 3) + 0; n++) {
                    number = sprintf("%s%02d", substr(group[i], 1, 1), n)
                    known[number] = 1
                    if (lines[number] != 1) print number ": " lines[number] + 0 " lines in README.md, not 1"
                    if (tests[number] && reasons[number]) print number ": tests and a reason for none"
                    if (!tests[number] && reasons[number] != 1)
                        print number ": no test, and " reasons[number] + 0 " reasons"
                }
            for (number in lines) if (!(number in known)) print number ": no such number"
            for (number in tests) if (!(number in known)) print number ": no such number"
            for (number in reasons) if (!(number in known)) print number ": no such number"
            for (file in programs) {
                program = substr(file, 1, length(file) - 2)
                if (!(program in built)) print program ": not built"
                if (!programs[file]) print program ": no test in it"
            }
        }' README.md NOT-APPLICABLE.md meson.build test_*.c)
}

say() { # STATUS WORDS
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        failures=$((failures + 1))
        echo "not ok $count - $2"
        sed 's/^/# /' "$top/found"
    fi
}

findings "$here" >"$top/found"
status=0
[ ! -s "$top/found" ] || status=1
say $status "each number has its line, and its tests or its reason"

# A gap is planted by one sed(1) expression in one file, and must be found in these words.
planted() { # WHAT FILE EXPRESSION WORDS
    rm -rf "$top/copy"
    mkdir "$top/copy"
    cp "$here"/test_*.c "$here"/*.md "$here/meson.build" "$top/copy/"
    sed -i -E "$3" "$top/copy/$2"
    status=0
    findings "$top/copy" >"$top/found"
    grep -qF "$4" "$top/found" || status=1
    say $status "planted: $1"
}

planted "a number without a line" README.md '/^\| D04 /d' "D04: 0 lines in README.md"
planted "a line twice" README.md 's/^\| D05 .*/&\n&/' "D05: 2 lines in README.md"
planted "a line under another heading" README.md 's/^(\| )A01 /\1D06 /' "D06: under the heading of A"
planted "a test that is gone" test_a_stalled.c 's/^TEST\(a02_/TEST(a10_/' "A02: no test, and 0 reasons"
planted "a test of another group" test_a_stalled.c 's/^TEST\(a11_/TEST(d07_/' "D07: in test_a_stalled.c"
planted "a test without a number" test_a_stalled.c 's/^TEST\(a11_/TEST(/' "has no number"
planted "a name twice" test_a_stalled.c 's/^TEST\(a02_.*/&\n}\n&/' "a02_self_writer_pipe: a name twice"
planted "a number that is none" test_a_stalled.c 's/^TEST\(a02_/TEST(a19_/' "A19: no such number"
planted "a reason that is gone" NOT-APPLICABLE.md '/^- A15:/d' "A15: no test, and 0 reasons"
planted "an empty reason" NOT-APPLICABLE.md 's/^- A15:.*/- A15: ./' "A15: no test, and 0 reasons"
planted "a test and a reason" NOT-APPLICABLE.md 's/^- A15:.*/&\n- A14: nobody has the memory for it./' \
    "A14: tests and a reason for none"
planted "a program that is not built" meson.build "/'test_a_stalled'/d" "test_a_stalled: not built"
planted "a program without a test" test_a_stalled.c '/^TEST/d' "test_a_stalled: no test in it"
planted "a report of somebody else" README.md 's/^(\| D04 \| .*) \|$/\1 (somebody#4711) |/' "a report of somebody else"

echo "1..$count"
exit $((failures > 0))
