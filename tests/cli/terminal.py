# SPDX-License-Identifier: MIT
"""tests/cli/terminal.py CASE BROOD: one case at a terminal of its own; exits 0 if it holds.

A pseudo-terminal with bash -i as its shell, as a person would sit there. What is written comes only
after what it answers has been read: no case depends on time, but for the bound on the whole.
"""
import os
import signal
import sys
import termios

sys.dont_write_bytecode = True
from console import Terminal  # noqa: E402

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


def bash():
    return Terminal(["bash", "--norc", "--noprofile", "-i"], BROOD)


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


# A shell that lets the command go on before brood run comes to run.
SLOW = """
import os, signal, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
run = os.fork()
if run == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], [sys.argv[1], "run", sys.executable, "counter.py", "SIGUSR1"])
assert os.WIFSTOPPED(os.waitpid(run, os.WUNTRACED)[1])
with open(f"/proc/{run}/task/{run}/children", encoding="ascii") as file:
    command = int(file.read())
os.kill(command, signal.SIGCONT)
print("GONE ON", flush=True)
def state():
    with open(f"/proc/{command}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]
while state() != "T":
    time.sleep(0.01)
os.kill(run, signal.SIGCONT)
assert os.WIFSTOPPED(os.waitpid(run, os.WUNTRACED)[1]) and state() == "T"
print("STOPPED", flush=True)
os.kill(-run, signal.SIGCONT)
print("code=%d" % os.waitstatus_to_exitcode(os.waitpid(run, 0)[1]), flush=True)
"""


def stop_again():
    """Ctrl-Z once more before brood run has come to run: it is not lost."""
    t = Terminal([sys.executable, "-c", SLOW, BROOD], BROOD)
    t.expect(rb"READY\r\n")
    t.type(b"\x1a")
    t.expect(rb"GONE ON\r\n")
    t.type(b"\n")
    t.expect(rb"<line>")
    t.type(b"\x1a")
    t.expect(rb"STOPPED\r\n")
    t.type(b"end\n")
    t.expect(rb"<end>")
    t.expect(rb"code=5\r\n")
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
    t.resize(40, 100)
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
    # One that reads would end of its own: what it reads from has gone.
    t = Terminal([BROOD, "run", "--json", "record", "sh", "-c", "echo READY; exec sleep 60"], BROOD)
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


def modes(t):
    return termios.tcgetattr(t.fd)


def own_terminal():
    """--pty: another terminal of the same size; keys pass, Ctrl-C is the command's; ours is as before."""
    t = bash()
    t.shell(b"tty; stty size")
    t.expect(rb"24 80\r\n")
    t.expect(rb"prompt> ")
    before = modes(t)
    t.type(b'"$BROOD" run --pty sh -c \'tty; stty size; exec "$PYTHON" counter.py SIGINT,SIGWINCH\'\n')
    t.expect(rb"/dev/pts/\d+\r\n24 80\r\n")
    t.expect(rb"READY\r\n")
    assert not modes(t)[3] & (termios.ICANON | termios.ISIG | termios.ECHO), "our terminal is not raw"
    t.type(b"\x03")
    text = t.expect(rb"<SIGINT>")
    t.resize(40, 100)
    text += t.expect(rb"<SIGWINCH>")
    t.type(b"\nend\n")
    text += t.expect(rb"<end>")
    once(text, b"<SIGINT>")
    once(text, b"<SIGWINCH>")
    t.expect(rb"prompt> ")
    assert modes(t)[:4] == before[:4], (modes(t), before)
    t.type(b"echo code=$?; stty size\n")
    t.expect(rb"code=5\r\n40 100\r\n")
    t.shell(b"exit")
    t.close()


def own_terminal_fails():
    """--pty: the modes are as before after a failed start, a timeout and a signal."""
    t = bash()
    for line, code in ((b"brood-test-no-such-command", b"127"), (b"--timeout 300ms sleep 60", b"124"),
                       (b"sh -c 'kill -TERM $PPID; sleep 60'", b"143"), (b"sh -c 'kill -KILL $$'", b"137")):
        t.expect(rb"prompt> ")
        before = modes(t)
        t.type(b'"$BROOD" run --quiet --pty ' + line + b"; echo code=$?\n")
        t.expect(rb"code=" + code + rb"\r\n")
        t.expect(rb"prompt> ")
        assert modes(t)[:4] == before[:4], (line, modes(t), before)
        t.type(b"\n")
    t.shell(b"exit")
    t.close()


def own_terminal_stops():
    """--pty: SIGTSTP to brood run puts the modes back while it is stopped, and fg takes them again."""
    t = bash()
    t.shell(b'"$BROOD" run --pty "$PYTHON" counter.py SIGUSR1')
    t.expect(rb"READY\r\n")
    os.kill(os.tcgetpgrp(t.fd), signal.SIGTSTP)
    t.expect(rb"Stopped")
    t.expect(rb"prompt> ")
    t.type(b"fg; echo code=$?\n")
    t.expect(rb"counter.py SIGUSR1\r\n")
    t.type(b"\n")
    t.expect(rb"<line>")
    t.type(b"end\n")
    t.expect(rb"<end>")
    t.expect(rb"code=5\r\n")
    t.shell(b"exit")
    t.close()


globals()[sys.argv[1]]()
