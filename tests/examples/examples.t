#!/bin/sh
# SPDX-License-Identifier: MIT
# bound: 240
# Every example, as a user would run it: its words are compared, it must not complain on stderr, it
# must end in time, and it must leave no process behind.
#
# To repeat one by hand: build/examples/alone /dev/stderr 60 build/examples/NAME
set -eu
examples=$BROOD_BUILD/examples
LC_ALL=C
PATH=/usr/local/bin:/usr/bin:/bin # errors prints it
export LC_ALL PATH
place=$(mktemp -d "${TMPDIR:-/tmp}/brood-examples.XXXXXX")
trap 'rm -rf "$place"' EXIT
number=0

# ok RESULT WORDS: one line of TAP
ok() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

# show FILE...: for the reader of a failure
show() {
    for file in "$@"; do sed "s|^|# $(basename "$file"): |" "$file"; done
}

# run PROGRAM [ARG...]: its words to $place/out and $place/err, its report to $place/report
run() {
    program=$examples/$1
    shift
    : >"$place/report"
    "$examples/alone" "$place/report" 60 "$program" "$@" >"$place/out" 2>"$place/err" </dev/null
}

# same NAME: the words are those of $place/want, nothing on stderr
same() {
    result=0
    cmp -s "$place/want" "$place/out" && [ ! -s "$place/err" ] || result=1
    ok $result "$1 says what it should"
    if [ $result != 0 ]; then show "$place/want" "$place/out" "$place/err"; fi
}

# ended NAME REPORT: its report is "exit REPORT", the times left out
ended() {
    result=0
    sed 's/, [0-9]* ms, [0-9]* ms later:/,/' "$place/report" | grep -qx "exit $2" || result=1
    ok $result "$1 ends as it should and leaves nothing"
    if [ $result != 0 ]; then
        echo "# wanted: exit $2"
        show "$place/report"
    fi
}

git init --quiet "$place/repository"
: >"$place/repository/new file"
cat >"$place/want" <<'END'
?? "new file"
git exited with 0
END
run first "$place/repository"
same "first, in a repository"
ended "first, in a repository" "0, 0 alive, 0 zombies"

echo "cannot start git: directory /no/such/place: No such file or directory" >"$place/want"
run first /no/such/place
same "first, in no directory"
ended "first, in no directory" "1, 0 alive, 0 zombies"

cat >"$place/want" <<'END'
Both streams:
  exited with 3
  out: 7 bytes, first line: result
  err: 10 bytes, first line: complaint
Both in one (2>&1):
  exited with 3
  out: 17 bytes, first line: result
Ten bytes, please:
  exited with 0
  out: 10 bytes, first line: 1
  there was more
A fifth of a second:
  killed by SIGTERM (timed out)
  out: 0 bytes, first line: 
What was left in the background:
  exited with 0
  out: 5 bytes, first line: done
END
run capture
same capture
# The zombie is the sleep in the background: ended with its group, but no child of ours to reap.
ended capture "0, 0 alive, 1 zombies"

cat >"$place/want" <<'END'
sort says:
apple
pear
quince
wc says: 1000
true says: Broken pipe
END
run feed
same feed
ended feed "0, 0 alive, 0 zombies"

cat >"$place/want" <<'END'
seq 100000: 588895 bytes, exited with 0
exec >&-; sleep 0.2; exit 7: 0 bytes, exited with 7
echo going; kill -TERM $$: 6 bytes, killed by SIGTERM
END
run poll_loop
same poll_loop
ended poll_loop "0, 0 alive, 0 zombies"

cat >"$place/want" <<'END'
As 3 and 4:
green
red
no blue
All in a circle:
blue
red
green
END
run descriptors
same descriptors
ended descriptors "0, 0 alive, 0 zombies"

cat >"$place/want" <<'END'
numbers with a 7: 271
seq exited with 0
grep exited with 0
wc exited with 0
END
run pipeline
same pipeline
ended pipeline "0, 0 alive, 0 zombies"

cat >"$place/want" <<'END'
directory   cannot start git: directory missing/directory: No such file or directory
exec        cannot start no-such-program: not found in PATH /usr/local/bin:/usr/bin:/bin
exec        cannot start ./missing: ./missing: No such file or directory
exec        cannot start ./script: the file is there, but its interpreter /no/such/interpreter: No such file or directory
exec        cannot start ./plain: ./plain may not be executed: Permission denied (chmod +x?)
exec        cannot start ./words: ./words is neither a program that runs here nor a script with #!
exec        cannot start ./folder: ./folder is a directory
open        cannot start git: file folder/missing/out.txt: No such file or directory
options     cannot start git: the caller has no open descriptor 77
options     cannot start git: env_set: not NAME=VALUE: 'no equals sign'
options     cannot start git: timeout_ms, grace_ms and drain_ms need a call that stays: use brood_run()
END
run errors
same errors
ended errors "0, 0 alive, 0 zombies"

# The program is gone at once; its children end since their pipes do, the start that was under way
# by its timeout, 4 s. All of them fall to the keeper as zombies: nobody else is there to reap them.
# Had the program waited for that start, there would have been nothing left to wait for.
mkfifo "$place/fifo"
: >"$place/want"
run main_returns "$place/fifo"
same main_returns
ended main_returns "0, 0 alive, 101 zombies"
later=$(sed 's/.*, \([0-9]*\) ms later:.*/\1/' "$place/report")
result=0
[ "$later" -gt 1000 ] || result=1
ok $result "main_returns was gone $later ms before the start that was under way"

# The figures are checked by the program itself.
run reproduction
result=0
[ ! -s "$place/err" ] && grep -q '^brood left 0 processes behind; the old way left 10,' \
    "$place/out" || result=1
ok $result "reproduction shows 0 orphans with brood, 10 the old way"
if [ $result != 0 ]; then show "$place/out" "$place/err"; fi
ended reproduction "0, 0 alive, 0 zombies"

echo "1..$number"
