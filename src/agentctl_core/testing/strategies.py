"""Hypothesis strategies for Agents, made from the schema that the API server checks them by.

    @given(agents())
    def test(manifest): ...

Needs `pip install agentctl[testing]`; nothing else in this package imports hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from attrs import frozen
from hypothesis import strategies as st

from .._agent import API_VERSION, KIND, schema_of
from .._core_v1 import CORE_V1
from .._image import ImageConfig, ImageInfo
from .._spec import AgentSpec
from ._mend import mend
from ._mutations import KINDS, Mutation, mutations
from ._samples import FORBIDDEN, FREE, MAPS, NEEDED, NOT_EMPTY, ONE_OF, SAMPLES

JsonObject: TypeAlias = dict[str, Any]
Schema: TypeAlias = Mapping[str, Any]

__all__ = ["FIELDS", "UNREACHABLE", "Broken", "agents", "broken_agents", "fields_of", "images", "json_values"]

_SPEC: Final = schema_of(AgentSpec)
_ROOMS: Final = (5, 3, 2, 1)
"""How many optional fields an object may have at most, by depth: Agents stay small enough to be read."""
_TEXT: Final = st.text(max_size=6) | st.sampled_from(["$(A)", "$$(A)", "$$$", "--", "-c", "a b", "'\"", "\\", "\n"])
_SOURCES: Final = frozenset(CORE_V1["Volume"]["properties"]) - {"name", "hostPath"}


def _leaves(schema: Schema, path: str) -> Iterator[str]:
    if reference := schema.get("$ref"):
        schema = CORE_V1[reference]
    if "properties" in schema:
        for name, child in schema["properties"].items():
            yield from _leaves(child, f"{path}.{name}")
    elif schema.get("type") == "array":
        yield from _leaves(schema["items"], f"{path}[]")
    elif "additionalProperties" in schema:
        yield from _leaves(schema["additionalProperties"], f"{path}{{}}")
    else:
        yield path


def _is_forbidden(path: str) -> bool:
    return any(path == part or path.startswith((f"{part}.", f"{part}[", f"{part}{{")) for part in FORBIDDEN)


_ALL: Final = tuple(_leaves(_SPEC, "spec"))
FIELDS: Final = tuple(path for path in _ALL if not _is_forbidden(path))
"""Every leaf of the schema that a valid Agent can have: `[]` is any item of a list, `{}` any entry of a map."""
UNREACHABLE: Final = tuple(path for path in _ALL if _is_forbidden(path))
"""The leaves that no valid Agent has: the pod API or the default policy refuses them."""


def fields_of(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Return which of the schema's leaves an Agent has."""
    return frozenset(_present(manifest["spec"], "spec"))


def _present(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        fields = cast("JsonObject", value)
        in_map = f"{path}{{}}" in _MAP_PATHS
        for name, child in fields.items():
            yield from _present(child, f"{path}{{}}" if in_map else f"{path}.{name}")
    elif isinstance(value, list):
        for child in cast("list[object]", value):
            yield from _present(child, f"{path}[]")
    else:
        yield path


_MAP_PATHS: Final = frozenset(path for path in _ALL if path.endswith("{}"))


@st.composite
def agents(draw: st.DrawFn, *, exercising: str | None = None, namespace: str = "default") -> JsonObject:
    """Return valid Agents, as a person writes them, whose pods the API server accepts under the default policy.

    They name objects that need not be there (claims, config maps, images), as manifests do.

    Args:
        draw: given by hypothesis.
        exercising: one of `FIELDS`, which every Agent then has; any by default.
        namespace: where they are.
    """
    field = exercising or draw(st.sampled_from(FIELDS))
    name = draw(st.sampled_from(["a", "agent-1", "0", "x" * 63]))
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": draw(_value(_SPEC, "spec", "spec", _steps(field)[1:])),
    }
    return mend(manifest)


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.replace("[]", ".[]").replace("{}", ".{}").split("."))


def _value(schema: Schema, key: str, path: str, must: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Return the values of a schema.

    Args:
        schema: where they are valid.
        key: `Type.field`, by which samples are found.
        path: the same as in `FIELDS`.
        must: the steps to a leaf that has to be there.
    """
    samples = SAMPLES.get(_plain(path)) or SAMPLES.get(key)
    if reference := schema.get("$ref"):
        samples = samples or SAMPLES.get(reference)
        schema, key = CORE_V1[reference], reference if "properties" in CORE_V1[reference] else key
    if "properties" in schema:
        return _object(schema, key, path, must)
    if schema.get("type") == "array":
        return _list(schema, key, path, must)
    if "additionalProperties" in schema:
        return _map(schema, key, path, must)
    if samples is not None:
        return st.sampled_from(samples)
    return _TEXT if key in FREE or _plain(path) in FREE else _scalar(schema)


def _plain(path: str) -> str:
    return path.replace("[]", "").replace("{}", "")


@st.composite
def _object(draw: st.DrawFn, schema: Schema, key: str, path: str, must: tuple[str, ...]) -> JsonObject:
    properties: Mapping[str, Schema] = schema["properties"]
    wanted = must[:1]
    alternatives = _SOURCES if key == "Volume" else ONE_OF.get(key, frozenset[str]())
    chosen = [*schema.get("required", ()), *NEEDED.get(key, ()), *wanted]
    if alternatives and not alternatives.intersection(wanted):
        chosen.append(draw(st.sampled_from(sorted(alternatives))))
    rest = [n for n in properties if n not in {*chosen, *alternatives} and not _is_forbidden(f"{path}.{n}")]
    if rest and key != "Volume":
        room = _ROOMS[min(path.count("."), len(_ROOMS) - 1)]
        chosen += draw(st.lists(st.sampled_from(rest), max_size=room, unique=True))
    return {
        name: draw(_value(properties[name], f"{key}.{name}", f"{path}.{name}", must[1:] if name in wanted else ()))
        for name in dict.fromkeys(chosen)
    }


def _list(schema: Schema, key: str, path: str, must: tuple[str, ...]) -> st.SearchStrategy[list[Any]]:
    item = _value(schema["items"], key, f"{path}[]", ())
    keys: list[str] = schema.get("x-kubernetes-list-map-keys", [])
    is_set = schema.get("x-kubernetes-list-type") == "set"
    first = [_value(schema["items"], key, f"{path}[]", must[1:])] if must else []
    least = max(0, schema.get("minItems", int(key in NOT_EMPTY)) - len(first))
    rest = st.lists(item, min_size=least, max_size=max(least, 2 - len(first)))
    found = st.tuples(*first, rest).map(lambda parts: [*parts[:-1], *parts[-1]])
    return found if not keys and not is_set else found.map(lambda items: _distinct(items, keys))


def _distinct(items: list[Any], keys: list[str]) -> list[Any]:
    """Return the items without those that have the keys of an earlier one; without `keys`, that equal it."""
    defaults = {"protocol": "TCP"}
    by_keys: dict[tuple[Any, ...], Any] = {}
    for item in items:
        identity = tuple(item.get(key, defaults.get(key)) for key in keys) or (item,)
        by_keys.setdefault(identity, item)
    return list(by_keys.values())


def _map(schema: Schema, key: str, path: str, must: tuple[str, ...]) -> st.SearchStrategy[JsonObject]:
    entries = MAPS.get(_plain(path)) or MAPS[key]
    required = frozenset(schema.get("required", ()))
    values = {name: st.sampled_from(samples) for name, samples in entries.items()}
    fixed = {name: value for name, value in values.items() if name in required}
    found = st.fixed_dictionaries(fixed, optional={n: v for n, v in values.items() if n not in required})
    return found.filter(bool) if must else found


def _scalar(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return st.sampled_from(["1Gi", "1", 1, "500M", "1e3"])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 100)
            return st.sampled_from(sorted({low, high, min(low + 1, high), min(low + 30, high)}))
        case _:
            return st.sampled_from(["a", "b"])


@st.composite
def images(draw: st.DrawFn) -> ImageInfo:
    """Return what registries say about images that name a command, the same one on every platform."""
    words = st.lists(_TEXT, max_size=3)
    entrypoint = draw(st.lists(_TEXT, min_size=1, max_size=3))
    config = ImageConfig(entrypoint, draw(words), draw(st.sampled_from(["", "65532", "agent"])))
    others = draw(st.lists(st.sampled_from(["linux/arm64", "linux/arm/v7"]), unique=True))
    digest = draw(st.integers(0, 2**256 - 1))
    return ImageInfo(f"sha256:{digest:064x}", dict.fromkeys(("linux/amd64", *others), config))


@frozen(unsafe_hash=False)
class Broken:
    """An Agent with one thing wrong, which the schema refuses.

    Attributes:
        manifest: the Agent.
        path: where it is wrong, as `Problem.path` tells it.
        kind: how, for example `wrong type`.
    """

    manifest: JsonObject
    path: str
    kind: str


@st.composite
def broken_agents(draw: st.DrawFn, *, namespace: str = "default") -> Broken:
    """Return Agents that were valid until one value was changed: each is to be refused, whoever checks it."""
    wanted = draw(st.sampled_from(KINDS))
    manifest = draw(agents(namespace=namespace))
    found = mutations(manifest["spec"])
    # Not every Agent has, say, an enumeration that a value can be missing from.
    chosen: Mutation = draw(st.sampled_from([one for one in found if one.kind == wanted] or found))
    return Broken(chosen.applied(manifest), chosen.path, chosen.kind)


def json_values() -> st.SearchStrategy[Any]:
    """Return anything that a JSON decoder, or a careless caller, may hand in: the worst that there is."""
    text = st.text(st.characters(exclude_categories=()), max_size=12)  # lone surrogates too
    numbers = st.integers() | st.floats() | st.sampled_from([31, 63, 1000, 16000]).map(lambda bits: 1 << bits)
    known = st.sampled_from(sorted({step for path in _ALL for step in _steps(path)} | {"metadata", "name", "status"}))
    leaves = st.none() | st.booleans() | numbers | known | text
    deep = st.builds(_nested, st.integers(100, 3000), st.booleans())
    keys: st.SearchStrategy[Any] = known | text | st.integers() | st.none()
    return deep | st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
    )


def _nested(depth: int, in_lists: bool) -> Any:  # noqa: FBT001 -- drawn
    value: Any = 0
    for _ in range(depth):
        value = [value] if in_lists else {"a": value}
    return value
