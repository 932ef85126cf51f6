#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/house/runner.t: the runner itself. A failure, a crash, a hang, a missing plan, an unlisted skip and
# "no test at all" are red; a process that a test leaves behind holding its output does not stretch the run.
# bound: 120
set -u
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-runner.XXXXXX")
trap 'rm -rf "$top"' EXIT
n=0

# A tree of its own with one test in it; the runner under test is the tree's tools/test, unchanged.
tree() { # NAME BODY: prints the directory
    mkdir -p "$top/$1/tests/x" "$top/$1/build/tests"
    cp -r "$BROOD_SOURCE/tools" "$top/$1/tools"
    : >"$top/$1/tests/skips.txt"
    printf '#!/bin/sh\n# bound: 2\n%s\n' "$2" >"$top/$1/tests/x/case.t"
    chmod +x "$top/$1/tests/x/case.t"
}
run() { # NAME
    (cd "$top/$1" && env -u PERL_TEST_HARNESS_DUMP_TAP -u HARNESS_ACTIVE tools/test build) >"$top/$1/words" 2>&1 </dev/null
}
expect() { # green|red WHAT NAME BODY [SKIPS]
    tree "$3" "$4"
    [ $# -lt 5 ] || printf '%s\n' "$5" >"$top/$3/tests/skips.txt"
    got=red
    ! run "$3" || got=green
    n=$((n + 1))
    if [ "$got" = "$1" ]; then
        echo "ok $n - $2: $1"
    else
        echo "not ok $n - $2: $1"
        sed 's/^/# /' "$top/$3/words"
    fi
}

expect green "a test that passes" pass 'echo 1..1; echo ok 1'
expect red "a check that fails" fail 'echo 1..1; echo not ok 1'
expect red "a test that crashes after its last check" crash 'echo 1..1; echo ok 1; kill -SEGV $$'
expect red "a test that exits with 1" exit 'echo 1..1; echo ok 1; exit 1'
expect red "a test that ends before its plan" short 'echo 1..2; echo ok 1'
expect red "a test without a word" silent 'exit 0'
expect red "a test that hangs" hang 'echo 1..1; echo ok 1; sleep 20'
expect red "an unlisted skip of one check" skip 'echo 1..1; echo "ok 1 - x # SKIP no moon"'
expect red "an unlisted skip of a whole test" skipall 'echo "1..0 # SKIP no moon"'
expect red "a skip by exit 77" skip77 'exit 77'
expect red "a listed skip with another reason" other 'echo "1..0 # SKIP no sun"' 'case.t: no moon'
expect green "a listed skip" listed 'echo 1..1; echo "ok 1 - x # SKIP no moon tonight"' 'case.t: no moon'
expect red "a line of skips.txt without a reason" bad 'echo 1..1; echo ok 1' 'case.t'

# An orphan that keeps the test's output open for longer than the whole run may take.
began=$(date +%s)
expect green "a test that leaves a holder of its output" holder 'echo 1..1; sleep 15 & echo $! >holder; echo ok 1'
kill "$(cat "$top/holder/holder")" 2>/dev/null
n=$((n + 1))
if [ $(($(date +%s) - began)) -lt 10 ]; then echo "ok $n - and it did not wait for it"; else echo "not ok $n - and it did not wait for it"; fi

tree none 'exit 0'
rm "$top/none/tests/x/case.t"
n=$((n + 1))
if run none; then echo "not ok $n - no test: red"; else echo "ok $n - no test: red"; fi
tree forgotten 'echo 1..1; echo ok 1'
chmod -x "$top/forgotten/tests/x/case.t"
n=$((n + 1))
if run forgotten; then echo "not ok $n - a script that is not executable: red"; else echo "ok $n - a script that is not executable: red"; fi
echo "1..$n"
