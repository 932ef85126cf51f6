#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --plan prints what a start would do, and does nothing.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

run --plan --cwd / --stdin null --stdout made --umask 027 --nice 5 --limit nofile=64:128 --new-session \
    --env SECRET=hidden-words --timeout 5s --grace 2s --drain 1s touch started
is "$code $err" "0 " "--plan with every option"
for words in "directory: change to /" "/dev/null" "made" "27" "nofile" "64" "128" "SECRET" \
    "'touch' 'started'" "brood run: after 5s SIGTERM and SIGCONT, 2s later SIGKILL" \
    "brood run: pass output on, until 1s after the end"; do
    like "$out" "*$words*" "says: $words"
done
[[ $out != *hidden-words* ]]
ok "values of the environment are not shown"
[ ! -e started ] && [ ! -e made ]
ok "nothing is done"
run --plan --cwd $'re\e[31m\ncord' true
[[ $out != *$'\e'* && $out != *$'\ncord'* ]]
ok "a name cannot play with the terminal"
run --plan --timeout 1s --grace 0 true
like "$out" "*brood run: after 1s SIGKILL*" "--grace 0"
run --plan --pty true
like "$out" "*pseudoterminal*hook: call before_exec*brood run: by before_exec its terminal gets the modes of ours*" "--pty, and whose hook it is"
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

# --- as JSON ------------------------------------------------------------------------------------
run --plan --json plan --env SECRET=hidden-words --clear-env --env B=2 --cwd / --stdin null --umask 027 --timeout 5s \
    --grace 2s --drain 1s --limit core=0 touch $'star\xffted' 'a: b'
is "$code $out $err" "0  " "--plan --json FILE prints nothing"
[ ! -e started ]
ok "and starts nothing"
run --plan --clear-env --env SECRET=x --env B=2 --cwd / --stdin null --umask 027 --start-timeout 5s --drain 1s --limit core=0 \
    touch $'star\xffted' 'a: b'
printf '%s\n' "$out" >text
"$python" >verdict <<'PY' || true
import base64, json
line = open("plan", "rb").read().decode("utf-8")
assert line.count("\n") == 1 and line.endswith("\n"), "one line"
plan = json.loads(line)
members = "brood command command_base64 rung environment steps timeout_ms grace_ms drain_ms detach"
assert list(plan) == members.split(), list(plan)
assert plan["command"] == ["touch", "star\ufffdted", "a: b"], plan["command"]
assert base64.b64decode(plan["command_base64"][1]) == b"star\xffted"
assert sorted(plan["environment"]) == ["B", "SECRET"] and "hidden" not in line, plan["environment"]
assert (plan["timeout_ms"], plan["grace_ms"], plan["drain_ms"], plan["detach"]) == (5000, 2000, 1000, False)
# The steps are the lines of the text, taken apart at the first colon, in the same order.
lines = open("text", "rb").read().decode("utf-8", "replace").splitlines()
assert lines[0] == "rung: " + plan["rung"] and lines[1].startswith("environment: "), lines[:2]
steps = [f"{step['stage']}: {step['words']}" for step in plan["steps"]]
assert steps == [one for one in lines[2:] if not one.startswith("brood run: ")], steps
stages = [step["stage"] for step in plan["steps"]]
assert stages[0] == "timeout" and stages[-1] == "exec" and "resource" in stages and "directory" in stages, stages
last = plan["steps"][-1]
assert base64.b64decode(last["words_base64"]).endswith(b"'touch' 'star\xffted' 'a: b'"), last
assert all(list(step)[:2] == ["stage", "words"] for step in plan["steps"])
print("as it should be")
PY
is "$(cat verdict)" "as it should be" "every member, and every step of the text"
run --plan --json - true
is "$code $(cut -c1-9 <<<"$out") $(wc -l <<<"$out")" '0 {"brood": 1' "- is standard output, and nothing else is there"
printf '%s\n' "$out" >plan
is "$(for m in timeout_ms grace_ms drain_ms; do member plan $m; done | tr '\n' ' ')" "null null null " "what does not apply is null"
run --plan --json plan --clear-env true
is "$(member plan environment)" "[]" "no environment is an empty list"
run --plan --json plan --limit nofile=9:9 --cwd '' true
is "$code" 125 "what is refused is refused"
code=0
"$brood" run --plan --json - true >&- 2>error || code=$?
is "$code $(cat error)" "125 brood run: --json: cannot write -: Bad file descriptor" "standard output that is closed"
run --plan --json /nonexistent/plan true
is "$code $err" "125 brood run: --json: cannot write /nonexistent/plan: No such file or directory" "a file that cannot be made"
if [ -c /dev/full ]; then
    run --plan --json /dev/full true
    is "$code $err" "125 brood run: --json: cannot write /dev/full: No space left on device" "a plan that is lost"
fi

finish
