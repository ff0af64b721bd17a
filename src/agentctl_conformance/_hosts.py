"""Where agents run, with the wrapper in front of them and without: what the tests need of a process or a pod."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

Json = dict[str, Any]
T = TypeVar("T")

AGENT: Final = Path(__file__).with_name("_agent.py").read_text()
_SOURCE: Final = "AGENT_SOURCE"
# Free of spaces, and of anything that arguments are not to show.
_PYTHON: Final = ("python3", "-c", f"exec(__import__('os').environ['{_SOURCE}'])")


class Run(Protocol):
    """One agent that has been started."""

    @property
    def patience(self) -> float:
        """For how many seconds to wait for what it does at once."""
        ...

    def output(self) -> str:
        """Return what it has written to its standard output so far."""
        ...

    def send(self, number: int) -> None:
        """Send a signal to the process that was started: the wrapper, where there is one."""
        ...

    def type(self, data: bytes) -> None:
        """Send this to its standard input, which stays open."""
        ...

    def has_ended(self) -> bool:
        """Tell whether it has ended; then its output is whole."""
        ...

    def exit_code(self) -> int:
        """Wait for its end; return its exit code, or 128 and the number of the signal that ended it."""
        ...


class Host(Protocol):
    """A place where agents run."""

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        wrapped: bool = True,
        directory: str = "/usr",
        stdin: bool = False,
        tty: bool = False,
    ) -> Run:
        """Start a command with the wrapper in front of it, or without; `tty` asks for `stdin` too."""
        ...


def agent(*words: str) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of an agent that does what the words say (see _agent.py)."""
    return [*_PYTHON, *words], {_SOURCE: AGENT}


def arguments(argv: Sequence[str]) -> Sequence[str]:
    """What follows those words that name the agent and what it is to do, in a command line that it has seen."""
    return argv[len(_PYTHON) + 1 :]


def differences(plain: Json, wrapped: Json) -> Json:
    """What an agent sees otherwise behind the wrapper: without it, and with it."""
    return {name: (plain[name], wrapped[name]) for name in plain if wrapped[name] != plain[name]}


def said(run: Run, event: str, after: float = 0) -> Json:
    """Wait for an event that an agent tells of after so many seconds, and return the first."""

    def find() -> Json | None:
        ended = run.has_ended()
        # The last line may still be being written, and a terminal shows what is typed, too.
        lines = run.output().split("\n")[:-1]
        events = (json.loads(line[line.index("{") :]) for line in lines if "{" in line)
        found = next((each for each in events if each["event"] == event), None)
        assert found or not ended, f"the agent has ended: {missing()}"
        return found

    def missing() -> str:
        return f'the agent does not say "{event}", but: {run.output()!r}'

    return wait_for(find, missing, run.patience + after)


def wait_for(find: Callable[[], T | None], complaint: Callable[[], str], seconds: float) -> T:
    """Wait until something true is found, and return it.

    Raises:
        AssertionError: there was nothing within so many seconds; says the complaint.
    """
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.2)
    return found
