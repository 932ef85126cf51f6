#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every line that refuses an option: code 125, one line, nothing started, nothing on standard output.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# refuses LINE WORD...
refuses() {
    local line=$1
    shift
    run "$@"
    is "$code $err" "125 brood run: $line" "refused: ${*@Q}"
    [ -z "$out" ] && [ ! -e started ]
    ok "  and nothing is printed or started"
}
mark=(touch started)

duration="is not a duration; use 500ms, 2s, 1m or 1h"
for value in 5x '' -1 -1s s .5 1. 1.s 1,5s ' 1s' '1s ' 0x10 1ss inf 1e3; do
    refuses "--timeout: '$value' $duration" --timeout "$value" "${mark[@]}"
done
refuses "--grace: 'soon' $duration" --timeout 1s --grace soon "${mark[@]}"
refuses "--drain: 'soon' $duration" --drain=soon "${mark[@]}"
refuses "--start-timeout: 'soon' $duration" --start-timeout soon "${mark[@]}"
for value in 99999999999999999999999 999999999999h 4611686018427387904ms; do
    refuses "--timeout: '$value' is too long; use 0 for no limit" --timeout "$value" "${mark[@]}"
done
refuses "--start-timeout: '12000d' is too long; use 0 for no limit" --start-timeout 12000d "${mark[@]}"
refuses "--grace needs --timeout; add --timeout DURATION or leave out --grace" --grace 1s "${mark[@]}"

refuses "--cwd: the name is empty; give a DIRECTORY" --cwd '' "${mark[@]}"
refuses "--json: the name is empty; give a FILE" --json= "${mark[@]}"
refuses "--env: 'NAME' has no '='; write NAME=VALUE" --env NAME "${mark[@]}"
refuses "--env: '=value' has no name; write NAME=VALUE" --env =value "${mark[@]}"
refuses "--env: '' has no '='; write NAME=VALUE" --env '' "${mark[@]}"
refuses "--unset: 'NAME=value' is not the name of a variable; write NAME alone" --unset NAME=value "${mark[@]}"
refuses "--unset: '' is not the name of a variable; write NAME alone" --unset '' "${mark[@]}"
refuses "--clear-env leaves nothing that --unset A could take out; leave out one of them" \
    --clear-env --unset A "${mark[@]}"
refuses "--env and --unset contradict each other about A; leave out one of them" \
    --unset A --env AB=1 --env A=1 "${mark[@]}"

for name in stdin stdout stderr; do
    refuses "--$name: the name is empty; give a FILE, null or inherit" "--$name" '' "${mark[@]}"
    refuses "--$name: write inherit for '-', or ./- for a file of that name" "--$name" - "${mark[@]}"
done
refuses "--stdout stderr and --stderr stdout lead to each other; leave out one of them" \
    --stdout stderr --stderr stdout "${mark[@]}"
refuses "--pty has nothing to show when --stdout and --stderr both lead elsewhere; leave out one of the three" \
    --pty --stdout null --stderr inherit "${mark[@]}"
refuses "--drain has nothing to pass on when --stdout and --stderr both lead elsewhere; leave out one of the three" \
    --drain 1s --stdout null --stderr null "${mark[@]}"

for value in x '' -1 1.5 3x 99999999999; do
    refuses "--keep-fd: '$value' is not a descriptor; use its number, or all" --keep-fd "$value" "${mark[@]}"
done
for value in 0 1 2; do
    refuses "--keep-fd: $value is a standard stream; --stdin, --stdout and --stderr set those" \
        --keep-fd "$value" "${mark[@]}"
done
exec 9<&-
refuses "--keep-fd: descriptor 9 is not open; the shell opens it by 9<FILE" --keep-fd 9 "${mark[@]}"

for value in 8 1777 '' 0x1 -1 00000001000 22u; do
    refuses "--umask: '$value' is not an octal mask; use 0 to 0777, as in 027" --umask "$value" "${mark[@]}"
done
for value in 20 -21 x '' 1.5 99999999999999999999; do
    refuses "--nice: '$value' is not a nice value; use -20 to 19" --nice "$value" "${mark[@]}"
done

for value in 1001 -1001 x '' 1.5; do
    refuses "--oom: '$value' is not such a value; use -1000 to 1000" --oom "$value" "${mark[@]}"
done
cpus="is not a list of processors; use numbers and ranges, as in 0-3,8"
for value in '' x -1 1- 3-1 1,,2 '1,' ',1' 0-1-2 +1 1-+2 1.5 0x1 '1 2'; do
    refuses "--affinity: '$value' $cpus" --affinity "$value" "${mark[@]}"
done
for value in 8192 0-8192 99999999999999999999; do
    refuses "--affinity: '$value' names a processor above 8191" --affinity "$value" "${mark[@]}"
done
for value in '' INTERRUPT INT,,HUP 'INT,' ',INT' 0 65 32 +2 -2 int SIG SIGSIGINT RTMIN+99 'INT HUP'; do
    refuses "--ignore-signals: '$value' is not a list of signals; use names, as in INT,HUP" \
        --ignore-signals "$value" "${mark[@]}"
done
for value in KILL SIGSTOP INT,STOP 9; do
    refuses "--ignore-signals: '$value' has KILL or STOP in it, which nobody can ignore" \
        --ignore-signals "$value" "${mark[@]}"
done
refuses "--cgroup: the name is empty; give a DIRECTORY" --cgroup '' "${mark[@]}"

names="there are as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending and stack"
bytes="a value is a number of bytes, which may end in K, M, G or T, or unlimited"
number="a value is a number, or unlimited"
refuses "--limit: 'nofile' is not a limit; write NAME=SOFT or NAME=SOFT:HARD, as in nofile=64:128" \
    --limit nofile "${mark[@]}"
refuses "--limit: 'files=3' is not a limit; $names" --limit files=3 "${mark[@]}"
refuses "--limit: '=3' is not a limit; $names" --limit =3 "${mark[@]}"
for value in nofile= nofile=x nofile=-1 nofile=1: nofile=:1 nofile=1:2:3 nofile=1K nofile=unlimitedx; do
    refuses "--limit: '$value' is not a limit; $number" --limit "$value" "${mark[@]}"
done
refuses "--limit: 'as=1P' is not a limit; $bytes" --limit as=1P "${mark[@]}"
refuses "--limit: 'nofile=9:8' is not a limit; the soft limit is above the hard one" --limit nofile=9:8 "${mark[@]}"
refuses "--limit: 'core=unlimited:1' is not a limit; the soft limit is above the hard one" \
    --limit core=unlimited:1 "${mark[@]}"
for value in as=18446744073709551615 as=99999999999999999999 as=16777216T; do
    refuses "--limit: '$value' is not a limit; that is more than a limit can say; unlimited is a value too" \
        --limit "$value" "${mark[@]}"
done

for pair in "stdin stdin" "stdin stdout" "stdin stderr" "stdout stdin" "stdout stdout" "stderr stdin" "stderr stderr"; do
    refuses "--${pair% *}: ${pair#* } cannot be meant; write ./${pair#* } for a file" "--${pair% *}" "${pair#* }" "${mark[@]}"
done
same="--stdout and --stderr would overwrite each other in same; use --stderr stdout"
refuses "$same" --stdout same --stderr same "${mark[@]}"
mkdir below
refuses "$same" --cwd below --stdout same --stderr same "${mark[@]}"
for stream in stdout stderr; do
    refuses "--json would replace what --$stream writes to same; name another file" \
        --json same "--$stream" same "${mark[@]}"
done
run --cwd below --json same --stdout same echo words
is "$code $(cat below/same)" "0 words" "one name in two directories is two files"
rm -r below same
run --json /dev/null --stdout /dev/null --stderr /dev/null echo words
is "$code" 0 "what is no regular file may be named twice"

refuses "unknown option '--bogus'; 'brood run -h' lists them" --bogus "${mark[@]}"
refuses "unknown option '--bogus'; 'brood run -h' lists them" --bogus=secret "${mark[@]}"
refuses "unknown option '--time'; did you mean --timeout?" --time 5s "${mark[@]}"
refuses "unknown option '--st'; 'brood run -h' lists them" --st x "${mark[@]}"
refuses "unknown option '-x'; 'brood run -h' lists them" -x "${mark[@]}"
refuses "unknown option '-hq'; 'brood run -h' lists them" -hq "${mark[@]}"
refuses "unknown option '---'; 'brood run -h' lists them" --- "${mark[@]}"
refuses "unknown option '--'; 'brood run -h' lists them" --=x "${mark[@]}"
refuses "--quiet takes no value; leave out '=yes'" --quiet=yes "${mark[@]}"
refuses "--help takes no value; leave out '=yes'" --help=yes
refuses "--timeout needs a value: --timeout DURATION" --timeout
refuses "--limit needs a value: --limit NAME=SOFT[:HARD]" --quiet --limit
usage="write brood run [OPTION...] [--] COMMAND [ARG...]"
refuses "no command; $usage"
refuses "no command; $usage" --
refuses "no command; $usage" --quiet
refuses "the command's name is empty; $usage" ''
refuses "the command's name is empty; $usage" -- '' arg

# What comes from outside cannot play with the terminal.
refuses "unknown option '--\x1B[31m\x0A\xC2\x9B\xFFé'; 'brood run -h' lists them" $'--\e[31m\n\u009b\xffé'

refuses "--json: cannot write /nonexistent/file: No such file or directory; nothing was started" \
    --json /nonexistent/file "${mark[@]}"
refuses "--json: cannot write .: Is a directory; nothing was started" --json . "${mark[@]}"
refuses "--json: cannot write ./: Is a directory; nothing was started" --json ./ "${mark[@]}"
refuses "--json: cannot write new/: No such file or directory; nothing was started" --json new/ "${mark[@]}"
refuses "--json: cannot write /dev/fd/9: Bad file descriptor; nothing was started" --json /dev/fd/9 "${mark[@]}"

try "$brood"
is "$code $err" "125 brood: no command; 'brood --help' lists them" "brood alone"
try "$brood" jump
is "$code $err" "125 brood: unknown command 'jump'; 'brood --help' lists the commands" "an unknown command"
try "$brood" --jump
is "$code $err" "125 brood: unknown option '--jump'; 'brood --help' lists the commands" "an unknown option of brood"

# What is not refused: a value that looks like an option, the command's own options, a repeated option.
run --nice -- sh
is "$code $err" "125 brood run: --nice: '--' is not a nice value; use -20 to 19" "a value is the next word"
run -- echo --timeout
is "$code $out" "0 --timeout" "the command's options are its own"
run echo -- -h --help
is "$code $out" "0 -- -h --help" "behind the command, -- too"
run --timeout 1ms --timeout=30s --env A=1 --env A=2 --umask 0 --umask=077 sh -c 'echo $A; umask'
is "$code $out" $'0 2\n0077' "the last of a repeated option counts"
run - 2>/dev/null
is "$code" 127 "a lone - is a command's name"

finish
