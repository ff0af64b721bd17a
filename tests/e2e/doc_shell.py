"""A shell in which a page of the documentation is run as its reader would run it, in a clone of the repository."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.documents import ROOT
from tests.e2e.support import eventually

_SECONDS: Final = 150.0
_COPIED: Final = ("crds", "deploy", "examples")
"""What a page may write to; all else is linked."""
_MAKE: Final = """#!/bin/sh
# What the long targets do is other tests' business; here it counts that they exist.
case "$1" in
  demo | help) exec /usr/bin/make --old-file=.venv/.installed "$@" ;;
  *) exec /usr/bin/make --dry-run "$@" ;;
esac
"""


class DocShell:
    """A bash that keeps its folder, variables and functions from one command to the next; a context.

    Commands that go on, `agentctl run`, are started beside it; they have to end well when it does.
    """

    def __init__(self, directory: Path, programs: Path, variables: dict[str, str]) -> None:
        """Describe it; `programs` is the folder of kubectl, `directory` becomes its working folder and its home."""
        self._directory = directory
        self._work = directory / "agentctl"
        shims = directory / "bin"
        path = os.pathsep.join([str(shims), str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = {"PATH": path, "HOME": str(directory), "LANG": "C.UTF-8", **variables}
        self._shims = shims
        self._bash: subprocess.Popen[bytes] | None = None
        self._beside: list[tuple[int, Path]] = []

    def __enter__(self) -> Self:
        """Make the folder, and start it."""
        self._work.mkdir(parents=True)
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in sorted({line.partition("/")[0] for line in listed.splitlines()} | {".venv"}):
            if name in _COPIED:
                shutil.copytree(ROOT / name, self._work / name)
            else:
                (self._work / name).symlink_to(ROOT / name)
        self._shims.mkdir()
        (self._shims / "make").write_text(_MAKE)
        (self._shims / "make").chmod(0o755)
        pipe = subprocess.PIPE
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self._work,
            env=self._environment,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what runs beside it, and it; after an error whatever is left is killed."""
        assert self._bash is not None
        try:
            if error is None:
                for process, log in self._beside:
                    code, _ = self.run(f"kill -TERM {process}; wait {process}")
                    assert code == 0, log.read_text()
        finally:
            os.killpg(self._bash.pid, signal.SIGKILL)
            self._bash.communicate()

    def write(self, name: str, text: str) -> None:
        """Write a file that the page shows into the working folder."""
        (self._work / name).write_text(text)

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code, and what it says on both outputs.

        Raises:
            TimeoutError: it has not ended after 150 s; the message shows what it has said.
        """
        assert self._bash is not None
        assert self._bash.stdin is not None
        mark = f"<{uuid.uuid4().hex}>"
        # Braces, and no parentheses: what it sets is to stay. Without a standard input it cannot read the next ones.
        self._bash.stdin.write(f"{{ {command}\n}} </dev/null 2>&1\nprintf '{mark}%s\\n' $?\n".encode())
        self._bash.stdin.flush()
        said, code = self._read_to(mark)
        return int(code), said

    def start(self, command: str) -> None:
        """Start `agentctl run`, and return when it works.

        Raises:
            ChildProcessError: it has ended; the message shows what it has said.
        """
        log = self._directory / f"log-{len(self._beside)}"
        log.touch()
        code, process = self.run(f"(exec {command}\n) >{log} 2>&1 & echo $!")
        assert code == 0, process

        def works() -> bool:
            said = log.read_text()
            if self.run(f"kill -0 {int(process)}")[0] != 0:
                raise ChildProcessError(f"{command} has ended: {said}")
            return "caches are synced" in said

        eventually(works, 30, f"{command} works")
        self._beside.append((int(process), log))

    def _read_to(self, mark: str) -> tuple[str, str]:
        assert self._bash is not None
        assert self._bash.stdout is not None
        descriptor, said, deadline = self._bash.stdout.fileno(), b"", time.monotonic() + _SECONDS
        while True:
            text = said.decode(errors="replace")
            before, found, code = text.partition(mark)
            if found and code.endswith("\n"):
                return before, code.strip()
            if not select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"not ended after {_SECONDS:.0f} s; it said: {text}")
            more = os.read(descriptor, 65536)
            if not more:
                raise EOFError(f"the shell has ended; it said: {text}")
            said += more
