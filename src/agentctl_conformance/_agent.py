"""What the agent does: this file's text is the program that runs behind the wrapper.

Its first argument names one of the functions, the others are that one's. It says what it sees as one JSON object per
line, bytes as the characters of the same numbers (Latin-1). It has to run with any Python 3 of the agent's image, and
may have no dollar sign: the kubelet would take it for a variable's.
"""

import json
import os
import signal
import sys
import time

FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
"""The signals that images name as their STOPSIGNAL, and the one that the kubelet sends by default."""

_STATUS = ("Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:", "Cap", "NoNewPrivs:", "Seccomp:")
_REAPED_WITHIN = 1.0


def say(event: str, **what: object) -> None:
    """Say that something has happened."""
    sys.stdout.write(json.dumps({"event": event, **what}) + "\n")
    sys.stdout.flush()


def describe(*_arguments: str) -> None:
    """Say everything that this process can see of how it was started, arguments of any kind among it."""
    status = [line.split() for line in _read("/proc/self/status").splitlines()]
    umask = os.umask(0)
    os.umask(umask)
    say(
        "started",
        argv=_read("/proc/self/cmdline").split("\0")[:-1],
        # In the order of names: the kubelet's own is another each time.
        env=sorted(_read("/proc/self/environ").split("\0")[:-1]),
        cwd=os.getcwd(),  # noqa: PTH109 - as the system says it
        files=sorted(os.listdir("/proc/self/fd")),  # noqa: PTH208
        limits=_read("/proc/self/limits"),
        terminal=[os.isatty(number) for number in range(3)],
        umask=umask,
        niceness=os.nice(0),
        **{line[0].rstrip(":"): line[1:] for line in status if line[0].startswith(_STATUS)},
    )


def end(code: str) -> None:
    """End with this exit code."""
    os._exit(int(code))


def die(number: str) -> None:
    """End by this signal."""
    os.kill(os.getpid(), int(number))
    time.sleep(60)


def listen(seconds: str) -> None:
    """Say the names of signals that arrive; after SIGTERM work on for so many seconds, and end with the exit code 7."""
    arrived: list[int] = []
    for each in FORWARDED:
        signal.signal(each, lambda number, _: arrived.append(number))
    say("waiting", parent=os.getppid())
    while signal.SIGTERM not in arrived:
        time.sleep(0.05)
        while arrived and arrived[0] != signal.SIGTERM:
            say(signal.Signals(arrived.pop(0)).name)
    say("SIGTERM")
    time.sleep(float(seconds))
    say("finished")
    os._exit(7)


def read() -> None:
    """Say what arrives at standard input up to the end of a line, or of the input."""
    say("waiting")
    found = b""
    while not found.endswith(b"\n") and (more := os.read(0, 4096)):
        found += more
    say("read", data=found.decode("latin-1"))


def use_terminal() -> None:
    """Read a line from the terminal, then wait for Ctrl-C."""
    signal.signal(signal.SIGINT, _interrupted)
    say("waiting", foreground=os.tcgetpgrp(0) == os.getpgrp())
    say("read", data=sys.stdin.readline())
    time.sleep(60)


def _interrupted(_number: int, _frame: object) -> None:
    say("interrupted")
    os._exit(3)


def leave_orphans(seconds: str) -> None:
    """Start processes whose parent ends before them, for so many seconds; say how many there were, and which stay."""
    until = time.monotonic() + float(seconds)
    made = 0
    zombies: set[int] = set()
    young: list[tuple[float, int]] = []
    while time.monotonic() < until or young:
        if time.monotonic() < until:
            young.append((time.monotonic() + _REAPED_WITHIN, _orphan(0.05)))
            made += 1
        time.sleep(0.2)
        zombies.update(pid for due, pid in young if due < time.monotonic() and os.path.exists(f"/proc/{pid}"))  # noqa: PTH110
        young = [(due, pid) for due, pid in young if due >= time.monotonic()]
    say("orphans", made=made, zombies=len(zombies))


def leave_one_behind(seconds: str) -> None:
    """End with the exit code 3, while an orphan lives on for so many seconds."""
    _orphan(float(seconds))
    os._exit(3)


def _orphan(seconds: float) -> int:
    """Start a process whose parent ends at once, and that lives for so long; return its process id."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        orphan = os.fork()
        if orphan == 0:
            time.sleep(seconds)
            os._exit(0)
        os.write(writer, str(orphan).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    pid = int(os.read(reader, 32))
    os.close(reader)
    return pid


def _read(path: str) -> str:
    with open(path, encoding="latin-1") as file:  # noqa: PTH123 - as few imports as can be
        return file.read()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
