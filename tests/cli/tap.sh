# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# tests/cli/tap.sh, sourced by the tests of the command. It makes a scratch directory and stands in it,
# runs commands with their output in files, says TAP, and at the end counts it as a test of its own that
# no process of this test is left.
set -u # and not -e: ok() reads the status of what stands before it
source_dir=${BROOD_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
brood=${BROOD:-${BROOD_BUILD:-$source_dir/build}/brood}
[ -x "$brood" ] || { echo "1..0 # SKIP $brood is not built"; exit 0; }
brood=$(realpath "$brood")
# The system's own programs, whoever runs the test; a folder of somebody else's would change what is found.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
python=$(command -v python3)

scratch=$(mktemp -d "${TMPDIR:-/tmp}/brood-cli.XXXXXX") && cd "$scratch" || exit 1
# Every process that a test starts can be told by this word in its environment.
export BROOD_TEST_TAG="tag-$$-$scratch"
unset MAKEFLAGS MFLAGS MAKELEVEL LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
# What whoever runs the test left open is no part of it. (255 is bash's own, for the script.)
for place in "/proc/$$/fd"/*; do
    case ${place##*/} in
    0 | 1 | 2 | 255) ;;
    *) eval "exec ${place##*/}>&-" ;;
    esac
done
tests=0
failures=0

# ok WORDS: the status before it decides.
ok() {
    local status=$?
    tests=$((tests + 1))
    if [ "$status" = 0 ]; then
        echo "ok $tests - $1"
        return 0
    fi
    failures=$((failures + 1))
    echo "not ok $tests - $1"
    return 0
}

note() {
    printf '%s\n' "$*" | sed 's/^/# /'
}

# is GOT WANTED WORDS
is() {
    if [ "$1" = "$2" ]; then
        true; ok "$3"
    else
        false || ok "$3"
        note "got:    $1"
        note "wanted: $2"
    fi
}

# like GOT PATTERN WORDS: a bash pattern over the whole text.
like() {
    # shellcheck disable=SC2053 # a pattern is wanted
    if [[ $1 == $2 ]]; then
        true; ok "$3"
    else
        false || ok "$3"
        note "got:    $1"
        note "wanted: $2"
    fi
}

# try WORD...: runs it; then $code, $out and $err are what it ended with and said. Nothing is read from a
# pipe, so a process left behind cannot hold the test.
# shellcheck disable=SC2034 # the tests read them
try() {
    code=0
    timeout -k 5 60 "$@" >"$scratch/.out" 2>"$scratch/.err" </dev/null || code=$?
    out=$(cat "$scratch/.out")
    err=$(cat "$scratch/.err")
}

# run WORD...: brood run WORD...
run() {
    try "$brood" run "$@"
}

# until_true WORDS COMMAND...: polls for what has no event to wait for; 20 seconds at most.
until_true() {
    local what=$1 i
    shift
    for ((i = 0; i < 2000; i++)); do
        if "$@"; then return 0; fi
        sleep 0.01
    done
    note "never came true: $what"
    return 1
}

# member FILE NAME...: the member of a JSON record, as JSON.
member() {
    "$python" -S -c '
import json, sys
value = json.loads(open(sys.argv[1], encoding="utf-8").read())
for name in sys.argv[2:]:
    value = value[int(name) if name.isdigit() else name]
print(json.dumps(value))' "$@"
}

# Process ids with our tag, but this shell and its subshell here.
left_behind() {
    local place pid
    for place in $(grep -lszxF -- "BROOD_TEST_TAG=$BROOD_TEST_TAG" /proc/[0-9]*/environ || true); do
        pid=${place//[!0-9]/}
        if [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] && [ -e "$place" ]; then echo "$pid"; fi
    done
}
none_left() {
    [ -z "$(left_behind)" ]
}

# The last line of every test.
finish() {
    until_true "no process is left" none_left && true
    ok "no process is left"
    echo "1..$tests"
    [ "$failures" = 0 ] || exit 1
}

cleanup() {
    local pid
    for pid in $(left_behind); do
        echo "# left behind: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
        kill -KILL "$pid" 2>/dev/null || true
    done
    cd /
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP
