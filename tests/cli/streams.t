#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the command's standard streams lead.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# --- as they are: the command gets our own descriptors, not copies through a pipe ---------------
echo "from standard input" >input
"$brood" run sh -c '[ /proc/$$/fd/0 -ef input ] && [ /proc/$$/fd/1 -ef output ] && [ /proc/$$/fd/2 -ef error ] &&
    touch same; cat; echo to error >&2' <input >output 2>error
[ -e same ]
ok "the streams are the very files"
is "$(cat output)" "from standard input" "input arrives"
is "$(cat error)" "to error" "errors too"
printf 'one\ntwo\n' >input
{ "$brood" run sh -c 'read -r line; echo "$line"'; cat; } <input >output
is "$(cat output)" "$(printf 'one\ntwo')" "not a byte more of the input is taken than the command takes"

# --- null, files --------------------------------------------------------------------------------
run --stdin null cat
is "$code $out" "0 " "null has an end at once"
run --stdin null sh -c 'readlink /proc/self/fd/0'
is "$out" "/dev/null" "it is /dev/null"
run --stdout null --stderr null sh -c '[ /proc/$$/fd/1 -ef /dev/null ] && [ /proc/$$/fd/2 -ef /dev/null ]'
is "$code" 0 "null for both outputs"
run --stdin input cat
is "$out" "$(cat input)" "--stdin FILE"
echo "longer than what comes" >result
run --stdout result echo short
is "$(cat result) $out" "short " "--stdout FILE truncates"
run --stderr=new sh -c 'echo error >&2; echo output'
is "$(cat new) $out $err" "error output " "--stderr FILE creates"
is "$(umask 022; "$brood" run --stdout fresh true; stat -c %a fresh)" 644 "a new file has the usual permissions"
echo inside >null
run --stdin ./null cat
is "$out" inside "./null is a file"
mkdir -p place && echo there >place/file
run --cwd place --stdin file --stdout result cat
is "$(cat place/result)" there "names are taken in the directory of --cwd"
run --stdout nowhere/file true
is "$code $err" "125 brood run: cannot start true: file nowhere/file: No such file or directory" "a file that cannot be made"

# --- one place for both -------------------------------------------------------------------------
run --stdout both --stderr stdout sh -c 'for i in 1 2 3; do echo o$i; echo e$i >&2; done'
is "$(tr '\n' ' ' <both)" "o1 e1 o2 e2 o3 e3 " "--stderr stdout keeps the order"
run --stderr both --stdout stderr sh -c 'for i in 1 2 3; do echo o$i; echo e$i >&2; done'
is "$(tr '\n' ' ' <both)" "o1 e1 o2 e2 o3 e3 " "--stdout stderr too"
run --stderr stdout sh -c 'echo o; echo e >&2'
is "$out$err" $'o\ne' "onto our own standard output"
run --stdout stderr sh -c 'echo o; echo e >&2'
is "$out$err" $'o\ne' "onto our own standard error"

# --- closed here, closed there ------------------------------------------------------------------
is_open='for n in 0 1 2; do [ ! -e /proc/$$/fd/$n ] || printf %s $n >&3; done'
"$brood" run --keep-fd 3 sh -c "$is_open" 3>open 0>&-
is "$(cat open)" 12 "standard input"
"$brood" run --keep-fd 3 sh -c "$is_open" 3>open 1>&-
is "$(cat open)" 02 "standard output"
"$brood" run --keep-fd 3 sh -c "$is_open" 3>open 2>&-
is "$(cat open)" 01 "standard error"
"$brood" run --keep-fd 3 sh -c "$is_open" 3>open 0>&- 1>&- 2>&-
is "$(cat open)" "" "all three"
"$brood" run --stderr stdout --keep-fd 3 sh -c "$is_open" 3>open 1>&-
is "$(cat open)" 0 "the same place as a closed one is closed"
"$brood" run --drain 1s --stderr file --keep-fd 3 sh -c "$is_open" 3>open 1>&-
is "$(cat open)" 02 "with --drain too"
"$brood" run --stdin input --stdout result --stderr stdout sh -c 'cat; echo e >&2' 0>&- 1>&- 2>&-
is "$(cat result)" "$(cat input)"$'\ne' "closed here, and yet given there"

# --- brood run does not hold what the command has let go ----------------------------------------
mkfifo go pipe
"$brood" run sh -c 'exec >&-; read -r line <go' >pipe &
brood_pid=$!
is "$(timeout 20 cat pipe; echo "end $?")" "end 0" "a reader sees the end when the command closes its output"
kill -0 "$brood_pid"
ok "and brood run is still there"
echo go >go
wait "$brood_pid"
(
    "$brood" run sh -c 'exec <&-; read -r line <go' <pipe &
    wait
) &
code=0
timeout 20 sh -c 'exec yes >pipe' 2>/dev/null || code=$?
is "$code" 141 "a writer gets SIGPIPE when the command closes its input"
echo go >go
wait

finish
