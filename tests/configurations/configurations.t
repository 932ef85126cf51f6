#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/configurations/configurations.t [--all] [NAME...]: the tests in other builds (another compiler,
# processor or libc, sanitizers, lower rungs of the launch, a plain user, one source file, other
# optimisation) and, in the ordinary build, in other surroundings (older kernels' answers, a container,
# other tools around the program). table.txt says which and what runs there; --all, as in `make sweep`,
# runs everything everywhere. Each is one line here, its words stay in BUILD/configurations/.
# bound: 2400
set -u
cd "$BROOD_SOURCE" || exit 1
here=tests/configurations
build=${BROOD_BUILD:-$BROOD_SOURCE/build}
all=no
if [ "${1-}" = --all ]; then
    all=yes
    shift
fi
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-configurations.XXXXXX")
trap 'rm -rf "$top"' EXIT
chmod 755 "$top"
. "$BROOD_SOURCE/tests/tell.sh"
headers=$top/headers

check_table() {
    awk -f $here/pairs $here/table.txt >"$top/words" 2>&1
    tell $? "each pair of levels is met, or excepted with a reason" "$top/words"
    sed '/^config clang-asan /d' $here/table.txt >"$top/table"
    if awk -f $here/pairs "$top/table" >"$top/words" 2>&1; then false; else grep -q 'not met: asan with auto' "$top/words"; fi
    tell $? "a table that lacks one is found out" "$top/words"
}

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

# The kernel's headers alone: musl's compiler looks into no directory of another libc.
kernel_headers() {
    mkdir -p "$headers"
    for directory in linux asm-generic; do ln -sfn "/usr/include/$directory" "$headers/$directory"; done
    ln -sfn "/usr/include/$(gcc -print-multiarch)/asm" "$headers/asm"
}

cross_file() { # MACHINE
    cat <<END
[binaries]
c = '$1-linux-gnu-gcc'
ar = '$1-linux-gnu-ar'
strip = '$1-linux-gnu-strip'
pkgconfig = 'pkg-config'
[host_machine]
system = 'linux'
cpu_family = '$1'
cpu = '$1'
endian = 'little'
[properties]
needs_exe_wrapper = true
END
}

configure() { # PLACE COMPILER MACHINE LIBC SANITIZER RUNG FORM OPTIMISATION OPTION...
    place=$1 compiler=$2 machine=$3 libc=$4 sanitizer=$5 rung=$6 form=$7 level=$8
    shift 8
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
    case $libc in
    musl*)
        compiler=musl-gcc
        headers=$place.headers
        kernel_headers
        set -- -Dc_args="-isystem $headers" "$@"
        [ "$libc" = musl ] || set -- -Dc_link_args=-static "$@"
        ;;
    esac
    if [ "$machine" != x86-64 ]; then
        cross_file "$machine" >"$place.cross" # meson reads it again when its files change
        set -- --cross-file "$place.cross" "$@"
    fi
    settings="$compiler $rung $form $* $(cat meson.build meson_options.txt lib/meson.build tests/*/meson.build | cksum)"
    settings=$(echo "$settings" | sed "s,$top,TOP,g")
    if [ "$settings" = "$(cat "$place/.configuration" 2>/dev/null)" ]; then
        return 0
    fi
    rm -rf "$place"
    env -u CFLAGS -u LDFLAGS CC="$compiler" meson setup -Drung="$rung" -Dform="$form" "$@" "$place" &&
        echo "$settings" >"$place/.configuration"
}

# The words of a set of table.txt; everything with --all, except where not all of it makes sense.
words_of() { # SET
    case $all-$1 in yes-libc | yes-other | no-*) set=$1 ;; *) set=all ;; esac
    awk -v set="$set" '$1 == "set" && $2 == set { for (i = 3; i <= NF; i++) print $i }' $here/table.txt
}

# The programs that belong to a set, and what they start and load.
build_tests() { # PLACE MACHINE SET
    words_of "$3" >"$top/set"
    ninja -C "$1" -t targets rule c_LINKER | sed 's/:.*//' | awk '
        FNR == NR { if (/\/$/) room[$0]; else test[$0]; next }
        /^tests\/(unit|one|conformance)\// {
            split($0, part, "/")
            if (part[3] !~ /^test_/ || (part[2] "/") in room || part[3] in test) print
        }
        /^tests\/harness\/target$/' "$top/set" - >"$top/targets"
    if [ "$2" = x86-64 ]; then
        ninja -C "$1" -t targets rule c_LINKER | sed 's/:.*//' | grep '^libbrood\.so' >>"$top/targets"
    else
        grep -E '/test_[^/]*$' "$top/targets" >"$top/tests"
        mv "$top/tests" "$top/targets"
    fi
    # shellcheck disable=SC2046 # a list of paths without blanks
    ninja -C "$1" $(cat "$top/targets") || return 1
    [ "$2" = x86-64 ] || borrow_programs "$1"
}

# Under an emulator exec goes to the real kernel, so what tests start is this machine's own.
borrow_programs() { # PLACE
    mkdir -p "$1/tests/configurations"
    for program in harness/target one/odd one/leaves_children configurations/reaper; do
        cp "$build/tests/$program" "$1/tests/$program" || return 1
    done
}

# What table.txt leaves out where all these levels come together: /TEST or TEST:NAME, a line each.
omitted() { # LEVEL...
    awk -v levels=" $* " '$1 == "omit" {
        n = split($2, wanted, "+"); all = 1
        for (i = 1; i <= n; i++) all = all && index(levels, " " wanted[i] " ")
        if (all) print (index($3, ":") ? "" : "/") $3
    }' $here/table.txt
}

# The built programs of a set, but those left out.
tests_of() { # PLACE SET
    words_of "$2" >"$top/set"
    find "$1/tests/unit" "$1/tests/one" "$1/tests/conformance" -name 'test_*' -type f -perm -u+x |
        LC_ALL=C sort >"$top/found"
    awk 'FILENAME == ARGV[1] { if (/\/$/) room[$0]; else test[$0]; next }
        FILENAME == ARGV[2] { out[$0]; next }
        { m = split($0, part, "/"); name = part[m]; place = part[m - 1] "/" }
        (name in test || place in room) && !(("/" name) in out)' "$top/set" "$top/omitted" "$top/found"
}

run_tests() { # PLACE USER SET AROUND LEVEL...
    place=$1 user=$2 set=$3 around=$4 scale=2
    shift 4
    case " $* " in *" asan "* | *" tsan "* | *" valgrind "* | *64" "*) scale=6 ;; esac
    { echo "/"; omitted "$@"; } >"$top/omitted" # never empty: awk tells its inputs apart by it
    tests=$(tests_of "$place" "$set")
    [ -n "$tests" ] || { echo "no tests in $place"; return 1; }
    scratch=$(mktemp -d "$top/scratch.XXXXXX")
    cp tools/tap $here/around $here/filters.txt "$scratch"
    mkdir "$scratch/tmp" "$scratch/results"
    chmod 755 "$scratch" # tests of other users go through it
    chmod 1777 "$scratch/tmp"
    set -- env TMPDIR="$scratch/tmp" PERL_TEST_HARNESS_DUMP_TAP="$scratch/results" \
        HARNESS_TIMEOUT_SCALE=$scale HARNESS_EXCEPT="$(grep : "$top/omitted" | tr '\n' ' ')" \
        GCOV_PREFIX="$scratch/tmp" BROOD_BUILD="$place" \
        UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1 \
        prove --nocolor --timer --jobs "${JOBS:-$(nproc)}" \
        --exec "$scratch/tap${around:+ $scratch/around $around}"
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
    grep -rhm1 '^# RLIMIT_NOFILE is' "$scratch/results" | head -n 1
    tools/skips "$scratch/results" tests/skips.txt || status=1
    return $status
}

# One row's line, with how many tests it was.
tell_row() { # HELD NAME WHAT LOG
    counted=$(sed -n 's/^\(Files=.*Tests=[0-9]*\).*/: \1/p; s/^# \(RLIMIT_NOFILE is.*\)/, \1/p' "$4" | tr -d '\n')
    sed -n '/^Test Summary/,$p' "$4" >"$top/words" # or it was not built
    [ -s "$top/words" ] || grep -E -A5 'FAILED|rror:|ERROR' "$4" | head -n 60 >"$top/words"
    grep 'not listed in' "$4" >>"$top/words"
    echo "all of it: $4; again: $here/configurations.t $2" >>"$top/words"
    tell "$1" "$2: $3$counted" "$top/words"
}

run_build() { # NAME COMPILER MACHINE LIBC SANITIZER RUNG USER FORM OPTIMISATION SET OPTION...
    name=$1 what="$2 $3 $4, $5, rung $6, user $7, $8, $9"
    compiler=$2 machine=$3 libc=$4 sanitizer=$5 rung=$6 user=$7 form=$8 level=$9
    shift 9
    tests_wanted=$1
    shift
    case $all-$libc in yes-musl*) tests_wanted=libc ;; esac
    place=$(place_of "$name")
    log=$build/configurations/$name.log
    around=
    [ "$machine" = x86-64 ] || around=$machine
    if configure "$place" "$compiler" "$machine" "$libc" "$sanitizer" "$rung" "$form" "$level" "$@" >"$log" 2>&1 &&
        build_tests "$place" "$machine" "$tests_wanted" >>"$log" 2>&1; then
        run_tests "$place" "$user" "$tests_wanted" "$around" \
            "$compiler" "$machine" "$libc" "$sanitizer" "$rung" "$user" "$form" "$level" >>"$log" 2>&1
        held=$?
    else
        held=1
    fi
    tell_row $held "$name" "$what" "$log"
}

# The ordinary build, where a plain user can read it.
readable_build() {
    if plain_user test -x "$build/tests/harness/target"; then
        echo "$build"
        return
    fi
    if [ ! -d "$top/readable" ]; then
        mkdir "$top/readable"
        (cd "$build" && find tests -type f -perm -u+x | cpio --quiet -pdm "$top/readable")
        chmod -R go+rX "$top/readable"
    fi
    echo "$top/readable"
}

# Namespaces with a /proc of their own: the system may refuse them, to a plain user above all.
may_be_made() { # NAME
    case $1 in
    pid1 | hidepid | noproc)
        # shellcheck disable=SC2016 # expanded in there
        unshare --mount --pid --fork --kill-child --mount-proc sh -euc '
            mount --make-rprivate /
            mount -o remount,hidepid=2 /proc
            mount -t tmpfs none /proc' >/dev/null 2>&1 ;;
    esac
}

run_around() { # NAME SET
    if ! may_be_made "$1"; then
        n=$((n + 1))
        echo "ok $n - $1 # SKIP no namespace with a /proc of its own can be made here"
        return
    fi
    mkdir -p "$build/configurations"
    log=$build/configurations/around-$1.log
    run_tests "$(readable_build)" root "$2" "$1" around "$1" >"$log" 2>&1
    tell_row $? "$1" "around the ordinary build" "$log"
}

# What the filters take away is seen to be gone, and nothing else is gone that was there before.
check_filters() {
    "$build/tests/configurations/refusals" >"$top/none"
    words=$top/filters
    : >"$words"
    while read -r filter wanted; do
        # shellcheck disable=SC2086 # pairs of words
        printf '%s %s\n' $wanted | sort -u - "$top/none" >"$top/wanted"
        $here/around "$filter" "$build/tests/configurations/refusals" | sort -u >"$top/seen"
        cmp -s "$top/wanted" "$top/seen" || echo "$filter: $(tr '\n' ' ' <"$top/seen"), not $wanted" >>"$words"
    done <<'END'
docker clone3 ENOSYS
linux-4.19 clone-pidfd EINVAL clone3 ENOSYS pidfd_open ENOSYS waitid-pidfd EINVAL pidfd_send_signal ENOSYS close_range ENOSYS close_range-cloexec ENOSYS
linux-5.2 clone3 ENOSYS pidfd_open ENOSYS waitid-pidfd EINVAL close_range ENOSYS close_range-cloexec ENOSYS
linux-5.3 waitid-pidfd EINVAL close_range ENOSYS close_range-cloexec ENOSYS
linux-5.10 close_range-cloexec EINVAL
clone3-ENOSYS clone3 ENOSYS
clone3-EPERM clone3 EPERM
pidfd_open-ENOSYS pidfd_open ENOSYS
pidfd_open-EPERM pidfd_open EPERM
close_range-ENOSYS close_range ENOSYS close_range-cloexec ENOSYS
close_range-EPERM close_range EPERM close_range-cloexec EPERM
waitid-pidfd-ENOSYS waitid-pidfd ENOSYS
waitid-pidfd-EPERM waitid-pidfd EPERM
pidfd_send_signal-ENOSYS pidfd_send_signal ENOSYS
pidfd_send_signal-EPERM pidfd_send_signal EPERM
END
    [ ! -s "$words" ]
    tell $? "each filter takes away what it says, and nothing else" "$words"
}

check_table
check_filters
while read -r kind name rest; do
    case $kind in config | around) ;; *) continue ;; esac
    [ "$name" != ordinary ] || continue
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    # shellcheck disable=SC2086 # a list of words
    case $kind in
    config) run_build "$name" $rest ;;
    around) run_around "$name" $rest ;;
    esac
done <$here/table.txt
echo "1..$n"
