# SPDX-License-Identifier: MIT
"""tests/cli/at_exec.py FILE SIGNAL ALONE COMMAND...: a signal in the moment of an exec.

Runs COMMAND as the leader of a session, holds whoever opens FILE for execution there, and sends it the
signal: to it alone if ALONE is 1, else to its whole group. Writes the exit code to the file `code`; exits
with 77 where this is not allowed.
"""
import ctypes
import os
import select
import signal
import struct
import sys

CLASS_CONTENT, CLOEXEC, MARK_ADD, OPEN_EXEC_PERM, ALLOW, BOUND = 4, 1, 1, 0x40000, 1, 30
EVENT = struct.Struct("=IBBHQii")

name, number, alone, *command = sys.argv[1:]
number = getattr(signal, "SIG" + number)
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.fanotify_init(CLASS_CONTENT | CLOEXEC, os.O_RDONLY)
if watch < 0 or libc.fanotify_mark(watch, MARK_ADD, ctypes.c_uint64(OPEN_EXEC_PERM), -100, name.encode()) < 0:
    sys.exit(77)
run = os.fork()
if run == 0:
    os.setsid()
    os.execv(command[0], command)
if not select.select([watch], [], [], BOUND)[0]:
    os.kill(run, signal.SIGKILL)
    sys.exit("at_exec: nobody has executed it")
_, _, _, _, _, fd, pid = EVENT.unpack(os.read(watch, EVENT.size))
os.kill(pid if alone == "1" else -run, number)
try:
    os.write(watch, struct.pack("=iI", fd, ALLOW))
except FileNotFoundError:
    pass  # whoever waited for the answer is gone
os.close(fd)
code = os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])
with open("code", "w", encoding="ascii") as file:
    file.write(str(code))
