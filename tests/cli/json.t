#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --json: the record, its members, its file, and bytes that are not UTF-8.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

# --- a command that ended -----------------------------------------------------------------------
run --json record sh -c 'exit 3'
is "$code $out" "3 " "the code is the command's; nothing on standard output"
"$python" - "$(date +%s)" >verdict <<'PY' || true
import datetime, json, re, sys
text = open("record", encoding="utf-8").read()
assert text.count("\n") == 1 and text.endswith("\n"), "one line"
record = json.loads(text)
members = ("brood command pid exit_code kind code signal core_dumped cause timed_out streams_held started ended "
           "wall_ms user_us system_us max_rss_bytes error")
assert list(record) == members.split(), list(record)
assert re.fullmatch(r"\d+\.\d+\.\d+", record["brood"])
assert record["command"] == ["sh", "-c", "exit 3"]
assert record["pid"] > 1 and record["exit_code"] == record["code"] == 3
assert record["kind"] == "exited" and record["signal"] is None and record["core_dumped"] is False
assert record["cause"] == "own" and record["timed_out"] is False and record["streams_held"] is False
began, ended = (datetime.datetime.strptime(record[k], "%Y-%m-%dT%H:%M:%S.%fZ") for k in ("started", "ended"))
now = datetime.datetime.utcfromtimestamp(int(sys.argv[1]))
assert began <= ended and abs((now - ended).total_seconds()) < 60, (began, ended, now)
assert abs((ended - began).total_seconds() * 1000 - record["wall_ms"]) < 50, record
assert record["user_us"] >= 0 and record["system_us"] >= 0 and record["max_rss_bytes"] > 100000
assert record["error"] is None
print("as it should be")
PY
is "$(cat verdict)" "as it should be" "every member of the record of an exit"

run --json record sh -c 'ulimit -c 0; kill -SEGV $$'
is "$(for m in exit_code kind code signal core_dumped cause; do member record $m; done | tr '\n' ' ')" \
    '139 "signalled" 11 "SIGSEGV" false "own" ' "a signal"
run --timeout 100ms --quiet --json record sleep 30
is "$(for m in exit_code kind code signal cause timed_out; do member record $m; done | tr '\n' ' ')" \
    '124 "signalled" 15 "SIGTERM" "timeout" true ' "a timeout"
run --json record "$python" -c 'import time
x = bytearray(50000000)
end = time.process_time() + 0.2
while time.process_time() < end: pass'
[ "$(member record user_us)" -gt 100000 ] && [ "$(member record max_rss_bytes)" -gt 50000000 ]
ok "the usage is the command's"

# --- one that could not be started --------------------------------------------------------------
failure() {
    for m in exit_code kind pid code cause wall_ms; do member record "$m"; done | tr '\n' ' '
    for m in stage errno name subject detail; do member record error "$m"; done | tr '\n' ' '
}
run --json record --cwd /nonexistent true
is "$(failure)" '125 "not_started" null null null null "directory" 2 "ENOENT" "/nonexistent" null ' "a directory that is missing"
is "$(member record error message)" '"cannot start true: directory /nonexistent: No such file or directory"' "in words"
is "$(member record error program)" '"true"' "and the program"
run --env PATH=/nonexistent --json record brood-test-no-such-command
is "$(failure)" '127 "not_started" null null null null "exec" 2 "ENOENT" "/nonexistent" "not_found" ' "a command that is missing"
touch plain
run --json record ./plain
is "$(failure)" '126 "not_started" null null null null "exec" 13 "EACCES" "./plain" "not_executable" ' "one that may not be executed"
printf '#!/nonexistent/interpreter\n' >orphan && chmod 755 orphan
run --json record ./orphan
is "$(member record exit_code) $(member record error detail) $(member record error subject)" \
    '127 "interpreter" "/nonexistent/interpreter"' "an interpreter that is missing"
mkfifo fifo
run --json record --start-timeout 100ms --stdin fifo true
is "$(member record exit_code) $(member record error stage) $(member record error name)" '125 "open" "ETIMEDOUT"' "a start that timed out"

# Too few descriptors, at whatever point: refused, said and recorded, or refused before the record's file.
for ((limit = 5; limit < 16; limit++)); do
    rm -f record started
    try bash -c 'ulimit -n "$0" && exec "$@"' "$limit" "$brood" run --drain 1s --json record touch started
    [ "$code" = 125 ] || break
    if [ -e record ]; then
        is "$(member record exit_code) $(member record kind) $(member record error name)" '125 "not_started" "EMFILE"' "$limit descriptors: recorded"
    else
        like "$err" "brood run: --json: cannot write record: Too many open files; nothing was started" "$limit descriptors: said"
    fi
    [ ! -e started ]
    ok "and not started"
done
is "$code" 0 "$limit descriptors are enough"
rm -f started

# --- bytes that are not UTF-8 -------------------------------------------------------------------
run --json record printf '%s' $'a\xffb' $'\xe2\x82' $'é"\\' $'\x01\t\x7f'
is "$code" 0 "arguments of any bytes"
"$python" >verdict <<'PY' || true
import base64, json
record = json.loads(open("record", "rb").read().decode("utf-8"))
given = [b"printf", b"%s", b"a\xffb", b"\xe2\x82", 'é"\\'.encode(), b"\x01\t\x7f"]
assert record["command"] == [g.decode("utf-8", "replace") for g in given], record["command"]
assert [base64.b64decode(b, validate=True) for b in record["command_base64"]] == given
print("as it should be")
PY
is "$(cat verdict)" "as it should be" "U+FFFD, and the bytes in command_base64"
run --json record --cwd $'/no\xc0\xafwhere' true
"$python" >verdict <<'PY' || true
import base64, json
error = json.loads(open("record", "rb").read().decode("utf-8"))["error"]
assert error["subject"] == "/no\ufffd\ufffdwhere", error
assert base64.b64decode(error["subject_base64"]) == b"/no\xc0\xafwhere"
print("as it should be")
PY
is "$(cat verdict)" "as it should be" "in an error too"
# Any bytes at all: what Python's decoder, with replacement, makes of them is what stands there.
"$python" - "$brood" >verdict 2>&1 <<'PY' || true
import base64, json, random, subprocess, sys
random.seed(7)
alphabet = [0x20, 0x22, 0x41, 0x5C, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
            0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF, 0x01, 0x0A]
words = [bytes(random.choice(alphabet) for _ in range(random.randrange(12))) for _ in range(3000)]
done = subprocess.run([sys.argv[1], "run", "--json", "-", "true"] + words, stdout=subprocess.PIPE, check=True)
record = json.loads(done.stdout.decode("utf-8"))
for k, word in enumerate(words):
    assert record["command"][k + 1] == word.decode("utf-8", "replace"), (word, record["command"][k + 1])
    assert base64.b64decode(record["command_base64"][k + 1], validate=True) == word
print("3000 words")
PY
is "$(cat verdict)" "3000 words" "3000 words of any bytes, as another decoder has them"

# --- the file -----------------------------------------------------------------------------------
rm -f record
run --json record sh -c 'ls -A | grep -c record; exit 0'
is "$out" 0 "the file is not there before the end"
is "$(umask 0; "$brood" run --json fresh true; stat -c %a fresh)" 600 "a new one is its owner's alone"
echo old >record && chmod 640 record
before=$(stat -c %i record)
run --json record sh -c 'cat record'
is "$out" old "an old one is there until then"
is "$(stat -c %a record) $(wc -l <record)" "640 1" "it keeps its permissions"
[ "$(stat -c %i record)" != "$before" ]
ok "and is replaced, not overwritten"
echo target >target && ln -s target link
run --json link true
is "$(cat target) $([ -L link ] || echo replaced)" "target replaced" "a symbolic link is not followed"
run --json - echo first
is "$(head -n 1 <<<"$out") $(sed -n 2p <<<"$out" | cut -c1-9)" 'first {"brood":' "- is standard output, after what the command wrote"
run --json /dev/stdout true
like "$out" '{"brood":*' "/dev/stdout too"
run --json /dev/stderr true
like "$err" '{"brood":*' "and /dev/stderr"
echo kept >appended
"$brood" run --json /dev/fd/9 true 9>>appended
is "$(head -n 1 appended) $(sed -n 2p appended | cut -c1-9)" 'kept {"brood":' "/dev/fd/9 is the descriptor itself, where it stands"
timeout 20 cat fifo >through &
run --json fifo true
wait
like "$(cat through)" '{"brood":*' "a FIFO"
run --start-timeout 100ms --json fifo touch started
is "$code $err" "125 brood run: --json: nobody reads fifo; nothing was started" "a FIFO that nobody reads"
[ ! -e started ]
ok "nothing was started"
run --json /dev/null true
is "$code" 0 "a device"
if [ "$(id -u)" != 0 ]; then
    mkdir closed && chmod 500 closed
    run --json closed/record touch started
    is "$code $err" "125 brood run: --json: cannot write closed/record: Permission denied; nothing was started" "a folder that may not be written to"
    [ ! -e started ]
    ok "nothing was started"
fi
if [ -c /dev/full ]; then
    run --json /dev/full sh -c 'exit 3'
    is "$code $err" "125 brood run: --json: cannot write /dev/full: No space left on device" "a record that is lost is said"
fi
code=0
"$brood" run --json - true >&- 2>error || code=$?
is "$code $(cat error)" "125 brood run: --json: cannot write -: Bad file descriptor; nothing was started" "standard output that is closed"
( cd / && "$brood" run --cwd "$scratch" --json "$scratch/absolute" true ) && mkdir -p sub && ( cd sub && "$brood" run --cwd / --json here true )
[ -s absolute ] && [ -s sub/here ]
ok "--cwd does not move it"

# Without /proc a file cannot be named at the end, so it has its name from the beginning.
if unshare --user --map-root-user --mount true 2>/dev/null; then
    rm -f record
    try unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /proc && exec "$0" run --json record true' "$brood"
    is "$code $err $(cut -c1-9 record)" '0  {"brood":' "without /proc too"
else
    true; ok "without /proc too # SKIP no user namespace"
fi

# Killed by what cannot be caught, brood run leaves neither a part of a record nor a stray name.
mkdir empty go
mkfifo go/fifo
( cd empty && exec "$brood" run --json record sh -c 'read -r line <../go/fifo' ) &
pid=$!
has_child() { [ -n "$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)" ]; }
until_true "started" has_child
kill -KILL $pid
wait $pid 2>/dev/null || true
echo go >go/fifo
is "$(ls -A empty)" "" "nothing stray after SIGKILL"

finish
