"""Builds Go programs from the module proxy into a folder, and takes files from there, once."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster.go_toolchain import GoMissingError, find_go, go_environment, required_version
from tests.e2e.cluster.progress import say

LDFLAGS = "-s -w"


class BuildError(RuntimeError):
    """The programs of the cluster cannot be provided."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program.

    Attributes:
        name: of the file that is made.
        module: the folder with the go.mod and go.sum that pin its versions.
        package: what is built.
        ldflags: for the linker.
        tags: build tags.
        cgo: whether a part of it is C.
    """

    name: str
    module: Path
    package: str
    ldflags: str = LDFLAGS
    tags: str = ""
    cgo: bool = False


def provide(
    folder: Path, programs: Sequence[Program], before: Callable[[Path, Sequence[Program]], None] | None = None
) -> None:
    """Build those programs that are not in the folder; `before` is called with the go command and what will be built.

    Raises:
        BuildError: one cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Files appear complete or not at all, so no lock is needed to see that nothing is to be done.
    if not _missing(folder, programs):
        return
    with locked(folder):
        missing = _missing(folder, programs)
        if missing:
            _build(folder, missing, before)


def go(command: Path, module: Path, *arguments: str, cgo: bool = False) -> str:
    """Run a go command in a module's folder and return its output.

    Raises:
        BuildError: it failed.
    """
    environment = go_environment() | {"CGO_ENABLED": "1" if cgo else "0"}
    run = subprocess.run(
        [command, *arguments], cwd=module, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        # The end of it: what went wrong follows a long list of downloads.
        raise BuildError(f"go {' '.join(arguments)} failed in {module}:\n{run.stderr[-4000:]}")
    return run.stdout


def module_folder(command: Path, pins: Path, module: str) -> Path:
    """Where a module that these pins name is unpacked, in the cache of the go command; it is downloaded where need be.

    Raises:
        BuildError: it cannot be downloaded.
    """
    # `go list -m` knows the folder of a module only once that has been downloaded.
    go(command, pins, "mod", "download", module)
    return Path(go(command, pins, "list", "-m", "-f", "{{.Dir}}", module).strip())


def take(folder: Path, pins: Path, module: str, names: Sequence[str]) -> list[Path]:
    """Copies, in the folder, of files of a module; what is not there is fetched.

    Args:
        folder: where they are kept.
        pins: the folder with the go.mod and go.sum that pin the module.
        module: its path.
        names: of the files, from the module's own folder on.

    Raises:
        BuildError: the module cannot be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copies = [folder / Path(name).name for name in names]
    if not all(copy.exists() for copy in copies):
        with locked(folder):
            source = module_folder(_go_for(folder, {pins}), pins, module)
            for name, copy in zip(names, copies, strict=True):
                partial = copy.with_suffix(".partial")
                partial.write_bytes((source / name).read_bytes())
                partial.replace(copy)
    return copies


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other builds out of the folder."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build into {folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _missing(folder: Path, programs: Sequence[Program]) -> list[Program]:
    return [program for program in programs if not (folder / program.name).exists()]


def _build(folder: Path, programs: Sequence[Program], before: Callable[[Path, Sequence[Program]], None] | None) -> None:
    say(f"building {', '.join(program.name for program in programs)} into {folder}")
    say("the first build of all takes some twenty minutes on two cores; later runs use what is there")
    for left_over in folder.glob("**/*.partial"):
        left_over.unlink()
    command = _go_for(folder, {program.module for program in programs})
    if before is not None:
        before(command, programs)
    for program in programs:
        started = time.monotonic()
        _build_one(command, program, folder)
        say(f"{program.name} built in {time.monotonic() - started:.0f} s")


def _go_for(folder: Path, modules: set[Path]) -> Path:
    try:
        return find_go(folder.parent, required_version(*(module / "go.mod" for module in modules)))
    except (GoMissingError, OSError, ValueError) as error:
        raise BuildError(str(error)) from error


def _build_one(command: Path, program: Program, folder: Path) -> None:
    # Named by process: the go command of a killed build may still be writing its own.
    partial = folder / f"{program.name}.{os.getpid()}.partial"
    options = ["-trimpath", "-ldflags", program.ldflags, "-tags", program.tags, "-o", str(partial)]
    go(command, program.module, "build", *options, program.package, cgo=program.cgo)
    partial.replace(folder / program.name)
