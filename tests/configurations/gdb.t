#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/configurations/gdb.t: a host under gdb keeps its breakpoints over its starts, those of programs
# that begin and those that fail, and gdb stays with the host: the code that runs in the new process
# shares the host's memory, breakpoints included.
# bound: 120
set -u
host=$BROOD_BUILD/tests/configurations/host
target=$BROOD_BUILD/tests/harness/target
words=$(mktemp -d "${TMPDIR:-/tmp}/brood-gdb.XXXXXX")
trap 'rm -rf "$words"' EXIT

tell() { # HELD NUMBER WHAT
    if [ "$1" = 0 ]; then
        echo "ok $2 - $3"
    else
        echo "not ok $2 - $3"
        sed 's/^/# /' "$words/out"
    fi
}

if ! timeout 20 gdb -nx -batch -ex 'set startup-with-shell off' -ex run --args /bin/true >"$words/out" 2>&1 ||
    ! grep -q 'exited normally' "$words/out"; then
    echo "1..0 # SKIP tracing is not allowed here"
    exit 0
fi

cat >"$words/commands" <<'END'
set pagination off
set confirm off
set startup-with-shell off
break came_by
commands
silent
printf "stopped in the host\n"
continue
end
run
END
timeout 60 gdb -nx -batch -x "$words/commands" --args "$host" "$target" >"$words/out" 2>&1
[ "$(grep -c '^stopped in the host$' "$words/out")" = 4 ]
tell $? 1 "a breakpoint after each of four starts is met"
grep -q '^came by 4 times$' "$words/out" && [ "$(grep -c '^child 3$' "$words/out")" = 3 ] && grep -q '^none -2$' "$words/out"
tell $? 2 "the children ran and ended, the missing program was an error"
grep -q 'exited normally' "$words/out"
tell $? 3 "the host ends as it would alone"

# A breakpoint in what the host calls right before and after: it is hit by the host alone.
sed 's/^break came_by/break brood_start/' "$words/commands" >"$words/others"
timeout 60 gdb -nx -batch -x "$words/others" --args "$host" "$target" >"$words/out" 2>&1
[ "$(grep -c '^stopped in the host$' "$words/out")" = 4 ] && grep -q '^came by 4 times$' "$words/out"
tell $? 4 "a breakpoint at the start itself is met once for each"
echo "1..4"
