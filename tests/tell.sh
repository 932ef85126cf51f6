# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# tests/tell.sh, sourced: one line of TAP, and the words of what failed. $n counts them.
n=0
tell() { # STATUS WHAT WORDS: a file, of which the end is shown
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        tail -n 100 "$3" | sed 's/^/# /'
    fi
}
