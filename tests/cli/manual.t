#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manual pages of the command say what the command says, and their examples are run.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"
command -v mandoc >/dev/null || { echo "1..0 # SKIP mandoc is not installed"; exit 0; }
pages=$source_dir/doc/man

for page in brood brood-run; do
    is "$(mandoc -T lint -W warning "$pages/$page.1" 2>&1 | grep -v 'mandoc.db')" "" "$page.1: lint is silent"
done

# --- options ------------------------------------------------------------------------------------
# Each option of --help stands in the page under the same name and value, and its paragraph begins with
# the same sentences; the page has no other; and each occurs in an example.
"$brood" run --help >help
mandoc -T ascii -O width=900 "$pages/brood-run.1" | sed 's/.\x08//g' >page # no overstrikes
"$python" - help page "$pages/brood-run.1" >verdict <<'PY'
import re, sys
def words(text):
    return " ".join(text.split())
help_options, name = {}, None
body = open(sys.argv[1]).read().split("Options:\n", 1)[1].split("\n\n", 1)[0]
for line in body.splitlines():
    if re.match(r"  \S", line):
        name = line.strip().replace("-h, --help", "--help")
        help_options[name] = ""
    else:
        help_options[name] += line + " "
page_options, name = {}, None
for line in re.split(r"\n(?=SIGNALS)", open(sys.argv[2]).read())[0].splitlines():
    tag = re.match(r"     (-\S.*?)(?:  +(.*))?$", line)
    if tag:
        name = tag.group(1).replace("-h, --help", "--help")
        page_options[name] = tag.group(2) or ""
    elif name and re.match(r" {6,}\S", line):
        page_options[name] += " " + line
    elif line.strip() and not line.startswith("      "):
        name = None
bad = 0
for option in sorted(set(help_options) | set(page_options)):
    if option not in page_options:
        print(f"{option}: not in brood-run.1")
    elif option not in help_options:
        print(f"{option}: not in --help")
    elif not words(page_options[option]).startswith(words(help_options[option])):
        print(f"{option}: the page says: {words(page_options[option])}")
        print(f"{option}: --help says: {words(help_options[option])}")
    else:
        continue
    bad += 1
source = open(sys.argv[3]).read()
examples = "\n".join(re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", source, re.S | re.M))
for option in help_options:
    if not re.search(r"(?<![\w-])" + re.escape(option.split()[0]) + r"(?![\w-])", examples):
        print(f"{option}: in no example")
        bad += 1
print(f"{len(help_options)} options, {bad} complaints")
PY
is "$(cat verdict)" "$(grep -c '^  \(-h, \)\{0,1\}--' help) options, 0 complaints" "brood-run.1 has the options of --help, in the same words"

# --- examples -----------------------------------------------------------------------------------
# Each literal block is a session in an empty directory: what stands below a command is what it prints, on
# both streams, to the letter.
mkdir bin && ln -s "$brood" bin/brood
cat >example.py <<'PY'
import os, re, subprocess, sys
escapes = {"\\e": "\\", "\\-": "-", "\\(aq": "'", "\\&": ""}
def seen(line):
    return re.sub(r"\\\(..|\\.", lambda m: escapes[m.group(0)], line)
number = 0
for page in sys.argv[1:]:
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", open(page).read(), re.S | re.M):
        lines = [seen(line) for line in block.splitlines()]
        if not lines or not lines[0].startswith("$ "):
            sys.exit(f"{page}: a block that is no session: {lines[:1]}")
        number += 1
        folder = f"session-{number}"
        os.mkdir(folder)
        # The exit status of a command is there for the next one, whatever stands between them.
        script, wanted = "", ""
        for line in lines:
            if line.startswith("$ "):
                script += "status=$?\nprintf '%s\\n' " + "'" + line.replace("'", "'\\''") + "'\n(exit $status)\n" + line[2:] + "\n"
            wanted += line + "\n"
        with open(folder + ".out", "w") as out:
            subprocess.run(["bash", "-c", script], cwd=folder, stdout=out, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL, timeout=60)
        got = open(folder + ".out").read()
        good = got == wanted
        print(f"{'good' if good else 'bad'} {os.path.basename(page)}: {lines[0]}")
        if not good:
            print("# got:\n" + got + "# wanted:\n" + wanted)
PY
PATH=$scratch/bin:$PATH "$python" example.py "$pages/brood.1" "$pages/brood-run.1" >sessions 2>&1
is "$?" 0 "the examples are sessions"
while IFS= read -r line; do
    [ "${line%% *}" = good ]
    ok "example ${line#* }"
done < <(grep -E '^(good|bad) ' sessions)
grep -q '^bad' sessions && note "$(cat sessions)"
[ "$(grep -c '^good' sessions)" -ge 20 ]
ok "there are many: $(grep -c '^good' sessions)"

# The test can fail: a page that tells something else is noticed.
sed 's/^hello$/goodbye/' "$pages/brood.1" >planted.1
mkdir other && cd other && PATH=$scratch/bin:$PATH "$python" ../example.py ../planted.1 >../planted 2>&1
cd ..
is "$(grep -c '^bad' planted)" 1 "self-test: another output is noticed"

finish
