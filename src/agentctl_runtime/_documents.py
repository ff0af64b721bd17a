"""Documents of YAML and JSON as kubectl reads them, and the place of everything in them.

kubectl reads YAML 1.1 with some of 1.2: `yes` is a boolean, `0o17` a number, while `12:30` and a time are texts. JSON
is read as what it is: YAML has other escapes, and is slow.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import yaml
from attrs import frozen

from ._yaml_errors import Place, told_error

MOST_VALUES: Final = 5_000_000
"""On one level of nesting: aliases of YAML can stand for more than any computer holds."""
MOST_DEPTH: Final = 100
"""Levels of nesting: no object of Kubernetes' has as many."""
_TOO_DEEP: Final = f"nested more than {MOST_DEPTH} levels deep"
_SEPARATOR: Final = re.compile(r"^---(?=\s|$)[ \t]*(?P<rest>[^#\s].*)?", re.MULTILINE)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@frozen
class Flaw(Exception):  # noqa: N818 -- what it is
    """What a text has that keeps it, or a part of it, from being read.

    Attributes:
        place: where that is.
        message: what is wrong, and what to write instead.
        path: of the field, where it is about one.
    """

    place: Place
    message: str
    path: str = ""

    def __str__(self) -> str:
        return f"line {self.place.line}, column {self.place.column}: {self.message}"


class Document:
    """One document.

    Attributes:
        value: made of dicts, lists and scalars of JSON, in bounded size.
        flaws: what it says twice.
    """

    def __init__(self, value: object, text: str, start: Place, node: yaml.Node | None, flaws: tuple[Flaw, ...]) -> None:
        self.value = value
        self.flaws = flaws
        self._text, self._start, self._node = text, start, node

    def place(self, path: str) -> Place:
        """Return where a field is: the place of its name, or of its item; of one that is not there, its parent's."""
        node = self._root
        found = self._start if node is None else self._start.moved(node.start_mark)
        while node is not None and path:
            step = _longest_step(node, path)
            if step is None:
                break
            mark, node, path = step
            found = self._start.moved(mark)
        return found

    @cached_property
    def _root(self) -> yaml.Node | None:
        """The tree; of JSON made when it is asked for, with other characters for those that YAML does not take."""
        if self._node is not None:
            return self._node
        try:
            return yaml.compose(_SURROGATE.sub(r"\\u0020", self._text), _Loader)
        except (yaml.YAMLError, RecursionError):
            return None


def read_documents(text: str) -> Iterator[Document | Flaw]:
    """Yield the documents that hold anything, in their order, and instead of those that cannot be read, why.

    Documents are told apart before they are read, as kubectl does: what is wrong with one does not hide the others.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield from [*_json_documents(text)]
        except (ValueError, RecursionError):
            pass  # YAML may be written in braces, too
        else:
            return
    separators = list(_SEPARATOR.finditer(text))
    starts = [0, *(match.start() for match in separators)]
    for start, separator, end in zip(starts, [None, *separators], [*starts[1:], len(text)], strict=True):
        piece, place = text[start:end], Place(text.count("\n", 0, start) + 1, 1)
        if separator is not None and separator["rest"]:
            yield Flaw(place, "a text after '---', which kubectl does not take; write it on the next line")
        elif any(line.strip() and line[0] not in "#%" for line in piece.splitlines()):
            yield from _yaml_documents(piece, place)


def _json_documents(text: str) -> Iterator[Document]:
    """Yield the documents of JSON, one after another. Raises ValueError: it is none."""
    decoder = json.JSONDecoder()
    start = len(text) - len(text.lstrip())
    while start < len(text):
        value, end = decoder.raw_decode(text, start)
        line = text.count("\n", 0, start)
        column = start - (text.rfind("\n", 0, start) + 1)
        yield Document(_checked(value), text[start:end], Place(line + 1, column + 1), None, ())
        start = end + len(text[end:]) - len(text[end:].lstrip())


def _yaml_documents(text: str, start: Place) -> Iterator[Document | Flaw]:
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = cast("yaml.Node", loader.get_node())  # there is one: its stubs do not know
            loader.doubles.clear()
            value = _checked(cast("Any", loader).construct_document(node))
            if value is not None:
                flaws = tuple(_double(node, start, *double) for double in loader.doubles)
                yield Document(value, text, start, node, flaws)
    except yaml.YAMLError as error:
        yield Flaw(*told_error(error, text, start))
    except (ValueError, RecursionError) as error:
        yield Flaw(start, f"{error}" if isinstance(error, ValueError) else _TOO_DEEP)


def _double(root: yaml.Node, start: Place, key: yaml.ScalarNode, first: yaml.ScalarNode) -> Flaw:
    line = start.moved(first.start_mark).line
    message = f"stands here for the second time (first in line {line}); leave one out"
    return Flaw(start.moved(key.start_mark), message, _path_of(root, key) or key.value)


def _path_of(root: yaml.Node, key: yaml.Node) -> str | None:
    """Return the path of a field by the node of its name."""
    seen: set[int] = set()
    level: list[tuple[str, yaml.Node]] = [("", root)]
    while level:
        path, node = level.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for segment, name, child in _steps(node):
            if name is key:
                return f"{path}{segment}".removeprefix(".")
            level.append((f"{path}{segment}", child))
    return None


def _steps(node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield what a path goes on with below a node: its text, and the nodes of the name and the value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            yield f".{key.value}", key, value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(cast("list[yaml.Node]", node.value)):
            yield f"[{index}]", item, item


def _longest_step(node: yaml.Node, path: str) -> tuple[yaml.Mark, yaml.Node, str] | None:
    """Return where a path leads to first from a node: the mark, the node, and the rest of the path."""
    path = path if path[:1] in (".", "[") else f".{path}"
    found = [
        (len(text), name.start_mark, child)
        for segment, name, child in _steps(node)
        for text in (segment, f"[{segment[1:]}]")  # of a field, and of an entry of a map
        if path.startswith(text) and path[len(text) : len(text) + 1] in ("", ".", "[")
    ]
    if not found:
        return None
    length, mark, child = max(found, key=lambda each: each[0])
    return mark, child, path[length:]


def _checked(value: object) -> object:
    """Return a value that JSON could hold, of a bounded size. Raises ValueError for any other."""
    level: list[object] = [value]
    for _ in range(MOST_DEPTH):
        level = list(islice((child for item in level for child in _children(item)), MOST_VALUES + 1))
        if not level:
            return value
        if len(level) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values; leave out the aliases that stand for so many")
    raise ValueError(_TOO_DEEP)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[object, object]", value).values()
    if isinstance(value, list):
        return cast("list[object]", value)
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return ()
    raise ValueError(f"{value!r} is nothing that JSON has; write it in quotes")


_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = (
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (
        "bool",
        r"[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        "yYnNtTfFoO",
    ),
    ("int", r"[-+]?(?:0b[01_]+|0|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
"""What a word without quotes is, if it is no text: its type, how it is written, and how it may begin."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name, pattern, firsts in _PLAIN:
        for first in firsts:
            found.setdefault(first, []).append((f"{_TAG}{name}", re.compile(f"^(?:{pattern})$")))
    return found


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times as fast, where it is there


class _Loader(_Base):
    """Reads YAML as kubectl does.

    Attributes:
        doubles: the names that stand twice in one object: the later node and the earlier one.
    """

    yaml_implicit_resolvers = _resolvers()
    bool_values: ClassVar[dict[str, bool]] = {**_Base.bool_values, "y": True, "n": False}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.doubles: list[tuple[yaml.ScalarNode, yaml.ScalarNode]] = []
        self._depth = 0
        self._flat: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put in what `<<` refers to; called for each object before its entries are looked at."""
        if id(node) in self._flat:
            return
        self._flat.add(id(node))
        first: dict[str, yaml.ScalarNode] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                told = "the name of a field is an object or a list"
                raise yaml.constructor.ConstructorError(
                    "while constructing a mapping", node.start_mark, told, key.start_mark
                )
            if key.value in first and key.tag != f"{_TAG}merge":
                self.doubles.append((key, first[key.value]))
            first.setdefault(key.value, key)
        super().flatten_mapping(node)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- PyYAML's signature
        """Return an object; like kubectl, with texts as names."""
        self.flatten_mapping(node)
        construct = cast("Any", self).construct_object
        return {_name(construct(key)): construct(value, deep=deep) for key, value in node.value}

    # Called for each node: libyaml's composer ends the process where its own recursion goes too deep.

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:  # noqa: ARG002 -- nothing is to be resolved
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise yaml.YAMLError(_TOO_DEEP)

    def ascend_resolver(self) -> None:
        self._depth -= 1


def _name(key: object) -> str:
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
        case _:
            raise ValueError(f"the name {key!r} of a field is no text; write it in quotes")
