# SPDX-License-Identifier: MIT
"""tests/cli/completion.py SHELL SHARE BROOD: what SHELL offers for each line of standard input.

SHARE holds the completions where an installation would put them; the shell finds them by itself. Prints
for each line one of candidates, tabs between them. bash and zsh are typed to at a terminal; with the
word `list` before a line, zsh prints its list, descriptions included.
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from console import Terminal  # noqa: E402

SHELL, SHARE, BROOD = sys.argv[1:]
HOME = os.path.dirname(SHARE)
os.environ.update(HOME=HOME, TERM="dumb", XDG_DATA_DIRS=f"{SHARE}:/usr/share", LC_ALL="C.UTF-8", XDG_DATA_HOME=SHARE,
                  XDG_CONFIG_HOME=f"{HOME}/config", HISTFILE="/dev/null")

# Insert every candidate into the line, then print the line.
BASH = r"""
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
[ -z "${PACKAGE-}" ] || . /usr/share/bash-completion/bash_completion
[ -n "${PACKAGE-}" ] || . "$SHARE/bash-completion/completions/brood"
bind -x '"\C-t": printf "\nLINE<%s>\n" "$READLINE_LINE"'
bind '"\C-g": insert-completions'
"""
ZSH = r"""
fpath=($SHARE/zsh/site-functions $fpath)
autoload -Uz compinit && compinit -u -d ~/zsh.dump
unsetopt zle_bracketed_paste 2>/dev/null
zle_bracketed_paste=()
LISTMAX=10000
setopt no_list_ambiguous
zle -C every complete-word _generic
zstyle ':completion:every::::' completer _all_matches _complete
zstyle ':completion:every:*' old-matches false
zstyle ':completion:every:*' insert true
show() { zle -I; print -r -- "LINE<$BUFFER>" }
list() { zle list-choices; zle -R; zle -I; print -r -- "LIST<>" }
zle -N show
zle -N list
bindkey '^T' show
bindkey '^O' list
bindkey '^G' every
"""


def start(command, setup):
    os.environ["SHARE"] = SHARE
    with open(f"{HOME}/setup.{SHELL}", "w", encoding="utf-8") as out:
        out.write(setup)
    terminal = Terminal(command, BROOD, rows=300, columns=2000)
    terminal.shell(f". ~/setup.{SHELL}; PS1='rea''dy> '".encode())
    terminal.expect(rb"ready> ")
    return terminal


def typed(terminal, line):
    """The words that the line ends with once every candidate is in it; none if it stays as it is."""
    terminal.type(line.encode() + b"\x07\x14")
    text = terminal.expect(rb"LINE<[^\n]*>\r?\n").decode()
    terminal.expect(rb"ready> ")
    terminal.type(b"\x15\x14")
    terminal.expect(rb"LINE<>\r?\n")
    terminal.expect(rb"ready> ")
    full = re.search(r"LINE<(.*)>\r?\n", text, re.S).group(1)
    if full == line:
        return []
    stem = line[:-len(line.split(" ")[-1])] if not line.endswith(" ") else line
    assert full.startswith(stem), (full, line)
    return full[len(stem):].split()


def listed(terminal, line):
    terminal.type(line.encode() + b"\x0f")
    text = terminal.expect(rb"LIST<>").decode()
    terminal.expect(rb"ready> ")
    terminal.type(b"\x15\x14")
    terminal.expect(rb"LINE<>\r?\n")
    terminal.expect(rb"ready> ")
    return [re.sub(" {2,}", "  ", one.strip()) for one in text.splitlines() if one.startswith("-")]


def fish(line):
    done = subprocess.run(["fish", "-c", "complete -C $argv[1]", line], stdout=subprocess.PIPE, check=True, timeout=60)
    return [one.replace("\t", "  ") for one in done.stdout.decode().splitlines()]


if SHELL == "bash":
    shell = start(["bash", "--norc", "--noprofile", "-i"], BASH)
elif SHELL == "zsh":
    shell = start(["zsh", "-f", "-i"], ZSH)
for request in sys.stdin.read().splitlines():
    if SHELL == "fish":
        found = fish(request)
    elif request.startswith("list "):
        found = listed(shell, request[5:])
    else:
        found = typed(shell, request)
    print("\t".join(found))
if SHELL != "fish":
    shell.type(b"exit\n")
    shell.close()
