#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What kind of process the command is: processors, memory, privileges, control group, ignored signals.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# --- processors ---------------------------------------------------------------------------------
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
first=${allowed%%[-,]*}
cpus() { run "$@" sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status; }
cpus
is "$out" "$allowed" "without --affinity they are inherited"
cpus --affinity "$first"
is "$code $out" "0 $first" "--affinity $first"
cpus --affinity "$first-$first,$first"
is "$out" "$first" "a range, and a repetition"
cpus --affinity "0-8191"
is "$code $out" "0 $allowed" "those that are not there do not count"
cpus --affinity 8191 --affinity "$first"
is "$out" "$first" "the last of a repeated option counts"
run --affinity 8191 true
is "$code $err" "125 brood run: cannot start true: setting the processor affinity: none of those processors may be used: Invalid argument" "none of them is there"
run --json record --affinity 8191 true
is "$(member record error stage)" '"resource"' "and recorded"
run --plan --affinity 0-2,5,64 true
like "$out" "*run on processors 0 1 2 5 64*" "--plan lists them"

# --- memory -------------------------------------------------------------------------------------
score=$(cat /proc/self/oom_score_adj)
run cat /proc/self/oom_score_adj
is "$out" "$score" "without --oom the value is inherited"
for value in $((score + 1)) 1000; do
    run --oom "$value" cat /proc/self/oom_score_adj
    is "$code $out" "0 $value" "--oom $value"
done
is "$(cat /proc/self/oom_score_adj)" "$score" "ours stays"
if (echo -5 >/proc/self/oom_score_adj) 2>/dev/null; then
    run --oom -5 cat /proc/self/oom_score_adj
    is "$code $out" "0 -5" "--oom -5"
    run --user daemon --oom -5 cat /proc/self/oom_score_adj
    is "$code $out" "0 -5" "it is set before the user is"
else
    run --oom -1000 true
    is "$code $err" "125 brood run: cannot start true: setting the oom_score_adj: Permission denied" "a value below ours needs a privilege"
fi

# --- privileges ---------------------------------------------------------------------------------
privileges='sed -n s/^NoNewPrivs:.//p /proc/self/status'
run sh -c "$privileges"
is "$out" 0 "without --no-new-privs"
run --no-new-privs sh -c "$privileges; $privileges"
is "$out" $'1\n1' "--no-new-privs, and for its children"
if [ "$(id -u)" = 0 ]; then
    install -m 4755 /usr/bin/id setuid-id && chmod 755 .
    run --user daemon ./setuid-id -u
    is "$out" 0 "a set-user-ID program"
    run --user daemon --no-new-privs ./setuid-id -u
    is "$out" "$(id -u daemon)" "gains nothing with --no-new-privs"
fi

# --- control group ------------------------------------------------------------------------------
run --cgroup /nonexistent touch started
is "$code $err" "125 brood run: cannot start touch: control group /nonexistent: No such file or directory" "a group that is not there"
mkdir no-cgroup
run --cgroup no-cgroup touch started
is "$code $err" "125 brood run: cannot start touch: no-cgroup is not a control group" "a directory that is no control group"
run --json record --cgroup /nonexistent touch started
is "$(member record error stage) $(member record error subject)" '"cgroup" "/nonexistent"' "and recorded"
[ ! -e started ]
ok "nothing was started"
made=
for place in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids /sys/fs/cgroup/freezer; do
    [ -e $place/cgroup.procs ] && mkdir "$place/brood-$$" 2>/dev/null || continue
    made=$place/brood-$$
    break
done
if [ -n "$made" ]; then
    run --cgroup "$made" grep -c -- "/brood-$$\$" /proc/self/cgroup
    is "$code $out" "0 1" "--cgroup $made"
    run --cwd / --cgroup "$made" --json record sh -c 'exit 4'
    is "$code $(member record code)" "4 4" "with --cwd, and its end is seen"
    run --user daemon --cgroup "$made" grep -c -- "/brood-$$\$" /proc/self/cgroup
    is "$code $out" "0 1" "it is entered before the user is set"
    emptied() { rmdir "$made" 2>/dev/null; }
    until_true "the group is empty" emptied
    ok "nothing is left in it"
else
    true; ok "control group # SKIP no control group can be made here"
fi

# --- namespaces ---------------------------------------------------------------------------------
if unshare --pid true 2>/dev/null; then
    try unshare --pid "$brood" run sh -c 'echo $$'
    is "$code $out$err" "0 1" "it can be the first process of a pid namespace"
else
    true; ok "pid namespace # SKIP no pid namespace can be made here"
fi

# --- ignored signals ----------------------------------------------------------------------------
masks='sed -n "s/^Sig\(Blk\|Ign\):.//p" /proc/self/status'
bits() { printf '0000000000000000\n%016x\n' "$1"; }
run --ignore-signals INT,HUP sh -c "$masks"
is "$code $out" "0 $(bits 3)" "--ignore-signals INT,HUP"
for list in USR1 SIGUSR1 10; do
    run --ignore-signals "$list" sh -c "$masks"
    is "$code $out" "0 $(bits $((1 << 9)))" "--ignore-signals $list"
done
run --ignore-signals INT --ignore-signals SIGTERM sh -c "$masks"
is "$out" "$(bits $((1 << 14)))" "the last of a repeated option counts"
run --ignore-signals "RTMIN+1,SIGRTMIN+30,TERM" sh -c "$masks"
is "$out" "$(bits $((1 << 14 | 1 << ($(kill -l RTMIN) + 1 - 1) | 1 << 63)))" "real-time ones"
( trap '' HUP; "$brood" run --ignore-signals INT sh -c "$masks" ) >both
is "$(cat both)" "$(bits 3)" "those that were ignored before stay so"
run --ignore-signals TERM --timeout 300ms --grace 300ms --quiet --json record sleep 30
is "$code $(member record signal)" '124 "SIGKILL"' "the command does ignore it"

finish
