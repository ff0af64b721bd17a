"""`agentctl completion` in zsh and fish, from Debian's packages; the unit tests have bash."""

from __future__ import annotations

import os
import platform
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl_runtime.cli._group import COMMANDS
from tests.e2e.cluster.debian import unpacked, why_not_unpacked

_PACKAGES = ("zsh", "fish")
_ZSHRC = """
module_path=({libraries}/zsh/*) fpath=({root}/usr/share/zsh/functions/**/*(/N))
autoload -Uz compinit && compinit -D -u
source <(agentctl completion zsh)
complete-and-tell() {{ zle complete-word; print -r -- "<$BUFFER>"; BUFFER= }}
zle -N complete-and-tell && bindkey '^I' complete-and-tell
"""
_FISH = """
set --prepend fish_function_path {root}/usr/share/fish/functions
agentctl completion fish | source
for line in $argv
    complete --do-complete $line
    echo ==
end
"""


@pytest.fixture(scope="module")
def root() -> Path:
    """The folder that the shells are unpacked in; skipped where they cannot be had."""
    if (reason := why_not_unpacked(_PACKAGES)) is not None:
        pytest.skip(reason)
    return unpacked(_PACKAGES)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with one file."""
    (tmp_path / "researcher.yaml").touch()
    return tmp_path


def libraries(root: Path) -> Path:
    return root / f"usr/lib/{platform.machine()}-linux-gnu"


def environment(root: Path, home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "TERM": "dumb", "LD_LIBRARY_PATH": str(libraries(root))}


def test_zsh_completes_commands_options_values_and_files(root: Path, files: Path, tmp_path: Path) -> None:
    expected = {
        "agentctl pl": "agentctl plan ",
        "agentctl plan --upg": "agentctl plan --upgrade ",
        "agentctl plan -o j": "agentctl plan -o json ",
        "agentctl plan --output=j": "agentctl plan --output=json ",
        "agentctl render re": "agentctl render researcher.yaml ",
        "agentctl explain re": "agentctl explain re",
    }
    (tmp_path / ".zshrc").write_text(_ZSHRC.format(root=root, libraries=libraries(root)))
    terminal, end = pty.openpty()
    zsh = subprocess.Popen(
        [root / "bin/zsh", "-i"], stdin=end, stdout=end, stderr=end, start_new_session=True,
        cwd=files, env=environment(root, tmp_path),
    )  # fmt: skip
    os.close(end)
    os.write(terminal, "".join(f"{line}\t" for line in expected).encode() + b"exit\r")
    with zsh, os.fdopen(terminal, "rb", buffering=0) as reader:
        said = read(reader.fileno())
    assert re.findall("<(.*?)>", said) == list(expected.values())


def read(terminal: int) -> str:
    """Return what is written to a terminal until nobody has it open any more, or a minute has passed in silence."""
    said = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # so Linux says that nobody has it open
            break
    return said.decode()


def test_fish_completes_commands_options_values_and_files(root: Path, files: Path, tmp_path: Path) -> None:
    expected = {
        "agentctl r": [f"{name}\t{COMMANDS[name]}" for name in ("render", "replay", "run")],
        "agentctl plan --upg": ["--upgrade\tTell how this version would treat the Agents that run."],
        "agentctl plan -o j": ["json"],
        "agentctl plan --output=j": ["--output=json"],
        "agentctl render re": ["researcher.yaml"],
        "agentctl explain re": [],
    }
    command = [str(root / "usr/bin/fish"), "--no-config", "-c", _FISH.format(root=root), *expected]
    said = subprocess.run(
        command, env=environment(root, tmp_path), cwd=files, capture_output=True, text=True, check=True
    )
    assert said.stderr == ""
    assert [each.splitlines() for each in said.stdout.split("==\n")[:-1]] == list(expected.values())
