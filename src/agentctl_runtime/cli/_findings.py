"""The Agents in files, and everything that is wrong with them, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final, cast

from attrs import evolve, field, frozen

from agentctl_core import API_VERSION, KIND, Config
from agentctl_core.testing.precheck import precheck

from .._documents import Document, Flaw, read_documents
from .._yaml_errors import Place
from ._files import bytes_of
from ._output import printable

_GROUP: Final = API_VERSION.partition("/")[0]
_SUFFIXES: Final = (".yaml", ".yml", ".json")
_ALIKE: Final = 0.75
_START: Final = Place(1, 1)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@frozen
class Finding:
    """One thing that is wrong, where it is, and what to write instead.

    Attributes:
        file: `-` for the standard input.
        place: line and column.
        path: of the field; empty where it is about the file or a document.
        message: what is wrong and what to write instead.
    """

    file: str
    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        path = f"{printable(self.path)}: " if self.path else ""
        return f"{self.file}:{self.place.line}:{self.place.column}: {path}{printable(self.message)}"

    def to_json(self) -> dict[str, Any]:
        """Return it as `-o json` shows it."""
        place = {"line": self.place.line, "column": self.place.column}
        return {"file": self.file, **place, "path": self.path, "message": self.message}


@frozen(unsafe_hash=False)
class AgentInFile:
    """An Agent, or what is meant to be one.

    Attributes:
        file: the file's name.
        document: the document that holds it.
        prefix: its path in that document, where it is an item of a list.
        manifest: the Agent.
    """

    file: str
    document: Document
    prefix: str
    manifest: Mapping[str, Any]

    def finding(self, path: str, message: str) -> Finding:
        """Return what is wrong with a field of it."""
        whole = f"{self.prefix}.{path}".strip(".")
        return Finding(self.file, self.document.place(whole), whole, message)


@frozen(unsafe_hash=False)
class Read:
    """What files hold.

    Attributes:
        files: their names.
        agents: in their order.
        findings: why something could not be read.
        skipped: how many documents are of other kinds.
    """

    files: Sequence[str] = ()
    agents: Sequence[AgentInFile] = field(factory=list[AgentInFile])
    findings: Sequence[Finding] = field(factory=list[Finding])
    skipped: int = 0

    def __add__(self, other: Read) -> Read:
        """Return both, one after the other."""
        return Read(
            files=[*self.files, *other.files],
            agents=[*self.agents, *other.agents],
            findings=[*self.findings, *other.findings],
            skipped=self.skipped + other.skipped,
        )


def read_agents(names: Sequence[str]) -> Read:
    """Return the Agents in files and folders; `-` is the standard input.

    Raises:
        Failure: a file is not there, or cannot be read.
    """
    files = [file for name in names for file in _files_of(name)]
    return sum(map(_read_file, files), Read(files=files))


def look_through(read: Read, config: Config) -> list[Finding]:
    """Return everything that is wrong with what has been read, in the order of files and lines."""
    found = [*read.findings]
    for agent in read.agents:
        problems = [agent.finding(problem.path, problem.message) for problem in precheck(agent.manifest, config)]
        found += dict.fromkeys(problems)
    found += _namesakes(read.agents)
    order = {name: index for index, name in enumerate(read.files)}
    return sorted(found, key=lambda each: (order[each.file], each.place.line, each.place.column))


def _files_of(name: str) -> Sequence[str]:
    """Return a file, or those in a folder that may hold manifests."""
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        return [name]
    return [str(path) for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file()]


def _read_file(name: str) -> Read:
    content = bytes_of(name)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return Read(findings=[_undecodable(name, content, error)])
    read, is_empty = Read(), True
    for document in read_documents(text):
        is_empty = False
        if isinstance(document, Flaw):
            read += Read(findings=[Finding(name, document.place, document.path, document.message)])
        else:
            flaws = [Finding(name, flaw.place, flaw.path, flaw.message) for flaw in document.flaws]
            found = _sort(name, document, document.value, "")
            read += evolve(found, findings=[*found.findings, *(flaws if found.agents else [])])
    if is_empty:
        return Read(
            findings=[Finding(name, _START, "", "holds nothing; `agentctl init` writes an Agent to start from")]
        )
    return read


def _undecodable(name: str, content: bytes, error: UnicodeDecodeError) -> Finding:
    if content[:2] in _UTF16:
        return Finding(name, _START, "", "is in UTF-16; save it as UTF-8")
    before = content[: error.start].decode("utf-8")
    place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
    return Finding(name, place, "", f"the byte 0x{content[error.start]:02x} is no UTF-8; save the file as UTF-8")


def _sort(name: str, document: Document, value: object, prefix: str) -> Read:
    """Tell Agents from other kinds, in lists too."""
    place = document.place(prefix)
    if not isinstance(value, Mapping):
        told = "must be an object with apiVersion, kind, metadata and spec"
        return Read(findings=[Finding(name, place, prefix, told)])
    manifest = cast("Mapping[str, Any]", value)
    kind, items = manifest.get("kind"), manifest.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        paths = (
            (f"{prefix}.items[{index}]".strip("."), item) for index, item in enumerate(cast("list[object]", items))
        )
        return sum((_sort(name, document, item, path) for path, item in paths), Read())
    if _is_meant(manifest):
        return Read(agents=[AgentInFile(name, document, prefix, manifest)])
    return Read(skipped=1)


def _is_meant(manifest: Mapping[str, Any]) -> bool:
    """Tell whether an object is an Agent of ours, or is meant to be: others have a kind of that name, too."""
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if not isinstance(version, str):
        spec: object = manifest.get("spec")
        return kind == KIND or (kind is None and isinstance(spec, Mapping) and "image" in spec)
    group = version.partition("/")[0]
    if kind is None or str(kind).lower() in (KIND.lower(), "agents"):
        return "/" not in version or SequenceMatcher(None, group, _GROUP).ratio() >= _ALIKE
    return group == _GROUP


def _namesakes(agents: Sequence[AgentInFile]) -> Iterator[Finding]:
    """Yield the Agents of one file that have the name of an earlier one: whichever is applied last would win."""
    first: dict[tuple[str, str, str], AgentInFile] = {}
    for agent in agents:
        metadata: object = agent.manifest.get("metadata")
        named = cast("Mapping[str, Any]", metadata) if isinstance(metadata, Mapping) else dict[str, Any]()
        if not isinstance(named.get("name"), str):
            continue
        key = (agent.file, str(named.get("namespace") or "default"), str(named["name"]))
        earlier = first.setdefault(key, agent)
        if earlier is not agent:
            line = earlier.finding("metadata.name", "").place.line
            yield agent.finding("metadata.name", f"is the name of the Agent in line {line}, too; choose another")
