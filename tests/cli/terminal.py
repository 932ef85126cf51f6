# SPDX-License-Identifier: MIT
"""tests/cli/terminal.py CASE BROOD: one case at a terminal of its own; exits 0 if it holds.

A pseudo-terminal with bash -i as its shell, as a person would sit there. What is written comes only
after what it answers has been read: no case depends on time, but for the bound on the whole.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

BOUND = 40
BROOD = sys.argv[2]
# A command that says each signal it gets, by write(2) in the handler.
COUNTER = r'''
import os, signal, sys
def say(number, frame):
    os.write(1, b"<%s>" % signal.Signals(number).name.encode())
for name in sys.argv[1].split(","):
    signal.signal(getattr(signal, name), say)
os.write(1, b"READ" + b"Y\n")
while True:
    line = os.read(0, 100)
    if line.strip() == b"end":
        os.write(1, b"<en" + b"d>")
        sys.exit(5)
    os.write(1, b"<li" + b"ne>")
'''
open("counter.py", "w").write(COUNTER)


class Terminal:
    def __init__(self, command):
        self.seen = b""
        self.end = time.monotonic() + BOUND
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["PS1"] = "prompt> "
            os.environ["BROOD"] = BROOD
            os.environ["PYTHON"] = sys.executable
            os.execvp(command[0], command)

    def expect(self, pattern):
        """Read until the pattern has come; what was before it is gone."""
        while True:
            match = re.search(pattern, self.seen, re.S)
            if match:
                before, self.seen = self.seen[:match.end()], self.seen[match.end():]
                return before
            left = self.end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"waited for {pattern!r}, saw {self.seen!r}")
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"ended before {pattern!r}, saw {self.seen!r}")
            self.seen += data

    def type(self, text):
        os.write(self.fd, text)

    def shell(self, line):
        self.expect(rb"prompt> ")
        self.type(line + b"\n")

    def close(self):
        os.close(self.fd)
        for _ in range(1000):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def bash():
    return Terminal(["bash", "--norc", "--noprofile", "-i"])


def once(text, word):
    found = text.count(word)
    assert found == 1, f"{word!r} {found} times in {text!r}"


def interrupt():
    """Ctrl-C and Ctrl-\\ reach the command once each, and brood run waits for what it makes of them."""
    t = bash()
    t.shell(b'"$BROOD" run "$PYTHON" counter.py SIGINT,SIGQUIT')
    t.expect(rb"READY\r\n")
    t.type(b"\x03")
    text = t.expect(rb"<SIGINT>")
    t.type(b"\x1c")
    text += t.expect(rb"<SIGQUIT>")
    t.type(b"\nend\n")
    text += t.expect(rb"<end>")
    once(text, b"<SIGINT>")
    once(text, b"<SIGQUIT>")
    t.shell(b"echo code=$?")
    t.expect(rb"code=5\r\n")
    t.shell(b"exit")
    t.close()


def interrupt_session():
    """With --new-session the terminal's signals do not reach the command: brood run passes them on."""
    t = bash()
    t.shell(b'"$BROOD" run --new-session sh -c \'trap "echo \\<int\\>; exit 6" INT; echo READ""Y; '
            b"while :; do sleep 0.05; done'")
    t.expect(rb"READY\r\n")
    t.type(b"\x03")
    text = t.expect(rb"<int>")
    t.shell(b"echo code=$?")
    text += t.expect(rb"code=6\r\n")
    once(text, b"<int>")
    t.shell(b"exit")
    t.close()


def interrupt_default():
    """Ctrl-C ends a command that takes the default action: 130, as without brood run."""
    t = bash()
    t.shell(b'"$BROOD" run sh -c \'echo READ""Y; exec sleep 60\'')
    t.expect(rb"READY\r\n")
    t.type(b"\x03")
    t.shell(b"echo code=$?")
    t.expect(rb"code=130\r\n")
    t.shell(b"exit")
    t.close()


def stop():
    """Ctrl-Z stops both, fg and bg continue both, as often as one likes."""
    t = bash()
    t.shell(b'"$BROOD" run "$PYTHON" counter.py SIGUSR1')
    t.expect(rb"READY\r\n")
    for _ in range(2):
        t.type(b"\x1a")
        t.expect(rb"Stopped")
        t.shell(b"echo states=$(ps -o stat= --ppid $(jobs -p) | cut -c1)$(ps -o stat= -p $(jobs -p) | cut -c1)=")
        t.expect(rb"states=TT=")
        t.shell(b"fg")
        t.type(b"\n")
        t.expect(rb"<line>")
    t.type(b"\x1a")
    t.expect(rb"Stopped")
    t.shell(b"bg")
    # It reads from the terminal in the background: SIGTTIN stops it again, and brood run with it.
    t.shell(b"until jobs | grep -q Stopped; do sleep 0.05; done")
    t.shell(b"fg")
    t.type(b"end\n")
    t.expect(rb"<end>")
    t.shell(b"echo code=$?")
    t.expect(rb"code=5\r\n")
    t.shell(b"exit")
    t.close()


def stop_slow():
    """brood run stops only when the command has: an editor puts the screen in order first."""
    t = bash()
    t.shell(b'"$BROOD" run sh -c \'trap "sleep 0.3; echo in ord""er; trap - TSTP; kill -TSTP \\$\\$" TSTP; '
            b"echo READ\"\"Y; read -r a; while ! read -r a; do :; done; exit 4'")
    t.expect(rb"READY\r\n")
    t.type(b"\x1a")
    before = t.expect(rb"Stopped")
    assert b"in order" in before, before
    t.shell(b"fg")
    t.type(b"\n\n")
    t.shell(b"echo code=$?")
    t.expect(rb"code=4\r\n")
    t.shell(b"exit")
    t.close()


def resize():
    """A new size of the window reaches the command once."""
    t = bash()
    t.shell(b'"$BROOD" run "$PYTHON" counter.py SIGWINCH')
    t.expect(rb"READY\r\n")
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    text = t.expect(rb"<SIGWINCH>")
    t.type(b"end\n")
    text += t.expect(rb"<end>")
    once(text, b"<SIGWINCH>")
    t.shell(b"exit")
    t.close()


def pipeline():
    """In a pipeline both are in the job's one group: Ctrl-C ends it all."""
    t = bash()
    t.shell(b'"$BROOD" run sh -c \'echo READ""Y; exec sleep 60\' | "$BROOD" run cat')
    t.expect(rb"READY\r\n")
    t.type(b"\x03")
    t.shell(b"echo code=${PIPESTATUS[*]}")
    t.expect(rb"code=130 130\r\n")
    t.shell(b"exit")
    t.close()


def hangup():
    """brood run leads the session and the terminal goes away: the kernel tells the leader alone."""
    t = Terminal([BROOD, "run", "--json", "record", sys.executable, "counter.py", "SIGUSR1"])
    t.expect(rb"READY\r\n")
    os.close(t.fd)
    _, status = os.waitpid(t.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP, status


def is_terminal():
    """The command has the terminal itself."""
    t = bash()
    t.shell(b'"$BROOD" run sh -c \'test -t 0 && test -t 1 && test -t 2 && echo terminal=ye""s\'')
    t.expect(rb"terminal=yes\r\n")
    t.shell(b"exit")
    t.close()


globals()[sys.argv[1]]()
