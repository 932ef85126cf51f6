#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --drain: output passed on, late writers, readers that are slow or gone.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# A process left behind that holds the command's output until somebody writes to the FIFO `go`.
mkfifo go
late='(read -r line <go; echo late; echo late error >&2) &'

# --- passing on ---------------------------------------------------------------------------------
run --drain 10s sh -c 'echo out; echo error >&2; exit 3'
is "$code $out $err" "3 out error" "both streams are passed on, and the code"
run --drain 10s --json record sh -c '[ -p /dev/fd/1 ] && [ -p /dev/fd/2 ] && ! [ /dev/fd/1 -ef /dev/fd/2 ]'
is "$code" 0 "they are two pipes"
is "$(member record streams_held)" false "nobody holds them"
head -c 5000000 /dev/urandom >data
"$brood" run --drain 10s cat data >copy
cmp data copy
ok "5 MB arrive as they are"
"$brood" run --drain 10s sh -c 'cat data >&2' 2>copy
cmp data copy
ok "on standard error too"
run --drain 10s --stderr stdout sh -c 'for i in 1 2 3; do echo o$i; echo e$i >&2; done'
is "$(tr '\n' ' ' <<<"$out")" "o1 e1 o2 e2 o3 e3 " "--stderr stdout keeps the order"
run --drain 10s --stdout file sh -c 'echo out; echo error >&2; [ -p /dev/fd/2 ] && ! [ -p /dev/fd/1 ]'
is "$code $out $err $(cat file)" "0  error out" "one of them may lead elsewhere"
run --drain 10s brood-test-no-such-command
is "$code" 127 "a start that fails"
run --drain 10s --timeout 200ms --quiet sh -c 'echo begun; exec sleep 30'
is "$code $out" "124 begun" "a timeout"
run --drain 10s sh -c 'exec >&- 2>&-; exit 6'
is "$code" 6 "output that the command closes itself"

# --- late writers -------------------------------------------------------------------------------
run --drain 20s sh -c "$late echo first; echo go >go"
is "$code $out $err" $'0 first\nlate late error' "a late writer has its time"
run --drain 200ms --json record sh -c "$late echo first"
is "$code $out" "0 first" "and no more"
is "$err" "brood run: another process still holds the standard output and error of sh; closed after 200ms" "which is said"
is "$(member record streams_held)" true "and recorded"
echo go >go
run --drain 0 --quiet --json record sh -c "$late echo first"
is "$code $out $err $(member record streams_held)" "0 first  true" "--drain 0: what was written is passed on; --quiet says nothing"
echo go >go
run --drain 200ms sh -c "$late exec >&2; echo first" 
is "$err" $'first\nbrood run: another process still holds the standard output and error of sh; closed after 200ms' "error first"
echo go >go
run --drain 200ms sh -c "(read -r line <go) 2>&- & exec >&-"
is "$err" "brood run: another process still holds the standard output of sh; closed after 200ms" "standard output alone"
echo go >go
run --drain 200ms sh -c "(read -r line <go) >&- &"
is "$err" "brood run: another process still holds the standard error of sh; closed after 200ms" "standard error alone"
echo go >go
# A reader behind us sees the end, though the writer is still there.
"$brood" run --drain 200ms --quiet sh -c "$late echo first" | cat >file
is "$(cat file)" first "a reader behind us sees the end"
echo go >go
# An endless writer cannot stretch it.
run --drain 200ms --quiet sh -c 'yes & echo $! >pid'
is "$code" 0 "an endless late writer is cut off"
gone() { ! kill -0 "$(cat pid)" 2>/dev/null; }
until_true "the writer got SIGPIPE" gone
ok "and gets SIGPIPE"
# A signal in that time ends it at once; the code is still the command's.
rm -f pid
"$brood" run --drain 60s --json record sh -c "$late echo \$\$ >pid; exit 5" >file 2>&1 &
pid=$!
until_true "the command has ended" sh -c '[ -s pid ] && ! kill -0 "$(cat pid)" 2>/dev/null'
# It may still be a zombie of brood run, which has to have seen its end: it reaps it first.
kill -TERM $pid
code=0
wait $pid || code=$?
is "$code $(member record streams_held)" "5 true" "SIGTERM while draining"
echo go >go

# --- readers ------------------------------------------------------------------------------------
code=0
"$brood" run --drain 10s --json record yes | head -n 2 >file
is "$(tr '\n' ' ' <file)$(member record signal)" 'y y "SIGPIPE"' "a reader that goes away: the command gets SIGPIPE, as ever"
( "$brood" run --drain 10s sh -c 'trap "" PIPE; until ! echo x; do :; done 2>/dev/null; exit 9' || echo $? >status ) | true
is "$(cat status)" 9 "or EPIPE, and ends as it likes"
# A reader that stalls blocks that stream alone: not the other, not the timeout.
mkfifo slow
exec 8<>slow # both ends are open, and nobody reads
code=0
"$brood" run --drain 200ms --timeout 500ms --quiet sh -c 'echo error >&2; exec yes' >slow 2>file || code=$?
is "$code $(head -n 1 file)" "124 error" "a reader that stalls blocks neither the other stream nor the timeout"
is "$(tail -n 1 file)" "brood run: nobody took all of the standard output of sh in time; the rest is lost" "and is left"
code=0
"$brood" run --drain 200ms --timeout 500ms head -c 50000 /dev/zero >slow 2>file || code=$?
is "$code" 125 "though the command itself had ended in time"
exec 8>&-
# What was written is passed on, however long the reader takes.
( "$brood" run --drain 100ms head -c 300000 /dev/zero; echo $? >status ) | { sleep 0.5; wc -c; } >file
is "$(tr -d ' ' <file) $(cat status)" "300000 0" "a slow reader gets all of it"
# Somebody made our stream non-blocking.
"$python" -c '
import os, subprocess, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
run = subprocess.Popen([sys.argv[1], "run", "--drain", "10s", "head", "-c", "1000000", "/dev/zero"], stdout=writer)
os.close(writer)
total = 0
while True:
    data = os.read(reader, 4096)
    if not data:
        break
    total += len(data)
print(total, run.wait())' "$brood" >file
is "$(cat file)" "1000000 0" "a stream that somebody made non-blocking"
if [ -c /dev/full ]; then
    run sh -c 'exec "$0" run --drain 10s echo x >/dev/full' "$brood"
    is "$code $err" "125 brood run: cannot pass on the standard output of echo: No space left on device" "output that cannot be written"
fi

# --- a terminal is none through a pipe, and is one without --------------------------------------
run --plan --drain 2s true
like "$out" "*brood run: pass output on, until 2s after the end*" "--plan says it"

finish
