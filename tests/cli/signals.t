#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signals sent to brood run reach the command, each once; what it does with them is its own.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"
# Without job control a shell starts background commands with INT and QUIT ignored.
set -m

# A command that counts what it gets, and says when it is ready and how often it got what.
cat >counter <<'PY'
import os, signal, sys
counts = {}
def count(number, frame):
    counts[number] = counts.get(number, 0) + 1
numbers = [n for n in signal.valid_signals() if n not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)]
for n in numbers:
    signal.signal(n, count)
open("pid", "w").write(str(os.getpid()))
os.rename("pid", "ready")
last = getattr(signal, sys.argv[1])
while last not in counts:
    signal.pause()
# One that comes twice comes at once: a read of what is pending shows it.
open("got", "w").write(" ".join(f"{n}:{c}" for n, c in sorted(counts.items())))
PY
number() { kill -l "$1"; }
is_ready() { [ -e ready ]; }

# passes SIGNAL: sent to brood run alone, it reaches the command once.
passes() {
    rm -f ready got
    "$brood" run "$python" counter "SIG$1" &
    local pid=$!
    until_true "the command is ready" is_ready
    kill -s "$1" "$pid"
    code=0
    wait "$pid" || code=$?
    is "$code $(cat got)" "0 $(number "$1"):1" "SIG$1 is passed on, once"
}
for signal in HUP INT QUIT TERM USR1 USR2 ALRM WINCH CONT IO PWR VTALRM PROF URG ABRT RTMIN RTMAX; do
    passes "$signal"
done

# --- what the command does with them ------------------------------------------------------------
# ends_by SIGNAL CODE OPTION...: the command takes the default action.
ends_by() {
    local signal=$1 wanted=$2
    shift 2
    rm -f ready
    "$brood" run "$@" --json record sh -c 'ulimit -c 0; touch ready; exec sleep 60' &
    local pid=$!
    until_true "ready" is_ready
    until_true "it sleeps" asleep "$pid"
    kill -s "$signal" "$pid"
    code=0
    wait "$pid" || code=$?
    is "$code $(member record signal) $(member record cause)" "$wanted \"SIG$signal\" \"own\"" "SIG$signal ends it: $wanted $*"
}
asleep() { # brood run has started what is now `sleep`
    local child
    child=$(cat "/proc/$1/task/$1/children")
    [ "$(cat "/proc/${child%% *}/comm" 2>/dev/null)" = sleep ]
}
for signal in HUP INT QUIT TERM USR1; do
    ends_by "$signal" $((128 + $(number "$signal")))
done
ends_by TERM 143 --new-session
ends_by TERM 143 --drain 1s

rm -f ready
"$brood" run --timeout 60s --grace 60s sh -c 'trap "exit 7" TERM; touch ready; while :; do sleep 0.05; done' &
pid=$!
until_true "ready" is_ready
kill -TERM $pid
code=0
wait $pid || code=$?
is "$code" 7 "the command may end as it likes; with --timeout too"

# What was ignored stays so: the command ignores INT, and brood run does not die of it either.
rm -f ready
mkfifo go
( trap '' INT HUP QUIT; exec "$brood" run sh -c 'touch ready; read -r line <go' ) &
pid=$!
until_true "ready" is_ready
kill -INT $pid
kill -HUP $pid
kill -QUIT $pid
echo go >go
code=0
wait $pid || code=$?
is "$code" 0 "ignored HUP, INT and QUIT hit neither brood run nor the command"

# ... and one that it handles after all reaches it, as it would without brood run.
rm -f ready
( trap '' INT; exec "$brood" run "$python" -c '
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
open("ready", "w").close()
while True: signal.pause()' ) &
pid=$!
until_true "ready" is_ready
kill -INT $pid
code=0
wait $pid || code=$?
is "$code" 7 "a signal that was ignored reaches a command that handles it"

# Signals that come before the command has begun are not lost.
lost=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    "$python" -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
run = os.fork()
if run == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.kill(run, signal.SIGTERM)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(run, 0)[1]) not in (143, -15))' "$brood" run sleep 30 || lost=$((lost + 1))
done
is "$lost" 0 "SIGTERM at any moment of the start ends it"

# One to the whole group ends a command that has not begun; brood run was not the one that failed.
cp /bin/sleep slow-to-begin
if "$python" "$source_dir/tests/cli/at_exec.py" slow-to-begin TERM 0 "$brood" run --json record ./slow-to-begin 30 2>.err; then
    is "$(cat .err)" "brood run: cannot start ./slow-to-begin: the new process was killed by SIGTERM at stage exec, before its program began" \
        "the start that ends so is reported"
    is "$(cat code) $(member record error stage) $(member record exit_code)" '143 "exec" 143' "a signal to the group during the start: 128 and its number"
    "$python" "$source_dir/tests/cli/at_exec.py" slow-to-begin TERM 1 "$brood" run ./slow-to-begin 30 2>.err
    is "$(cat code)" "125" "one that somebody sent to the new process alone: 125"
else
    true; ok "at_exec # SKIP fanotify permission events need CAP_SYS_ADMIN"
fi

# SIGKILL of brood run is what it cannot pass on: the command lives on, as the manual says.
rm -f ready
"$brood" run sh -c 'echo $$ >pid; mv pid ready; read -r line <go' &
pid=$!
until_true "ready" is_ready
kill -KILL $pid
wait $pid 2>/dev/null || true
kill -0 "$(cat ready)"
ok "after SIGKILL the command runs on"
echo go >go

# SIGPIPE is default in the command, whatever it was here.
( trap '' PIPE; "$brood" run sh -c 'yes; echo $? >status' | head -n 1 >/dev/null )
until_true "status" test -s status
is "$(cat status)" 141 "SIGPIPE is default in the command"

# A stop that is meant for the command alone is between it and whoever sent it: time goes on.
rm -f ready
"$brood" run --timeout 1s --quiet --json record sh -c 'echo $$ >pid; mv pid ready; while :; do sleep 0.05; done' &
pid=$!
until_true "ready" is_ready
kill -STOP "$(cat ready)"
code=0
wait $pid || code=$?
is "$code" 124 "a stopped command still times out"

finish
