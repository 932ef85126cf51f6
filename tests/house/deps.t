#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/house/deps.t: tools/deps with a dpkg and an apt of our own: silent when nothing is missing, one line
# when it installs, an update only when the install failed without it, and a clear error at the end.
set -eu
top=$(mktemp -d "${TMPDIR:-/tmp}/brood-deps.XXXXXX")
trap 'rm -rf "$top"' EXIT
mkdir -p "$top/bin" "$top/tools" "$top/have"
cp "$BROOD_SOURCE/tools/deps" "$top/tools/"
printf '# comment\nalpha build why\nbeta test,lint why\ngamma lint why\n' >"$top/tools/packages.txt"

# dpkg has what $FAKE/have has; apt installs unless told to need an update first, or to refuse.
cat >"$top/bin/dpkg-query" <<'END'
#!/bin/sh
for last; do :; done
if [ -e "$FAKE/have/$last" ]; then echo installed; else exit 1; fi
END
cat >"$top/bin/apt-get" <<'END'
#!/bin/sh
echo "$*" >>"$FAKE/calls"
case "$*" in
*" update"*) rm -f "$FAKE/stale"; exit 0 ;;
esac
if [ -e "$FAKE/refuse" ] || [ -e "$FAKE/stale" ]; then echo "E: planted refusal"; exit 100; fi
for word; do case $word in alpha | beta | gamma) : >"$FAKE/have/$word" ;; esac; done
END
# Root at first, so that sudo is not asked.
cat >"$top/bin/id" <<'END'
#!/bin/sh
cat "$FAKE/id"
END
chmod +x "$top/bin/"*

deps() { FAKE=$top PATH="$top/bin:$PATH" "$top/tools/deps" "$@" >"$top/words" 2>&1; }
fails() { ! deps "$@"; }
n=0
check() { # WHAT COMMAND...
    n=$((n + 1))
    what=$1
    shift
    if "$@"; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$top/words"
    fi
}
reset() {
    rm -rf "$top/have" "$top/stale" "$top/refuse"
    mkdir "$top/have"
    : >"$top/calls"
    echo 0 >"$top/id"
}
calls() { test "$(grep -c " $1" "$top/calls")" = "$2"; }
said() { test "$(cat "$top/words")" = "$1"; }

reset
check "a door installs its packages" deps test
check "in one line that names them" said "installing from apt: alpha beta "
check "by one call of apt" calls install 1
check "and no update" calls update 0
check "nothing of another door" test ! -e "$top/have/gamma"
check "the second time" deps test
check "is silent" said ""
check "and calls nothing" calls install 1
check "two doors at once" deps test lint
check "install what is missing" said "installing from apt: gamma "

reset
: >"$top/stale"
check "lists that are too old" deps test
check "are updated once" calls update 1

reset
: >"$top/refuse"
check "a refusal is a failure" fails test
check "that names the packages" grep -q 'could not install: alpha beta' "$top/words"
check "and shows apt's words" grep -q 'planted refusal' "$top/words"

reset
check "--check fails when something is missing" fails --check test
check "and says what" said "alpha beta "
check "and installs nothing" calls install 0

# Not root and no sudo: a PATH with nothing but what the script needs.
reset
echo 1000 >"$top/id"
for tool in awk cat dirname env mktemp rm sh tail tr; do
    ln -s "$(command -v "$tool")" "$top/bin/$tool"
done
without_sudo() { ! FAKE=$top PATH="$top/bin" "$top/tools/deps" test >"$top/words" 2>&1; }
check "without root and sudo it fails" without_sudo
check "and says what to install" grep -q 'not root and no sudo; please install: alpha beta' "$top/words"
check "and calls no apt" calls install 0
echo "1..$n"
