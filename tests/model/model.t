#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/model/model.t: the protocols of a start, in every order in which their parts can come, by spin(1).
# The old way must be found to leave a child that waits for ever; ours must have no such state, no broken
# promise and no endless wait; and each planted mutant must be found. README.md says what is modelled.
# bound: 300
set -u
command -v spin >/dev/null || { echo "1..0 # SKIP spin is not installed"; exit 0; }
models=$BROOD_SOURCE/tests/model
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-model.XXXXXX")
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1
. "$BROOD_SOURCE/tests/tell.sh"

# Runs a verifier of a model; the words of spin are in `words`, one "errors: N" for each run.
verifier() { # MODEL FLAGS FLAG_OF_THE_COMPILER...
    model=$1
    # shellcheck disable=SC2086 # words
    spin $2 -a "$models/$model.pml" >>words 2>&1 || return 1
    shift 2
    gcc -O0 -w "$@" -o pan pan.c >>words 2>&1
}
# What may never be: a broken assertion, somebody who waits for what cannot come.
states() { # MODEL FLAGS
    verifier "$1" "$2" -DNOCLAIM && ./pan -m100000 >>words 2>&1
}
# What must come: the claims of the model.
claims() { # MODEL FLAGS
    verifier "$1" "$2" -DNFAIR=3 || return 1
    sed -n 's/^ltl \([a-z_]*\).*/\1/p' "$models/$1.pml" >names
    while read -r name; do ./pan -a -f -m100000 -N "$name" >>words 2>&1; done <names
}
holds() { # MODEL FLAGS
    : >words
    states "$1" "$2" && claims "$1" "$2" && ! grep -q 'max search depth too small' words &&
        [ "$(grep -c 'errors: 0' words)" = $(($(wc -l <names) + 1)) ]
    status=$?
    found=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' words | tr '\n' ' ')
    tell $status "$1 $2: no error in ${found}states" words
}
# WORDS is what spin must say, of the states or of the claims.
breaks() { # states|claims MODEL FLAGS WORDS
    : >words
    "$1" "$2" "$3" && grep -q "$4" words
    tell $? "$2 $3: $4" words
}

breaks states old '' 'invalid end state'
for flags in '' -DTIMED -DFORK '-DFORK -DTIMED'; do holds start "$flags"; done
breaks states start -DMUTANT_RECORD_IS_SUCCESS 'assertion violated'
breaks states start -DMUTANT_NO_REAP 'assertion violated'
breaks states start '-DTIMED -DMUTANT_MEMORY_EARLY' 'assertion violated'
breaks claims start '-DTIMED -DMUTANT_NO_KILL' 'acceptance cycle'
breaks states start '-DTIMED -DMUTANT_NO_TIMER' 'invalid end state'
breaks claims start '-DFORK -DMUTANT_PIPE_ALONE' 'acceptance cycle'
holds detached ''
breaks states detached -DMUTANT_UNBORN_IS_NOBODY 'assertion violated'
breaks states detached -DMUTANT_ORPHAN_LEFT 'assertion violated'
breaks states detached -DMUTANT_MIDDLE_LEFT 'assertion violated'
breaks states detached -DMUTANT_SILENCE_IS_SUCCESS 'assertion violated'
echo "1..$n"
