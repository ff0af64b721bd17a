"""Writes tests/golden/api.txt: what others may import and call, with types and defaults.

    python -m tools.public_api

A test compares it, so that whatever breaks those who use it is seen in review.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import attrs
import griffe

from agentctl_core._config import VERSION

ROOT: Final = Path(__file__).resolve().parent.parent
LISTING: Final = ROOT / "tests" / "golden" / "api.txt"
PACKAGE: Final = "agentctl_core"
_LONG: Final = 60
_SIMPLE: Final = (bool, int, float, str, tuple, type(None))


def public_api() -> str:
    """Return a line for each name: modules, then what each exports, with members of classes indented."""
    loader = griffe.GriffeLoader(search_paths=[ROOT / "src"])
    package = cast("griffe.Module", loader.load(PACKAGE))
    loader.resolve_aliases()
    return "".join(f"{line}\n" for module in _public(package) for line in _of_module(module))


def _public(module: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a module, and those within it whose names are public and that export something."""
    if module.exports:
        yield module
    for name, inner in sorted(module.modules.items()):
        if not name.startswith("_") and not inner.is_alias:
            yield from _public(inner)


def _of_module(module: griffe.Module) -> Iterator[str]:
    yield module.path
    for name in sorted(str(each) for each in module.exports or ()):
        found = module[name]
        target = found.final_target if isinstance(found, griffe.Alias) else found
        if isinstance(target, griffe.Class):
            yield from _of_class(name, target, getattr(import_module(module.path), name))
        elif isinstance(target, griffe.Function):
            yield f"  def {_called(target, name)}"
        else:
            yield f"  {name}{_constant(target)}"


def _of_class(name: str, described: griffe.Class, cls: type[Any]) -> Iterator[str]:
    bases = ", ".join(str(base) for base in described.bases)
    yield f"  class {name}({bases})" if bases else f"  class {name}"
    fields = {field.name: field for field in attrs.fields(cls)} if attrs.has(cls) else {}
    if fields:
        yield f"    {name}({', '.join(_parameters(cls))})"
    for each, found in sorted(described.all_members.items()):
        member = found.final_target if isinstance(found, griffe.Alias) else found
        if each.startswith("_") and each != "__init__":
            continue
        if isinstance(member, griffe.Function):
            yield f"    def {_called(member, each)}"
        elif isinstance(member, griffe.Attribute) and each != "RULES":
            yield f"    {each}{_constant(member) if _is_constant(member) else _annotation(member)}"


def _parameters(cls: type[Any]) -> Iterator[str]:
    """Yield the parameters that attrs gives a class."""
    only_named = False
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not only_named:
            only_named = True
            yield "*"
        yield f"{parameter.name}{_default(parameter.default)}"


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return ""
    return f"={value!r}".replace(VERSION, "VERSION") if isinstance(value, _SIMPLE) else "=..."


def _annotation(described: Any) -> str:
    return f": {described.annotation}" if described.annotation is not None else ""


def _is_constant(described: griffe.Attribute) -> bool:
    return "class-attribute" in described.labels and "instance-attribute" not in described.labels


def _constant(described: Any) -> str:
    """Return type and value of what is no field: of a long value the type alone."""
    value = str(described.value)
    is_told = described.value is not None and len(value) <= _LONG
    return _annotation(described) + (f" = {value}" if is_told else "")


def _called(function: griffe.Function, name: str) -> str:
    return f"{name}{function.signature().removeprefix(function.name)}"


if __name__ == "__main__":
    LISTING.write_text(public_api(), "utf-8")
