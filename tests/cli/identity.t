#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --user, --group, --groups: who the command is, and every line that refuses a name.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# refuses LINE WORD...
refuses() {
    local line=$1
    shift
    run "$@" touch started
    is "$code $err" "125 brood run: $line" "refused: ${*@Q}"
    [ -z "$out" ] && [ ! -e started ]
    ok "  and nothing is printed or started"
}
someone="use the name of one, or a number"
for name in brood-test-nobody -1 4294967295 4294967296 1x +1; do
    refuses "--user: there is no user '$name'; $someone" --user "$name"
    refuses "--group: there is no group '$name'; $someone" --group "$name"
    refuses "--groups: there is no group '$name'; $someone" --groups "$name"
    refuses "--user: there is no group '$name'; $someone" --user "daemon:$name"
done
refuses "--groups: there is no group 'x'; $someone" --groups 1,x,2
for list in '1,' ',1' 1,,2; do
    refuses "--groups: there is no group ''; $someone" --groups "$list"
done
refuses "--user: no user has the number 4000000000, so its group is not known; add --group" --user 4000000000
refuses "--user: no user has the number 4000000000, so its group is not known; add --group" --user 4000000000 --groups 1
refuses "--user daemon:1 and --group 2 both name the group; leave out one of them" --user daemon:1 --group 2
refuses "--user: 'daemon:' has no group behind the colon; write USER or USER:GROUP" --user daemon:
refuses "--user: there is no user ''; $someone" --user :daemon
refuses "--user: the name is empty; give a USER[:GROUP]" --user ''
refuses "--group: the name is empty; give a GROUP" --group ''

run --plan --user daemon:0 --groups 7,8 true
for words in "credentials: supplementary groups 7 8" "credentials: gid 0" "credentials: uid $(id -u daemon)"; do
    like "$out" "*$words*" "--plan says: $words"
done
run --plan --group 0 true
like "$out" "*credentials: gid 0*" "--plan with --group alone"
[[ $out != *uid* && $out != *supplementary* ]]
ok "says nothing of the user and of other groups"

if [ "$(id -u)" != 0 ]; then
    run --user daemon touch started
    is "$code" 125 "only root may become another user"
    like "$err" "brood run: cannot start touch: *: Operation not permitted" "which is said"
    [ ! -e started ]
    ok "and nothing is started as anybody else"
    run --json record --user daemon true
    is "$(member record error stage) $(member record exit_code)" '"credentials" 125' "and recorded"
    run --group "$(id -g)" id -g
    is "$code $out" "0 $(id -g)" "one's own group is always allowed"
    finish
    exit
fi

# --- as root ------------------------------------------------------------------------------------
chmod 755 .
# The ids that a process has: real, effective, saved and of the file system, then its groups.
ids() {
    run "$@" sed -n 's/^\(Uid\|Gid\|Groups\):[[:space:]]*//p' /proc/self/status
    out=$(tr '\t\n' '  ' <<<"$out" | sed 's/  */ /g; s/ $//')
}
four() { echo "$1 $1 $1 $1"; }
uid=$(id -u daemon) gid=$(id -g daemon) own=$(id -G daemon)
ids --user daemon
is "$code $out" "0 $(four "$uid") $(four "$gid") $own" "--user NAME: with the groups of that user"
ids --user "$uid"
is "$code $out" "0 $(four "$uid") $(four "$gid") $own" "--user UID: the same"
ids --user daemon:8
is "$out" "$(four "$uid") $(four 8) 8" "--user USER:GROUP"
ids --user daemon --group 8
is "$out" "$(four "$uid") $(four 8) 8" "--group does the same"
ids --user daemon --groups 7,9
is "$out" "$(four "$uid") $(four "$gid") 7 9" "--groups replaces the others"
ids --user daemon --groups=
is "$out" "$(four "$uid") $(four "$gid")" "an empty list is none"
ids --user 4000000000:8
is "$out" "$(four 4000000000) $(four 8)" "a number that nobody has, with a group: no other groups"
ids --user 4294967294 --group 4294967294
is "$out" "$(four 4294967294) $(four 4294967294)" "the largest number"
ids --user 4000000000 --group 8 --groups "$(getent group daemon | cut -d: -f1),7"
is "$out" "$(four 4000000000) $(four 8) $(printf '%s\n' "$(getent group daemon | cut -d: -f3)" 7 | sort -n | tr '\n' ' ' | sed 's/ $//')" "groups by name"
ids --group 8
is "${out% 8*}" "$(four 0) 8 8 8" "--group alone: the user stays"
mine=$(sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status | sed 's/ $//')
is "${out#"$(four 0) $(four 8)"}" "${mine:+ $mine}" "and so do the supplementary groups"
ids --groups 7
is "$out" "$(four 0) $(four "$(id -g)") 7" "--groups alone"
ids --user root --user daemon
is "$out" "$(four "$uid") $(four "$gid") $own" "the last of a repeated option counts"
chmod 700 .
run --user daemon --stdout made --cwd / --stdout "$scratch/made" "$(command -v echo)" written
is "$code $(cat made) $(stat -c %u made)" "0 written 0" "files are opened with the caller's rights, as a shell's redirections are"
chmod 755 .
install -m 755 "$brood" brood # where it is built only its owner may be let in
is "$("$brood" run --user daemon sh -c 'id -u; "$0" run id -u; kill -0 1 2>/dev/null || echo powerless' "$scratch/brood" | tr '\n' ' ')" \
    "$uid $uid powerless " "there is no way back"
run --user daemon --json record sh -c 'exit 3'
is "$code $(member record code)" "3 3" "its end is seen as ever"
run --user daemon --timeout 200ms --quiet --json record sleep 30
is "$code $(member record signal)" '124 "SIGTERM"' "and root's timeout reaches it"

# A user with groups of its own, whatever users this system has: by a file of groups of ours.
cp /etc/group groups
printf 'brood-one:x:7001:daemon\nbrood-two:x:7002:games,daemon\nbrood-three:x:7003:games\n' >>groups
if unshare --mount sh -c 'mount --bind groups /etc/group' 2>/dev/null; then
    try unshare --mount sh -c 'mount --bind groups /etc/group && exec "$@"' - "$brood" run --user daemon sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status
    is "$(tr -s ' ' '\n' <<<"$out" | grep . | sort -n | tr '\n' ' ')" "$gid 7001 7002 " "the groups that the system has for a user"
    try unshare --mount sh -c 'mount --bind groups /etc/group && exec "$@"' - "$brood" run --user games --group brood-one --groups brood-three,brood-two,8 id -G
    is "$out" "7001 8 7002 7003" "by their names"
else
    true; ok "groups of a user # SKIP mounting is not allowed here"
fi

finish
