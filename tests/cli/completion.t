#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completions of bash, zsh and fish, in those very shells: every option with its words, and the values.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"
for shell in zsh fish; do
    command -v $shell >/dev/null || { echo "1..0 # SKIP $shell is not installed"; exit 0; }
done

# --- the command --------------------------------------------------------------------------------
try "$brood" completion
is "$code $out$err" "125 brood completion: no shell; write brood completion bash, zsh or fish" "brood completion alone"
try "$brood" completion bash zsh
is "$code $out$err" "125 brood completion: one shell at a time; write brood completion bash, zsh or fish" "two shells"
try "$brood" completion tcsh
is "$code $out$err" "125 brood completion: unknown shell 'tcsh'; there are bash, zsh and fish" "another shell"
try "$brood" completion --loud bash
is "$code $out$err" "125 brood completion: unknown option '--loud'; 'brood completion -h' lists them" "an unknown option"
for word in -h --help; do
    try "$brood" completion $word
    like "$code $out$err" "0 usage: brood completion [[]OPTION...] bash|zsh|fish*" "brood completion $word"
done
if [ -c /dev/full ]; then
    try sh -c '"$0" completion bash >/dev/full' "$brood"
    is "$code $err" "125 brood completion: cannot write to standard output: No space left on device" "a script that does not arrive"
fi

# --- where an installation has them -------------------------------------------------------------
mkdir -p bin play/folder share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d
ln -s "$brood" bin/brood # fish completes only what is there
PATH=$scratch/bin:$PATH
place() {
    case $1 in
    bash*) echo "$scratch/share/bash-completion/completions/brood" ;;
    zsh) echo "$scratch/share/zsh/site-functions/_brood" ;;
    fish) echo "$scratch/share/fish/vendor_completions.d/brood.fish" ;;
    esac
}
for shell in bash zsh fish; do
    try "$brood" completion $shell
    is "$code $err" "0 " "brood completion $shell"
    cp .out "$(place $shell)"
    try $shell -n "$(place $shell)"
    is "$code $err" "0 " "which $shell reads"
done
touch play/file-1 play/file-2

# ask SHELL: what it offers for each line of standard input, one line each. "bash with" has the package
# bash-completion, and so what the system's commands complete.
ask() {
    local package=
    [ "$1" != "bash with" ] || package=yes
    (cd play && PACKAGE=$package timeout 120 "$python" "$source_dir/tests/cli/completion.py" "${1%% *}" "$scratch/share" "$brood")
}

# --- options ------------------------------------------------------------------------------------
# What `brood run -h` lists: "--name  brief", where the brief may stand on a line of its own.
"$brood" run -h | "$python" -c '
import re, sys
text = re.sub(r"\n {10,}", "  ", sys.stdin.read())
for name, brief in re.findall(r"^  (?:-h, )?(--[a-z-]+)(?: \S+)?  +(.*)$", text, re.M):
    print(f"{name}  {brief}")' | sort >options
[ "$(wc -l <options)" -ge 30 ]
ok "there are options: $(wc -l <options)"

# offered SHELL: in the same form. bash has no words for them.
offered() {
    case $1 in
    bash*) ask "$1" <<<"brood run --" ;;
    zsh) ask zsh <<<"list brood run --" | sed 's/  *-- /  /g' ;;
    fish) ask fish <<<"brood run --" ;;
    esac | tr '\t' '\n' | grep '^--' | sort
}
wanted() {
    case $1 in bash*) sed 's/  .*//' options ;; *) cat options ;; esac
}
for shell in bash "bash with" zsh fish; do
    is "$(offered "$shell")" "$(wanted "$shell")" "$shell offers every option"
done
# The test can fail: an option that a completion does not have is missed.
for shell in bash zsh fish; do
    cp "$(place $shell)" whole
    sed 's/ --nice / /; /--nice=/d; /-l nice /d' whole >"$(place $shell)"
    is "$(diff <(wanted $shell) <(offered $shell) | grep -c '^[<>]')" 1 "self-test: $shell without --nice is noticed"
    cp whole "$(place $shell)"
done

# --- values -------------------------------------------------------------------------------------
# A line, and what may come there; without what a shell puts behind a name that is to go on (= , /), without
# the option before a value that is joined to it, and without options where none has been begun.
export BROODS_OWN=1
cat >table <<'TABLE'
brood |completion run
brood ru|run
brood completion |bash fish zsh
brood completion f|fish
brood completion bash |
brood completion --he|--help
brood run --time|--timeout
brood run --timeout 5s --clear|--clear-env
brood run --timeout=5s --clear|--clear-env
brood run --timeout |
brood run --timeout=|
brood run --stdin |file-1 file-2 folder inherit null
brood run --stdin=|file-1 file-2 folder inherit null
brood run --stdout fi|file-1 file-2
brood run --stdout st|stderr
brood run --stderr=st|stdout
brood run --json fi|file-1 file-2
brood run --cwd |folder
brood run --cgroup fo|folder
brood run --keep-fd |all
brood run --env BROODS|BROODS_OWN
brood run --env=BROODS|BROODS_OWN
brood run --unset BROODS|BROODS_OWN
brood run --limit r|rss rtprio rttime
brood run --limit=nof|nofile
brood run --ignore-signals US|USR1 USR2
brood run --ignore-signals HUP,US|HUP,USR1 HUP,USR2
brood run --ignore-signals=HUP,US|HUP,USR1 HUP,USR2
brood run --ignore-signals KI|
brood run --user daem|daemon
brood run --user daemon:daem|daemon:daemon
brood run --user=daemon:daem|daemon:daemon
brood run --group daem|daemon
brood run --groups daem|daemon
brood run --groups root,daem|root,daemon
brood run --quiet mkdi|mkdir
brood run -- mkdi|mkdir
brood run --timeout 5s --env A=b --nice=3 -- mkdir fo|folder
brood run mkdir --timeo|
brood run mkdir --quiet|
TABLE
offers() {
    cut -d'|' -f1 table | ask "$1" | "$python" -c '
import re, sys
for line in sys.stdin:
    words = [re.sub("  .*", "", word) for word in line.rstrip("\n").split("\t")]
    words = [re.sub("^--[a-z-]+=", "", word.rstrip("=,/")) for word in words]
    rest = [word for word in words if not word.startswith("-")]
    print(" ".join(sorted(word for word in rest or words)))'
}
for shell in bash "bash with" zsh fish; do
    offers "$shell" >got
    n=0
    while IFS='|' read -r line words; do
        n=$((n + 1))
        is "$(sed -n "${n}p" got)" "$words" "$shell: '$line'"
    done <table
done
# What the command behind it completes by itself: mkdir knows --parents. (bash needs its package for that.)
for shell in "bash with" zsh fish; do
    for line in "brood run --quiet mkdir --par" "brood run --env A=b -- mkdir --par"; do
        is "$(ask "$shell" <<<"$line" | sed 's/  .*//')" "--parents" "$shell: '$line' completes as mkdir does"
    done
done

finish
