"""Records what an operator decides, for `agentctl replay`: one line of a file for each decision.

The operator is never held up: its loop makes the line, a thread of its own writes it, and where the file cannot take
more, lines are lost and that is said.
"""

from __future__ import annotations

import os
import platform
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

import msgspec
import structlog

from agentctl_core import Action, Config, Observed, Requeue
from agentctl_core.testing.replay import Record, encode, header_line, to_line

from ._key import Key
from ._store import Manifest, key_of

MOST_WAITING: Final = 64 * 2**20
"""Bytes that may wait for a slow disk; what comes then is lost."""
MOST_AGENTS: Final = 10_000
"""Of so many Agents the last decision is remembered; of others it may be recorded twice."""
CLOSE_SECONDS: Final = 5.0
"""How long what waits may take to be written once the operator ends."""

_log = structlog.get_logger()


class Recorder:
    """Appends decisions to a file, which is made for its owner alone; each start appends a header, too.

    A decision is recorded when it is another than the Agent's last one: another version of the Agent or of an object
    that was observed, or another plan. The same again at a later time says nothing new, and the time that a `Requeue`
    waits for is no other plan; so an operator that waits writes nothing, and one that is settled has its last word,
    the empty plan, in the record.

    Args:
        file: its path.
        config: what the operator decides by.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, file: Path, config: Config) -> None:
        self._path = file
        self._config = config
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._last: OrderedDict[Key, int] = OrderedDict()  # the Agent decided on longest ago comes first
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = Lock()  # of the two numbers
        self._waiting = 0
        self._lost = 0
        # What another operator, or a full disk, has left in the file may lack its end.
        self._torn = os.fstat(self._file).st_size > 0
        self._thread = Thread(target=self._write_all, name="recorder", daemon=True)
        self._thread.start()
        self._put(header_line(datetime.now(UTC), python=platform.python_version()))

    def decided(self, manifest: Manifest, observed: Observed, actions: tuple[Action, ...]) -> None:
        """Record a decision: a `Listener` of the operator. Never raises, never waits."""
        if not self._is_news(manifest, observed, actions):
            return
        try:
            line = _line_of(Record(manifest, observed, self._config, actions))
        except Exception as error:  # noqa: BLE001 -- whatever it is, the operator goes on
            self._lose(error)
        else:
            self._put(line)

    def close(self) -> None:
        """Write what still waits, for `CLOSE_SECONDS` at the most."""
        self._lines.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            _log.warning("the last decisions are not recorded", file=str(self._path), bytes=self._waiting)
        else:
            os.close(self._file)

    def _is_news(self, manifest: Manifest, observed: Observed, actions: tuple[Action, ...]) -> bool:
        seen = [_version_of(item) for item in (manifest, *observed.objects)]
        plan = [type(action) if isinstance(action, Requeue) else action for action in actions]
        decision = hash(repr((seen, observed.images, plan)))
        key = key_of(manifest)
        is_news = self._last.pop(key, None) != decision
        self._last[key] = decision
        if len(self._last) > MOST_AGENTS:
            self._last.popitem(last=False)
        return is_news

    def _put(self, line: bytes) -> None:
        with self._lock:
            has_room = self._waiting + len(line) <= MOST_WAITING
            self._waiting += len(line) if has_room else 0
        if has_room:
            self._lines.put(line)
        else:
            self._lose(BlockingIOError("the disk does not keep up"))

    def _lose(self, error: Exception) -> None:
        with self._lock:
            self._lost += 1
            is_first = self._lost == 1
        if is_first:
            _log.error("decisions are not recorded", file=str(self._path), error=f"{type(error).__name__}: {error}")

    def _write_all(self) -> None:
        is_written = False
        while (line := self._lines.get()) is not None:
            try:
                self._write(line)
            except OSError as error:
                is_written = False
                self._lose(error)
            else:
                is_written = True
                # Not amid a burst: it would be told again and again.
                if self._lines.empty():
                    self._tell_recovery()
            with self._lock:
                self._waiting -= len(line)
        if is_written:
            self._tell_recovery()

    def _write(self, line: bytes) -> None:
        """Write a line in one piece: with O_APPEND it stands whole between those of other writers."""
        left = memoryview(b"\n" + line if self._torn else line)
        self._torn = True
        while left:
            left = left[os.write(self._file, left) :]
        self._torn = False

    def _tell_recovery(self) -> None:
        with self._lock:
            lost, self._lost = self._lost, 0
        if lost:
            _log.warning("decisions are recorded again", file=str(self._path), lost=lost)


def _version_of(manifest: Manifest) -> object:
    """Return what tells one version of an object from all others; of what is no object (a refusal), all of it."""
    metadata: Manifest = manifest.get("metadata") or {}
    version = metadata.get("uid"), metadata.get("resourceVersion")
    return manifest if None in version else version


def _line_of(record: Record) -> bytes:
    try:
        return msgspec.json.encode(encode(record)) + b"\n"
    except (ValueError, TypeError, OverflowError, RecursionError):
        return to_line(record)  # ten times as slow, but it takes lone surrogates, any number and any Mapping
