#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tests/man/complete.t: the manual of section 3 leaves nothing of include/brood.h out.

Every function, every constant and every member of a struct is described in a page: a function in its
SYNOPSIS, a constant by .Dv, a member by .Fa in a page that names its struct. And what a start can be
asked for, that is all that stands above "what comes back" in the header, and every function, is used
in a program of some page; tests/man/examples.t runs those. What is zero is used by all, and `size` is
set by a macro. Options of the command: tests/cli/manual.t.
"""
import glob
import os
import re
import sys

SOURCE = os.environ.get("BROOD_SOURCE") or os.path.join(os.path.dirname(__file__), "../..")
DIVIDER = "what comes back */"


def bare(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def constants(text):
    """{name: is it zero?}"""
    found = {}
    for body in re.findall(r"\benum\s*\w*\s*\{(.*?)\}", text, re.S):
        for name, value in re.findall(r"(BROOD_\w+)\s*=\s*(-?\d+)", body):
            found[name] = value == "0"
    return found


def members(text):
    """[(struct, member)], but for reserved ones."""
    found = []
    for struct, body in re.findall(r"\bstruct\s+(\w+)\s*\{(.*?)\n\};", text, re.S):
        for declaration in body.split(";"):
            pointer = re.search(r"\(\*(\w+)\)\s*\(", declaration)
            parts = [pointer.group(1)] if pointer else re.sub(r"\[\d+\]", "", declaration).split(",")
            for part in parts:
                name = re.search(r"(\w+)\s*$", part)
                if name and not name.group(1).startswith("reserved"):
                    found.append((struct, name.group(1)))
    return found


def functions(text):
    return re.findall(r"^BROOD_API\b[^;]*?\b(brood_\w+)\s*\(", text, re.M)


def macro_words(page, macro):
    """What the page marks up by this macro, also inside .It and .Pf lines."""
    words = set()
    for line in page.splitlines():
        if line.startswith("."):
            for rest in re.findall(rf"(?:^\.|\s){macro}\s+(.*)", line):
                words |= set(re.findall(r"\w+", rest))
    return words


def programs(pages):
    blocks = []
    for page in pages.values():
        for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.S | re.M):
            if re.search(r"^int\s+main\b", block, re.M):
                blocks.append(block)
    return "\n".join(blocks)


def check(header, pages):
    """What is missing, a sentence each."""
    text = bare(header)
    asked = bare(header.split(DIVIDER)[0]) if DIVIDER in header else text
    examples = programs(pages)
    synopses = {name: page.split(".Sh DESCRIPTION")[0] for name, page in pages.items()}
    bad = []
    for name in functions(text):
        if not any(re.search(rf"^\.F[no] {name}\b", part, re.M) for part in synopses.values()):
            bad.append(f"{name}(): in no SYNOPSIS")
        if not re.search(rf"\b{name}\(", examples):
            bad.append(f"{name}(): in no example")
    marked = set().union(*(macro_words(page, "Dv") for page in pages.values()))
    for name in constants(text):
        if name not in marked:
            bad.append(f"{name}: in no page")
    for name, is_zero in constants(asked).items():
        if not is_zero and not re.search(rf"\b{name}\b", examples):
            bad.append(f"{name}: in no example")
    for struct, member in members(text):
        if not any(f"struct {struct}" in page and member in macro_words(page, "Fa")
                   for page in pages.values()):
            bad.append(f"{struct}.{member}: in no page that names the struct")
    for struct, member in members(asked):
        if member != "size" and not re.search(rf"(?:\.|->){member}\b", examples):
            bad.append(f"{struct}.{member}: in no example")
    return bad


number = failed = 0


def ok(good, what, notes=()):
    global number, failed
    number += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {number} - {what}")
    for note in () if good else notes:
        print(f"# {note}")


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


header = read(f"{SOURCE}/include/brood.h")
pages = {os.path.basename(name): read(name) for name in sorted(glob.glob(f"{SOURCE}/doc/man/*.3"))}
ok(DIVIDER in header, "the header says where what comes back begins")
# So much is there at least: a parser that finds nothing would be content with everything.
ok(len(functions(bare(header))) >= 20 and len(constants(bare(header))) >= 80
   and len(members(bare(header))) >= 70, "the header has been read")
missing = check(header, pages)
ok(not missing, "the manual has all of the header", missing)

# The test can fail: what is planted in the header, or taken out of the manual, is missed.
ADDED = f"""
enum brood_planted_kind {{ BROOD_PLANTED = 7 }};
struct brood_planted {{
    uint32_t planted_member;
}};
/* ---- {DIVIDER}
BROOD_API int brood_planted(void);
"""
head, tail = header.split(DIVIDER, 1) if DIVIDER in header else (header, "")
told = set(check(head + "*/" + ADDED + tail, pages)) - set(missing)
for line in ("brood_planted(): in no SYNOPSIS", "brood_planted(): in no example",
             "BROOD_PLANTED: in no page", "BROOD_PLANTED: in no example",
             "brood_planted.planted_member: in no page that names the struct",
             "brood_planted.planted_member: in no example"):
    ok(line in told, f"self-test: {line}", told)
for word, line in (("brood_version", "brood_version(): in no SYNOPSIS"),
                   ("BROOD_CAUSE_ASKED", "BROOD_CAUSE_ASKED: in no page"),
                   ("cwd_fd", "brood_options.cwd_fd: in no example")):
    without = {name: re.sub(rf"\b{word}\b", "", page) for name, page in pages.items()}
    ok(line in set(check(header, without)) - set(missing), f"self-test: a manual without {word}")
print(f"1..{number}")
sys.exit(1 if failed else 0)
