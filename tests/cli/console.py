# SPDX-License-Identifier: MIT
"""tests/cli/console.py: a person at a terminal, for the tests of the command.

A pseudo-terminal with a program on it. What is typed comes only after what it answers has been read: no
test depends on time, but for the bound on the whole.
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


class Terminal:
    def __init__(self, command, brood, rows=24, columns=80):
        self.seen = b""
        self.end = time.monotonic() + BOUND
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.fd = 0
            self.resize(rows, columns)
            os.environ.update(PS1="prompt> ", BROOD=brood, PYTHON=sys.executable)
            os.execvp(command[0], command)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

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
