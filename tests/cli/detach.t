#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --detach: a command with a life of its own. Each waits for a FIFO, so that it ends when the test says so.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"
mkfifo go
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null)" = Z ]; }

run --detach --stdout facts bash -c 'read -r _ _ _ parent group session terminal _ </proc/self/stat
echo $$ $group $session $terminal; for n in 0 2; do readlink /proc/$$/fd/$n; done; ls /proc/$$/fd | wc -l >&2; read -r line <go'
pid=$out
is "$code $err" "0 " "--detach ends at once"
[[ $pid =~ ^[1-9][0-9]*$ ]] && kill -0 "$pid"
ok "prints the process id of what runs: $pid"
until_true "it has written" test -s facts
until_true "all of it" sh -c '[ "$(wc -l <facts)" = 3 ]'
is "$(head -n 1 facts)" "$pid $pid $pid 0" "it is the command itself, leads a session and a group, and has no terminal"
is "$(sed -n 2,3p facts | tr '\n' ' ')" "/dev/null /dev/null " "streams that nothing sets lead to /dev/null"
[ "$(ps -o ppid= -p "$pid" | tr -d ' ')" != $$ ]
ok "it is not our child"
echo go >go
until_true "it has ended" gone "$pid"
ok "and ends of itself"

# It outlives whoever started it, and no zombie is left: whoever takes orphans in reaps it.
try bash -c '"$0" run --detach sh -c "read -r line <go"; kill -0 $$' "$brood"
pid=$out
kill -0 "$pid"
ok "it outlives the shell that called"
echo go >go
until_true "it has ended" gone "$pid"
ok "and ends"

# --- streams ------------------------------------------------------------------------------------
echo words >input
run --detach --stdin input --stdout copy --stderr stdout sh -c 'cat; echo error >&2; : >done'
until_true "it is done" test -e "done"
is "$(tr '\n' ' ' <copy)" "words error " "files may be given"
rm -f "done"
"$brood" run --detach --stdout inherit --stderr inherit sh -c 'echo out; echo error >&2; : >done' >ours 2>errors
until_true "it is done" test -e "done"
is "$(sort ours | tr -d '0-9') $(cat errors)" $'\nout error' "the word inherit lends it ours"
run --detach --stdout inherit sh -c 'readlink /proc/self/fd/1; : >again'
until_true "it is done" test -e again
like "$out" "*$scratch/.out*" "the very same"
rm -f "done"
run --detach --cwd / --env A=5 --umask 077 --nice 19 --stdout "$scratch/surroundings" sh -c 'pwd; echo $A; umask; nice; : >"$0"' "$scratch/done"
until_true "it is done" test -e "done"
is "$(tr '\n' ' ' <surroundings)" "/ 5 0077 19 " "surroundings are as ever"
mkfifo fifo
cat fifo >through &
run --detach --stdout fifo echo through
wait
is "$code $(cat through)" "0 through" "a FIFO"

# --- what fails ---------------------------------------------------------------------------------
run --detach brood-test-no-such-command
is "$code $out" "127 " "a command that is not there: 127, and no process id"
like "$err" "brood run: cannot start brood-test-no-such-command: *" "and why"
touch plain
run --detach ./plain
is "$code $out" "126 " "one that cannot be executed: 126"
run --detach --cwd /nonexistent true
is "$code $out $err" "125  brood run: cannot start true: directory /nonexistent: No such file or directory" "another failure: 125"
run --detach --start-timeout 100ms --stdin fifo touch started
is "$code $err" "125 brood run: cannot start touch: file fifo: nobody opened its other end within 100ms" "the start is bounded"
code=0
"$brood" run --detach touch started >&- 2>error || code=$?
is "$code $(cat error)" "125 brood run: --detach: standard output is closed, so nobody would learn the process id; nothing was started" "standard output that is closed"
[ ! -e started ]
ok "nothing was started"
if [ -c /dev/full ]; then
    code=0
    "$brood" run --detach sh -c 'read -r line <go' >/dev/full 2>error || code=$?
    like "$code $(cat error)" "125 brood run: cannot write to standard output: No space left on device
brood run: sh runs on as process [1-9]*" "a process id that does not arrive is said"
    echo go >go
fi
run --plan --detach --json - true
is "$code $(printf '%s' "$out" >plan && member plan detach)" "0 true" "--plan says it, in JSON"
run --plan --detach true
like "$out" "*brood run: print its process id, and leave it" "and in words"
for option in "--timeout 1s" "--drain 1s" "--json record" --pty; do
    # shellcheck disable=SC2086 # several words
    run --detach $option touch started
    is "$code $out$err" "125 brood run: --detach leaves the command to itself, so nobody is there for ${option%% *}; leave out one of them" "refused: $option"
done
[ ! -e started ]
ok "and nothing was started"

finish
