#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --pty: a terminal of the command's own, in a pipeline and at a terminal.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

run --pty sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all; tty; stty size; exit 7'
is "$code $(head -n 1 <<<"$out")" $'7 all\r' "all three streams are a terminal, and the code is the command's"
like "$out" $'*/dev/pts/*\r\n24 80\r*' "it has the usual size where there is none to go by"
run --pty bash -c 'read -r _ _ _ _ group session terminal _ </proc/$$/stat; echo $(($$ == group)) $(($$ == session)) $((terminal > 0)) >/dev/tty'
is "$out" $'1 1 1\r' "it is the controlling terminal of a session of the command's own"
for text in $'one\ntwo\n' $'one\ntwo' '' $'\n'; do
    printf %s "$text" | timeout 20 "$brood" run --pty cat >copy
    is "$(tr -d '\r' <copy; echo .)" "$(printf %s "$text"; echo .)" "the end of the input is the end of file: ${text@Q}"
done
seq 1 20000 >numbers
timeout 60 "$brood" run --pty cat <numbers | tr -d '\r' >copy
cmp numbers copy
ok "20000 lines pass both ways, without echo"
run --pty --stderr errors sh -c 'test -t 1 && ! test -t 2 && echo out; echo error >&2'
is "$out $(cat errors)" $'out\r error' "a stream may lead elsewhere"
run --pty --stdout file sh -c '! test -t 1 && test -t 2 && echo error >&2; echo out'
is "$err $(cat file)" $'error\r out' "then the other one shows the terminal"
run --pty --stdin null cat
is "$code $out" "0 " "--stdin null"
run --pty brood-test-no-such-command
is "$code $out" "127 " "a start that fails"
run --pty --timeout 300ms --json record sleep 30
is "$code $(member record signal)" '124 "SIGTERM"' "a timeout"
run --pty sh -c 'sleep 60 & echo $! >pid; echo done'
is "$code $out" $'0 done\r' "what is left behind does not hold it"
kill "$(cat pid)" 2>/dev/null || true
code=0
timeout 20 "$brood" run --pty sh -c 'trap "exit 9" HUP; until ! echo line; do :; done; exit 9' </dev/null 2>/dev/null | head -n 2 >few
is "$(tr -d '\r' <few | tr '\n' ' ')" "line line " "a reader that goes away"
timeout 60 "$brood" run --pty --json record yes </dev/null | head -n 1 >few
is "$(tr -d '\r' <few)$(member record signal)" 'y"SIGHUP"' "... hangs the terminal up: the command gets SIGHUP"
run --pty --stderr stdout sh -c 'echo error >&2'
is "$code $out" $'0 error\r' "one output stream may follow the other into the terminal"
echo x | timeout 60 "$brood" run --pty sh -c 'cat; cat; cat' >few
is "$(tr -d '\r' <few)" x "input that has ended stays at its end"
code=0
echo 'exit 9' | timeout 60 "$brood" run --pty sh -c 'sleep 0.3; stty -icanon; dd bs=1 count=7 2>/dev/null | grep -q "exit 9" && stty icanon && ! read -r line && exit 9' >few || code=$?
is "$code" 9 "the end comes after a command that read keys has read them"

for case in own_terminal own_terminal_fails own_terminal_stops; do
    try setsid -w "$python" "$source_dir/tests/cli/terminal.py" "$case" "$brood"
    is "$code" 0 "$case"
    [ "$code" = 0 ] || note "$err"
done

finish
