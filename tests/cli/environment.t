#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What surrounds the command: variables, directory, umask, nice value, limits, session.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"
env_program=$(command -v env)

# --- variables ----------------------------------------------------------------------------------
export INHERITED=yes GONE=still EMPTY=
run sh -c 'echo $INHERITED $GONE'
is "$out" "yes still" "the environment is inherited"
run --env GONE=new --env 'ODD=a=b c' --env EMPTY= "$env_program"
is "$(grep -E '^(GONE|ODD|EMPTY|INHERITED)=' <<<"$out" | sort)" $'EMPTY=\nGONE=new\nINHERITED=yes\nODD=a=b c' "--env sets, replaces, and takes any value"
is "$(grep -c ^GONE= <<<"$out")" 1 "once only"
run --unset GONE --unset NOT_THERE "$env_program"
is "$(grep -E '^(GONE|INHERITED)=' <<<"$out")" "INHERITED=yes" "--unset takes out that one alone"
run --clear-env "$env_program"
is "$code $out" "0 " "--clear-env leaves nothing"
run --env B=2 --clear-env --env=A=1 "$env_program"
is "$(sort <<<"$out")" $'A=1\nB=2' "but what --env sets, whatever the order"

mkdir here && printf '#!/bin/sh\necho found here\n' >here/brood-test-tool && chmod 755 here/brood-test-tool
run --env "PATH=$scratch/here" brood-test-tool
is "$code $out" "0 found here" "the command is looked up in the PATH that --env sets"
run --clear-env true
is "$code" 0 "and in the default path without PATH"

# --- directory ----------------------------------------------------------------------------------
run --cwd here pwd -P
is "$out" "$(cd here && pwd -P)" "--cwd"
run --cwd here ./brood-test-tool
is "$out" "found here" "a relative command is taken from there"
run --cwd "$scratch/input" true
is "$code $err" "125 brood run: cannot start true: directory $scratch/input: No such file or directory" "a directory that is missing"
touch input
run --cwd input true
is "$code $err" "125 brood run: cannot start true: directory input: Not a directory" "a directory that is none"

# --- umask, nice --------------------------------------------------------------------------------
for mask in 0 27 027 0777; do
    run --umask $mask sh -c umask
    is "$((8#$out))" "$((8#$mask))" "--umask $mask"
done
is "$(umask 031; "$brood" run sh -c umask)" 0031 "without --umask it is inherited"
base=$(nice)
run --nice 19 nice
is "$out" 19 "--nice 19"
run --nice="$base" nice
is "$out" "$base" "--nice is the value itself and not added"
is "$(nice -n 3 "$brood" run nice)" "$((base + 3))" "without --nice it is inherited"
if [ "$(id -u)" = 0 ]; then
    run --nice -3 nice
    is "$out" -3 "--nice -3"
fi

# --- limits -------------------------------------------------------------------------------------
limit() { # soft and hard, as /proc says them
    run "$@" sed -n "s/^$name  *\([^ ]*\)  *\([^ ]*\).*/\1 \2/p" /proc/self/limits
}
while IFS='|' read -r option name; do
    limit --limit "$option=20:30"
    is "$out" "20 30" "--limit $option=20:30"
done <<'TABLE'
core|Max core file size
cpu|Max cpu time
fsize|Max file size
locks|Max file locks
memlock|Max locked memory
msgqueue|Max msgqueue size
nofile|Max open files
rss|Max resident set
rttime|Max realtime timeout
sigpending|Max pending signals
TABLE
name="Max address space"
limit --limit as=4G
is "$out" "4294967296 4294967296" "--limit as=4G sets both"
name="Max data size"
limit --limit data=1T:2T
is "$out" "1099511627776 2199023255552" "--limit data=1T:2T"
name="Max stack size"
limit --limit stack=1024K:8M
is "$out" "1048576 8388608" "--limit stack=1024K:8M"
name="Max processes"
limit --limit nproc=30000:30001
is "$out" "30000 30001" "--limit nproc"
name="Max core file size"
hard=$(ulimit -H -c)
limit --limit core=0:"$hard"
is "$out" "0 $([ "$hard" = unlimited ] && echo unlimited || echo $((hard * 1024)))" "a value may be unlimited"
name="Max nice priority"
limit --limit nice=0
is "$out" "0 0" "--limit nice"
name="Max realtime priority"
limit --limit rtprio=0
is "$out" "0 0" "--limit rtprio"
name="Max open files"
limit --limit nofile=50 --limit core=0 --limit nofile=40
is "$out" "40 40" "the last of a repeated limit counts"
limit
is "$out" "$(ulimit -S -n) $(ulimit -H -n)" "without --limit nothing changes"
run --limit fsize=0 sh -c 'echo x >file'
[ ! -s file ]
ok "a limit is obeyed"
if [ "$(id -u)" != 0 ]; then
    run --limit "nofile=$(($(ulimit -H -n) + 1))" true
    is "$code" 125 "a limit above the hard one is refused"
fi

# --- session ------------------------------------------------------------------------------------
session='read -r _ _ _ _ group session terminal _ </proc/self/stat; echo $(($$ == group)) $(($$ == session)) $((terminal > 0))'
run --new-session bash -c "$session"
is "$out" "1 1 0" "--new-session: it leads a session and a group, without a terminal"
run bash -c 'read -r _ _ _ _ group session _ </proc/self/stat; echo $group $session'
read -r _ _ _ _ _ session _ </proc/self/stat
like "$out" "* $session" "without it the session is ours"

# --- signals ------------------------------------------------------------------------------------
masks='sed -n "s/^Sig\(Blk\|Ign\):.//p" /proc/self/status'
run sh -c "$masks"
is "$out" $'0000000000000000\n0000000000000000' "nothing is blocked or ignored"
run_python() { # starts brood run with signals ignored and blocked
    "$python" -c '
import os, signal, sys
for name in sys.argv[1].split():
    signal.signal(getattr(signal, name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
os.execv(sys.argv[2], sys.argv[2:])' "$@"
}
run_python "SIGHUP SIGINT SIGQUIT SIGTERM SIGPIPE SIGCHLD SIGUSR1 SIGTSTP SIGTTOU SIGALRM" \
    "$brood" run sh -c "$masks" >mask_lines
is "$(cat mask_lines)" $'0000000000000000\n0000000000000007' "HUP, INT and QUIT stay ignored, all else is default and unblocked"
run_python SIGCHLD "$brood" run --json record sh -c 'exit 9' || code=$?
is "$code $(member record code)" "9 9" "the exit code is right though SIGCHLD was ignored"
nohup "$brood" run sh -c 'sed -n "s/^SigIgn:.//p" /proc/self/status' >masks 2>nohup.err </dev/null
is "$(cat masks)" "0000000000000001" "under nohup SIGHUP stays ignored"

finish
