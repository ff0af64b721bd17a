"""Write the Go types of the built-in kinds that the model cluster has, from Kubernetes' own sources.

Usage: python -m tools.embed_go_types PATH/TO/k8s.io/api PATH/TO/k8s.io/apimachinery VERSION
The folders are those of the modules in Go's module cache. What is written: src/agentctl_core/testing/_go_types.py.
Unlike the OpenAPI document, the sources tell which fields are pointers, and which are left out where they are empty:
what the API server makes of `false`, `0`, `""` and `[]`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOTS = (
    "core.Pod", "core.Binding", "core.ConfigMap", "core.Secret", "core.Service", "core.PersistentVolumeClaim",
    "core.Namespace", "events.Event", "coordination.Lease", "autoscaling.Scale", "meta.DeleteOptions",
)  # fmt: skip
TARGET = Path(__file__).parents[1] / "src/agentctl_core/testing/_go_types.py"
SCALARS = frozenset(
    [
        "string",
        "bool",
        "types.UID",
        "int32",
        "int64",
        "int",
        "byte",
        "[]byte",
        "resource.Quantity",
        "intstr.IntOrString",
        "meta.Time",
        "meta.MicroTime",
        "meta.FieldsV1",
    ]
)
"""What the codec reads by itself."""
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^type (\w+) ([^\s{]+)$", re.MULTILINE)
_FIELD = re.compile(r'^\t(?:(\w+)\s+)?([^\s`]+)\s+`json:"([^"]*)"([^`]*)`', re.MULTILINE)
_PACKAGES = {"v1": "core", "corev1": "core", "metav1": "meta"}


def read(source: str, package: str) -> tuple[dict[str, list[tuple[str, str, str]]], dict[str, str]]:
    """Return the structs of a file, each with its fields (type, tag, other tags), and its other named types."""
    structs = {
        f"{package}.{name}": [(field[2], field[3], field[4]) for field in _FIELD.finditer(body)]
        for name, body in _STRUCT.findall(source)
    }
    return structs, {f"{package}.{name}": kind for name, kind in _NAMED.findall(source)}


def qualified(kind: str, package: str) -> str:
    """Return a Go type with its package: `[]Container` in core is `[]core.Container`."""
    if kind in SCALARS:
        return kind
    if match := re.fullmatch(r"(\*|\[\]|map\[\w+\])(.+)", kind):
        return re.sub(r"map\[\w+\]", "map[string]", match[1]) + qualified(match[2], package)
    prefix, _, name = kind.rpartition(".")
    return f"{_PACKAGES.get(prefix, prefix) or package}.{name}"


class Types:
    """All types of some files, and what of them the roots need."""

    def __init__(self) -> None:
        self.structs: dict[str, list[tuple[str, str, str]]] = {}
        self.named: dict[str, str] = {}

    def add(self, path: Path, package: str) -> None:
        """Read a file."""
        structs, named = read(path.read_text(), package)
        self.structs |= structs
        self.named |= named

    def fields(self, name: str) -> Iterator[tuple[str, str, str | None]]:
        """Yield the name in JSON, the type and the key by which lists are merged; embedded structs are spread.

        The key is empty for lists of scalars, and None for what is replaced.
        """
        package = name.partition(".")[0]
        for kind, tag, others in self.structs[name]:
            full = qualified(kind, package)
            called, *options = tag.split(",")
            if "inline" in options or (not called and not options):
                embedded = full.lstrip("*")
                within = f" in {embedded.partition('.')[2]}"
                yield from ((inner, code + within, key) for inner, code, key in self.fields(embedded))
                continue
            found = re.search(r'patchMergeKey:"(\w+)"', others)
            key = found[1] if found else ""
            merge = key if 'patchStrategy:"merge' in others and full.startswith("[]") else None
            always = "" if "omitempty" in options or "omitzero" in options else "!"
            if "omitzero" in options:
                always = "?"
            yield called, full + always, merge


def collect(types: Types) -> tuple[dict[str, dict[str, str]], dict[str, str], dict[str, str]]:
    """Return the structs that the roots reach, the named types, and the keys of merged lists by `struct.field`."""
    structs: dict[str, dict[str, str]] = {}
    named: dict[str, str] = {}
    merged: dict[str, str] = {}
    pending = list(ROOTS)
    while pending:
        name = pending.pop()
        if name in SCALARS or name in structs or name in named:
            continue
        if name in types.structs:
            structs[name] = {}
            for called, kind, key in types.fields(name):
                structs[name][called] = kind
                if key is not None:
                    merged[f"{name}.{called}"] = key
        else:
            named[name] = qualified(types.named[name], name.partition(".")[0])
        for kind in structs.get(name, {"": named.get(name, "")}).values():
            inner = kind.partition(" ")[0].rstrip("!?")
            while inner not in SCALARS and (shorter := re.sub(r"^(\*|\[\]|map\[string\])", "", inner)) != inner:
                inner = shorter
            pending.append(inner)
    return dict(sorted(structs.items())), dict(sorted(named.items())), dict(sorted(merged.items()))


def main(api: str, apimachinery: str, version: str) -> None:
    """Write the module from the sources in the two folders, which are those of Kubernetes `version`."""
    types = Types()
    for package, group in (("core", "core"), ("events", "events"), ("coordination", "coordination")):
        types.add(Path(api, group, "v1", "types.go"), package)
    types.add(Path(api, "autoscaling", "v1", "types.go"), "autoscaling")
    types.add(Path(apimachinery, "pkg/apis/meta/v1/types.go"), "meta")
    for name in ("meta.Time", "meta.MicroTime"):
        types.structs.pop(name, None)
    structs, named, merged = collect(types)
    lines = ["STRUCTS: Final[dict[str, dict[str, str]]] = {"]
    for name, fields in structs.items():
        lines += [f'    "{name}": {{', *(f'        "{called}": "{kind}",' for called, kind in fields.items()), "    },"]
    lines.append("}")
    text = (
        f'"""Go types of built-in kinds, from Kubernetes {version}.\n\nGenerated by tools/embed_go_types.py;'
        " a `!` after a type says that the field is written even where it is\nempty, a `?` that an empty struct"
        " is left out; after `in` stands the struct that is embedded there.\n"
        '"""\n\nfrom typing import Final\n\n'
        + "\n".join(lines)
        + f"\nNAMED: Final[dict[str, str]] = {named!r}\nMERGE_KEYS: Final[dict[str, str]] = {merged!r}\n"
    )
    TARGET.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
