# SPDX-License-Identifier: MIT
"""What the checks of the tree share: which files there are, C without comments, planted faults."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(root, *endings):
    """Paths below root that git knows or would know; every path in a copy without git."""
    if os.path.exists(os.path.join(root, ".git")):
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                             capture_output=True, text=True).stdout.splitlines()
    else:
        out = [os.path.relpath(os.path.join(folder, name), root)
               for folder, _, names in os.walk(root) for name in names]
    return sorted(name for name in out
                  if name.endswith(endings) and os.path.isfile(os.path.join(root, name)))


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()


def rooms(root):
    """The rooms of lib/, lowest first."""
    return [line.split()[0] for line in read(root, "lib/ROOMS").splitlines()
            if line.strip() and not line.startswith("#")]


_TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def bare(text, keep_strings=False):
    """C with its comments (and strings) blanked, line by line as before."""
    def blank(match):
        word = match.group(0)
        if word[0] in "\"'":
            return word if keep_strings else word[0] * 2
        return re.sub(r"[^\n]", " ", word)
    return _TOKEN.sub(blank, text)


PLANTED_IN = ("lib", "include", "cli", "check", "guardian", "examples", "bench", "doc", "tools")


def self_test(check, plants):
    """check(root) -> complaints. Clean on a copy of the tree, and red for each planted fault.

    A plant is (what, {path: text to append}); its text must be named in at least one complaint.
    """
    failed = []
    with tempfile.TemporaryDirectory(prefix="brood-plant.") as copy:
        for name in files(ROOT, ""):
            if name.split("/")[0] in PLANTED_IN:
                os.makedirs(os.path.dirname(os.path.join(copy, name)), exist_ok=True)
                shutil.copy(os.path.join(ROOT, name), os.path.join(copy, name))
        before = set(check(copy))
        for what, texts, must_name in plants:
            kept = {name: plant(copy, name, text) for name, text in texts.items()}
            if not any(must_name in line for line in set(check(copy)) - before):
                failed.append(f"self-test: planted {what}, and nothing was said")
            for name, old in kept.items():
                restore(copy, name, old)
    return failed


def plant(copy, name, text):
    """Appends to a file of the copy; what it was before, None if it was not."""
    path = os.path.join(copy, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    old = read(copy, name) if os.path.exists(path) else None
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
    return old


def restore(copy, name, old):
    if old is None:
        os.unlink(os.path.join(copy, name))
    else:
        with open(os.path.join(copy, name), "w", encoding="utf-8") as file:
            file.write(old)


def report(check, plants):
    """The end of every check: complaints of the tree and of the self-test, and the exit status."""
    bad = check(ROOT) + self_test(check, plants)
    for line in bad:
        print(line)
    return 1 if bad else 0


def main(check, plants):
    sys.exit(report(check, plants))
