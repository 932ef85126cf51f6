#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --timeout, --grace, --start-timeout, and what is said about them.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"
now() { date +%s%N; }
# within LEAST MOST WORDS: how long the last `timed` took, in ms.
timed() {
    local began
    began=$(now)
    run "$@"
    took=$((($(now) - began) / 1000000))
}
within() {
    [ "$took" -ge "$1" ] && [ "$took" -le "$2" ]
    ok "$3 ($took ms)"
}

timed --timeout 300ms sleep 30
is "$code $err" "124 brood run: sleep timed out after 300ms; sent SIGTERM" "--timeout 300ms"
within 300 10000 "not before its time"
for value in 0.3 0.3s 300ms 0.005m 0.0001h; do
    timed --timeout "$value" --quiet sleep 30
    is "$code $err" "124 " "--timeout $value --quiet"
    within 300 10000 "not before its time"
done
run --timeout 0 true
is "$code" 0 "--timeout 0 sets no limit"
run --timeout 0 --grace 1s sh -c 'exit 4'
is "$code" 4 "nor with --grace"
for value in 1d 24h 1440m 86400s 86400000ms; do
    run --plan --timeout $value --grace 1s true
    like "$out" "*brood run: after 24h SIGTERM and SIGCONT, 1s later SIGKILL*" "$value is a day"
done

# --- grace --------------------------------------------------------------------------------------
deaf='trap "echo term" TERM; touch ready; while :; do sleep 0.05; done'
timed --timeout 400ms --grace 400ms sh -c "$deaf"
is "$code $out" "124 term" "SIGTERM is sent, and once"
is "$err" $'brood run: sh timed out after 400ms; sent SIGTERM\nbrood run: sh has not ended within 400ms of SIGTERM; sent SIGKILL' "then SIGKILL"
within 800 10000 "after the grace"
run --timeout 200ms --grace 0 --json record sh -c "$deaf"
is "$code $out $err" "124  brood run: sh timed out after 200ms; sent SIGKILL" "--grace 0 kills at once"
is "$(member record signal)" '"SIGKILL"' "by SIGKILL"
run --timeout 200ms --json record sh -c 'trap "exit 3" TERM; while :; do sleep 0.05; done'
is "$code" 124 "an end in the grace is a timeout"
is "$(member record code) $(member record cause) $(member record timed_out)" '3 "timeout" true' "the record has the command's own code"
timed --timeout 60s --grace 60s sh -c 'exit 0'
within 0 30000 "nobody waits for a timeout that is not needed"

# A stopped process only obeys once it is continued.
run --timeout 200ms --grace 30s --json record sh -c 'kill -STOP $$; exit 0'
is "$code $(member record signal)" '124 "SIGTERM"' "a stopped command is continued, to end"

# A command that became another user cannot be ended. That is said, and nobody waits for it.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    install -m 4755 "$(command -v setpriv)" become && install -m 755 "$brood" brood && chmod 755 .
    mkfifo go
    try setpriv --reuid=65534 --regid=65534 --clear-groups ./brood run --timeout 300ms --json - \
        ./become --reuid=0 sh -c 'read -r line <go'
    is "$code" 124 "a command that became root: the timeout does not wait for it"
    like "$err" "brood run: cannot end ./become, process *, which runs on: Operation not permitted" "which is said"
    printf '%s\n' "$out" >record
    is "$(member record kind) $(member record timed_out) $(member record code)" '"running" true null' "and recorded"
    echo go >go
fi

# --- the start ----------------------------------------------------------------------------------
mkfifo fifo
timed --start-timeout 300ms --stdin fifo cat
is "$code $err" "125 brood run: cannot start cat: file fifo: nobody opened its other end within 300ms" "a FIFO that nobody opens"
within 300 10000 "not before its time"
timed --timeout 300ms --stdin fifo cat
is "$code $err" "124 brood run: cannot start cat: file fifo: nobody opened its other end within 300ms" "--timeout holds for the start"
timed --timeout 300ms --start-timeout 0 --stdout fifo true
is "$code" 124 "without --start-timeout too"
run --timeout 10s --start-timeout 200ms --json record --stdin fifo cat
is "$code $(member record timed_out) $(member record error name)" '125 false "ETIMEDOUT"' "the shorter one counts"
mkdir place && mkfifo place/fifo
{ echo through >place/fifo; } &
run --cwd place --stdin fifo cat
wait
is "$code $out" "0 through" "a FIFO that somebody opens"
cat fifo >copy &
run --stdout fifo echo through
wait
is "$code $(cat copy)" "0 through" "a FIFO for output"
# The wait for it ends by a signal, as in a shell.
"$brood" run --stdin fifo cat &
pid=$!
in_open() { [[ $(cat "/proc/$pid/wchan" 2>/dev/null) == *fifo* ]] || [ "$(cut -d' ' -f3 "/proc/$pid/stat")" = S ]; }
until_true "waits for the FIFO" in_open
kill -TERM $pid
code=0
wait $pid || code=$?
is "$code" 143 "SIGTERM ends the wait"
run --start-timeout 5s true
is "$code" 0 "--start-timeout is for the start alone"
timed --start-timeout 100ms sleep 0.3
is "$code" 0 "and not for the command's life"

finish
