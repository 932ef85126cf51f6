#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/configurations/configurations.t [NAME...]: the tests of tests/unit and tests/one in other builds:
# another compiler, sanitizers, lower rungs of the launch, a plain user, one source file, other
# optimisation. table.txt says which; each is one line here, its words stay in BUILD/configurations/.
# bound: 1500
set -u
cd "$BROOD_SOURCE" || exit 1
here=tests/configurations
build=${BROOD_BUILD:-$BROOD_SOURCE/build}
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-configurations.XXXXXX")
trap 'rm -rf "$top"' EXIT
chmod 755 "$top"
n=0

tell() { # HELD WHAT WORDS
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        sed 's/^/# /' "$3"
    fi
}

awk -f $here/pairs $here/table.txt >"$top/words" 2>&1
tell $? "each pair of levels is met, or excepted with a reason" "$top/words"
sed '/^config clang-asan /d' $here/table.txt >"$top/table"
if awk -f $here/pairs "$top/table" >"$top/words" 2>&1; then false; else grep -q 'not met: asan with auto' "$top/words"; fi
tell $? "a table that lacks one is found out" "$top/words"

# As root the plain user is nobody; who is none runs everything as what he is.
plain_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
    else
        "$@"
    fi
}

# A place that both users can read; in the build directory if they can, so that it is kept.
place_of() { # NAME
    mkdir -p "$build/configurations"
    if plain_user test -x "$build/configurations"; then
        echo "$build/configurations/$1"
    else
        echo "$top/$1"
    fi
}

configure() { # PLACE COMPILER SANITIZER RUNG FORM OPTIMISATION OPTION...
    place=$1 compiler=$2 sanitizer=$3 rung=$4 form=$5 level=$6
    shift 6
    case $sanitizer in
    plain) set -- -Db_sanitize=none -Ddebug=false "$@" ;;
    asan) set -- -Db_sanitize=address,undefined -Ddebug=true -Db_lundef=false \
        -Dc_args='-fno-sanitize-recover=undefined -fno-omit-frame-pointer' "$@" ;;
    tsan) set -- -Db_sanitize=thread -Ddebug=true -Db_lundef=false "$@" ;;
    esac
    case $level in
    O0) set -- -Doptimization=0 "$@" ;;
    O2) set -- -Doptimization=2 "$@" ;;
    O3-lto) set -- -Doptimization=3 -Db_lto=true "$@" ;;
    esac
    settings="$compiler $rung $form $* $(cat meson.build meson_options.txt lib/meson.build tests/*/meson.build | cksum)"
    if [ "$settings" = "$(cat "$place/.configuration" 2>/dev/null)" ]; then
        return 0
    fi
    rm -rf "$place"
    env -u CFLAGS -u LDFLAGS CC="$compiler" meson setup -Drung="$rung" -Dform="$form" "$@" "$place" &&
        echo "$settings" >"$place/.configuration"
}

# The programs of the two rooms, what they start and what they load.
build_tests() { # PLACE
    targets=$(ninja -C "$1" -t targets rule c_LINKER |
        grep -E '^(tests/(unit|one)/|tests/harness/target$|libbrood\.so)')
    # shellcheck disable=SC2086 # a list of paths without blanks
    ninja -C "$1" $targets
}

# The tests that table.txt leaves out where all these levels come together.
omitted() { # LEVEL...
    awk -v levels=" $* " '$1 == "omit" {
        n = split($2, wanted, "+"); all = 1
        for (i = 1; i <= n; i++) all = all && index(levels, " " wanted[i] " ")
        if (all) print "/" $3
    }' $here/table.txt
}

run_tests() { # PLACE USER SANITIZER RUNG FORM OPTIMISATION
    place=$1 user=$2 scale=2
    [ "$3" = plain ] || scale=6
    shift
    { echo "/"; omitted "$@"; } >"$top/omitted" # never empty: awk tells its two inputs apart by it
    tests=$(find "$place/tests/unit" "$place/tests/one" -name 'test_*' -type f -perm -u+x | LC_ALL=C sort |
        awk 'FNR == NR { out[$0]; next } { name = $0; sub(".*/", "/", name) } !(name in out)' "$top/omitted" -)
    [ -n "$tests" ] || { echo "no tests in $place"; return 1; }
    scratch=$(mktemp -d "$top/scratch.XXXXXX")
    cp tools/tap "$scratch/tap"
    mkdir "$scratch/tmp" "$scratch/results"
    chmod 755 "$scratch" # tests of other users go through it
    chmod 1777 "$scratch/tmp"
    set -- env TMPDIR="$scratch/tmp" PERL_TEST_HARNESS_DUMP_TAP="$scratch/results" \
        HARNESS_TIMEOUT_SCALE=$scale GCOV_PREFIX="$scratch/tmp" BROOD_BUILD="$place" \
        UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1 \
        prove --nocolor --timer --jobs "${JOBS:-$(nproc)}" --exec "$scratch/tap"
    # ThreadSanitizer of these compilers cannot stand all that newer kernels randomise.
    set -- setarch -R "$@"
    status=0
    if [ "$user" = nobody ]; then
        [ "$(id -u)" != 0 ] || chown -R 65534:65534 "$scratch"
        # shellcheck disable=SC2086
        (cd / && plain_user "$@" $tests) || status=$?
    else
        # shellcheck disable=SC2086
        (cd / && "$@" $tests) || status=$?
    fi
    # What a failed test said.
    find "$scratch/results" -type f -exec grep -l '^not ok' {} + | sort | while read -r said; do
        basename "$said"
        awk '/^(ok|1\.\.)/ { show = 0 } /^not ok/ { show = 12 } show-- > 0' "$said" | head -n 40
    done
    tools/skips "$scratch/results" tests/skips.txt || status=1
    return $status
}

while read -r kind name compiler sanitizer rung user form level options; do
    case $kind-$name in config-ordinary) continue ;; config-*) ;; *) continue ;; esac
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    place=$(place_of "$name")
    log=$build/configurations/$name.log
    what="$name: $compiler, $sanitizer, rung $rung, user $user, $form, $level"
    # shellcheck disable=SC2086 # a list of words
    if configure "$place" "$compiler" "$sanitizer" "$rung" "$form" "$level" $options >"$log" 2>&1 &&
        build_tests "$place" >>"$log" 2>&1; then
        run_tests "$place" "$user" "$sanitizer" "$rung" "$form" "$level" >>"$log" 2>&1
        held=$?
        what="$what: $(sed -n 's/^\(Files=.*Tests=[0-9]*\).*/\1/p' "$log")"
    else
        held=1
    fi
    sed -n '/^Test Summary/,$p' "$log" >"$top/words" # or it was not built
    [ -s "$top/words" ] || grep -E -A5 'FAILED|rror:|ERROR' "$log" | head -n 60 >"$top/words"
    echo "all of it: $log; again: $here/configurations.t $name" >>"$top/words"
    tell $held "$what" "$top/words"
done <$here/table.txt
echo "1..$n"
