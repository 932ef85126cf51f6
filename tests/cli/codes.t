#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every exit code of brood run, and what timeout(1) says in the same place.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

for n in 0 1 3 124 125 126 127 255; do
    run sh -c "exit $n"
    is "$code" "$n" "the command's own code $n"
    is "$err" "" "nothing is said about it"
done
for signal in HUP INT KILL TERM USR1 SEGV; do
    run sh -c "ulimit -c 0; kill -$signal \$\$"
    is "$code" $((128 + $(kill -l "$signal"))) "128 + n for SIG$signal"
done

run --timeout 100ms sleep 30
is "$code" 124 "timed out"
run --timeout 100ms sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
is "$code" 124 "timed out, though it then ended with 0"
run --timeout 100ms --grace 100ms sh -c 'trap "" TERM; while :; do sleep 0.05; done'
is "$code" 124 "timed out, though SIGKILL was needed"
run --timeout 10s sh -c 'exit 7'
is "$code" 7 "in time"

run --cwd /nonexistent true
is "$code" 125 "a directory that is missing: brood failed"
is "$err" "brood run: cannot start true: directory /nonexistent: No such file or directory" "and why"
run --stdin /nonexistent true
is "$code" 125 "a file that is missing: brood failed"

printf 'no program' >plain && chmod 644 plain
printf '#!/nonexistent/interpreter\n' >orphan && chmod 755 orphan
printf '\177ELF\002\001\001\0junk that is no program' >broken && chmod 755 broken
printf 'echo by the shell; exit 5\n' >script && chmod 755 script
mkdir directory
for command in ./plain ./directory /dev/null ./plain/below; do
    run "$command"
    is "$code" 126 "$command cannot be executed"
    try timeout 10 "$command"
    is "$code" 126 "and timeout(1) says so too"
done
for command in brood-test-no-such-command ./nonexistent /nonexistent/command ./orphan; do
    run "$command"
    is "$code" 127 "$command is not found"
    like "$err" "brood run: cannot start $command: *" "and named"
    try timeout 10 "$command"
    is "$code" 127 "and timeout(1) says so too"
done
run ./orphan
like "$err" "*interpreter /nonexistent/interpreter*" "a missing interpreter is told from a missing script"
try timeout 10 ./broken
theirs=$code
run ./broken
is "$code" "$theirs" "a file that is neither program nor script: as timeout(1) has it"
run ./script
is "$code $out" "5 by the shell" "a script without #! is run by the shell, as timeout(1) does"

# The command's own 127 is not taken for a failure of ours.
run sh -c 'echo own; exit 127'
is "$code $out $err" "127 own " "the command's own 127"

finish
