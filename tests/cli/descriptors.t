#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which descriptors reach the command: those asked for, those named to it by others, and no more.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# The numbers that a command has open: bash opens none of its own before it runs this.
cat >numbers <<'SH'
#!/usr/bin/env bash
numbers=()
for place in /proc/$$/fd/*; do
    # 255 is bash's own, for the script
    [ "${place##*/}" = 255 ] || [ ! -e "$place" ] || numbers+=("${place##*/}")
done
printf '%s\n' "${numbers[@]}" | sort -n | tr '\n' ' '
SH
chmod 755 numbers
echo text >file

exec 5<file 7<file 12<file
run ./numbers
is "$out" "0 1 2 " "nothing else leaks in"
run --keep-fd 7 ./numbers
is "$out" "0 1 2 7 " "--keep-fd 7"
run --keep-fd 12 --keep-fd=5 --keep-fd 12 ./numbers
is "$out" "0 1 2 5 12 " "--keep-fd more than once"
run --keep-fd all ./numbers
is "$out" "0 1 2 5 7 12 " "--keep-fd all"
run --keep-fd all --keep-fd 5 ./numbers
is "$out" "0 1 2 5 7 12 " "all and one"
run --drain 1s --keep-fd 5 --json record --stdin null ./numbers
is "$out" "0 1 2 5 " "none of our own pipes and files"

# --- named in an argument -----------------------------------------------------------------------
run ./numbers /dev/fd/5
is "$out" "0 1 2 5 " "an argument /dev/fd/5"
run ./numbers /proc/self/fd/5
is "$out" "0 1 2 5 " "an argument /proc/self/fd/5"
run ./numbers --file=/dev/fd/12 -f/dev/fd/7
is "$out" "0 1 2 7 12 " "at the end of an argument"
run ./numbers /dev/fd/5x /dev/fd/ /dev/fd/+5 /dev/fd/99999999999999999999 /dev/fd/6 /dev/fd/7/x
is "$out" "0 1 2 " "what only looks like one, or is not open, is nothing"
run ./numbers /dev/fd/0 /dev/fd/2
is "$out" "0 1 2 " "the standard streams are no matter"
try bash -c '"$0" run cat <(echo first) <(echo second)' "$brood"
is "$code $out" $'0 first\nsecond' "process substitution"
try bash -c '"$0" run tee >(cat >copied) <<<passed >/dev/null; wait $!' "$brood"
until_true "copied" test -s copied
is "$(cat copied)" passed "process substitution for output"
try bash -c '"$0" run bash <(echo "echo script \$1") arg' "$brood"
is "$out" "script arg" "a script by process substitution"

# --- make's job tokens --------------------------------------------------------------------------
mkfifo tokens
exec 20<>tokens 21<>tokens
for flags in "-j --jobserver-auth=20,21" "j --jobserver-fds=20,21" "w -j4 --jobserver-auth=20,21 -- A=b" \
    "--jobserver-auth=5,7 --jobserver-auth=20,21"; do
    MAKEFLAGS=$flags run ./numbers
    is "$out" "0 1 2 20 21 " "MAKEFLAGS='$flags'"
done
for flags in "" "k" " -j --jobserver-auth=-2,-2" "--jobserver-auth=5,7" "--jobserver-auth=20" "--jobserver-auth=20,x" \
    "--jobserver-auth=fifo:/tmp/x" "k -- V=--jobserver-auth=20,21" "k -- --jobserver-auth=20,21" \
    "--jobserver-auth=20,99999999999999999999" "--jobserver-auth=20,22" "--jobserver-auth=20,21222222222222222222222222222222222222"; do
    MAKEFLAGS=$flags run ./numbers
    is "$out" "0 1 2 " "no tokens: MAKEFLAGS='$flags'"
done
export MAKEFLAGS="--jobserver-auth=20,21"
run --unset MAKEFLAGS ./numbers
is "$out" "0 1 2 " "tokens that the command does not hear of are not kept"
run --clear-env --env PATH="$PATH" ./numbers
is "$out" "0 1 2 " "nor with --clear-env"
unset MAKEFLAGS
run --env MAKEFLAGS=--jobserver-auth=20,21 ./numbers
is "$out" "0 1 2 20 21 " "those that --env names are"
exec 20<&- 21<&-

# A real make: the inner one shares the tokens of the outer one, and says nothing of a lost jobserver. Two
# jobs have to overlap to meet in the FIFOs, so they would wait for ever one after the other.
cat >Makefile <<'MAKE'
all:
	+@$(BROOD) run $(MAKE) --no-print-directory pair
pair: one two
one:
	@echo one >left && read -r line <right
two:
	@read -r line <left && echo two >right
MAKE
mkfifo left right
try timeout 20 make --no-print-directory -j2 BROOD="$brood"
is "$code $out $err" "0  " "make -j2 under brood run keeps its two jobs"

# --- sockets passed by number -------------------------------------------------------------------
exec 3<file 4<file 5<&-
LISTEN_FDS=2 run ./numbers
is "$out" "0 1 2 3 4 " "LISTEN_FDS=2"
LISTEN_FDS=1 run ./numbers
is "$out" "0 1 2 3 " "LISTEN_FDS=1"
LISTEN_FDS=2147483647 run ./numbers
is "$out" "0 1 2 3 4 " "as many as are open"
for value in 0 -1 x 99999999999999999999; do
    LISTEN_FDS=$value run ./numbers
    is "$out" "0 1 2 " "LISTEN_FDS=$value"
done
# shellcheck disable=SC2016 # for the other shell
listen='echo $(($$ == LISTEN_PID)) $LISTEN_FDS ${LISTEN_FDNAMES-} ${LISTEN_PIDFDID-none}; exec ./numbers'
try bash -c 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b LISTEN_PIDFDID=7 exec "$@"' - "$brood" run sh -c "$listen"
is "$out" $'1 2 a:b none\n0 1 2 3 4 ' "LISTEN_PID is the command's own id when it was ours"
try bash -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' - "$brood" run --cwd / brood-test-no-such-command
is "$code" 127 "a command that is missing is still 127"
like "$err" "brood run: cannot start brood-test-no-such-command: *" "and named"
try bash -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' - "$brood" run ./file
is "$code" 126 "one that cannot be executed 126"
LISTEN_PID=1 LISTEN_FDS=2 run sh -c 'echo $LISTEN_PID'
is "$out" 1 "the id of another process is left alone"
exec 3<&- 4<&-

# --- a burst of descriptors ---------------------------------------------------------------------
if [ "$(ulimit -n)" -ge 900 ]; then
    try bash -c 'for ((i = 20; i < 800; i++)); do eval "exec $i<file"; done; "$@"' - "$brood" run ./numbers
    is "$out" "0 1 2 " "hundreds are closed"
fi

# --- let go: brood run does not hold what it only handed on -------------------------------------
mkfifo pipe go
"$brood" run --keep-fd 9 sh -c 'exec 9>&-; read -r line <go' 9>pipe 3>pipe &
is "$(timeout 20 cat pipe; echo "end $?")" "end 0" "a reader sees the end when the command closes a kept one"
echo go >go
wait

finish
