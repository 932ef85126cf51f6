#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --plan prints what a start would do, and does nothing.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

run --plan --cwd / --stdin null --stdout made --umask 027 --nice 5 --limit nofile=64:128 --new-session \
    --env SECRET=hidden-words --timeout 5s --grace 2s --drain 1s --json record touch started
is "$code $err" "0 " "--plan with every option"
for words in "directory: change to /" "/dev/null" "made" "27" "nofile" "64" "128" "SECRET" \
    "'touch' 'started'" "brood run: after 5s SIGTERM and SIGCONT, 2s later SIGKILL" \
    "brood run: pass output on, until 1s after the end" "brood run: write how it ended to record"; do
    like "$out" "*$words*" "says: $words"
done
[[ $out != *hidden-words* ]]
ok "values of the environment are not shown"
[ ! -e started ] && [ ! -e made ] && [ ! -e record ]
ok "nothing is done"
run --plan --json $'re\e[31m\ncord' true
like "$out" '*brood run: write how it ended to re\\x1B\[31m\\x0Acord' "a name cannot play with the terminal"
run --plan --timeout 1s --grace 0 true
like "$out" "*brood run: after 1s SIGKILL*" "--grace 0"
run --plan brood-test-no-such-command
is "$code" 0 "nothing is looked up: a command that is missing shows at the start"
run --plan --keep-fd all true </dev/null
is "$code" 0 "with --keep-fd all"
exec 7</dev/null
run --plan --keep-fd 7 cat /dev/fd/7
like "$out" "*descriptor 7*" "a kept descriptor"
# A plan longer than any fixed buffer comes whole.
words=()
for ((i = 0; i < 5000; i++)); do words+=("word-$i-of-many"); done
run --plan echo "${words[@]}"
like "$out" "*'word-0-of-many'*'word-4999-of-many'*" "a long plan comes whole"

finish
