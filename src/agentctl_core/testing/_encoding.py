"""A decision as JSON and back: the Agent, what was observed, the configuration, the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

from attrs import fields, frozen

from .._actions import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Requeue, Resize, ResolveImage
from .._config import Config, Policy
from .._image import ImageConfig, ImageError, ImageInfo
from .._observed import Observed

Json: TypeAlias = dict[str, Any]

FORMAT: Final = 1
"""Of the lines of a record: another number for what older readers would misread."""


_TROUBLES: Final = ("NotFound", "Forbidden", "Unreachable")


class InvalidRecord(ValueError):  # noqa: N818 -- what it is
    """This JSON is no decision; the message begins with the path of what is wrong."""


@frozen(unsafe_hash=False)
class Record:
    """One decision and all that it came from.

    Attributes:
        manifest: the Agent.
        observed: what was seen, and when.
        config: what the operator's owner had decided.
        actions: the plan.
    """

    manifest: Mapping[str, Any]
    observed: Observed
    config: Config
    actions: tuple[Action, ...]


def encode(record: Record) -> Json:
    """Return a decision as JSON. It shares manifests with the decision: neither is to be changed."""
    observed = record.observed
    return {
        "format": FORMAT,
        "manifest": _without_fields(record.manifest),
        "observed": {
            "now": observed.now.astimezone(UTC).isoformat(),
            "objects": [_object(item) for item in observed.objects],
            "images": {reference: _image(image) for reference, image in observed.images.items()},
        },
        "config": _settings(record.config),
        "actions": [encode_action(action) for action in record.actions],
    }


def decode(value: object) -> Record:
    """Return the decision that `encode` made JSON of. Settings that are not there have their defaults.

    Raises:
        InvalidRecord: it is no such JSON, or of another format.
    """
    whole = object_at(value, "the record")
    if format_of(whole) != FORMAT:
        raise InvalidRecord(f"format: {format_of(whole)} is not {FORMAT}")
    observed = object_at(whole.get("observed"), "observed")
    images = object_at(observed.get("images"), "observed.images")
    actions = _list_at(whole.get("actions"), "actions")
    return Record(
        manifest=object_at(whole.get("manifest"), "manifest"),
        observed=Observed(
            now=_time_at(observed.get("now"), "observed.now"),
            objects=tuple(_objects_at(observed.get("objects"), "observed.objects")),
            images={name: _image_at(image, f"observed.images[{name}]") for name, image in images.items()},
        ),
        config=_settings_at(whole.get("config"), Config, "config"),
        actions=tuple(_action_at(action, f"actions[{index}]") for index, action in enumerate(actions)),
    )


def format_of(value: Mapping[str, Any]) -> int:
    """Return the format of a line. Raises InvalidRecord where it says none."""
    found = value.get("format")
    if not isinstance(found, int) or isinstance(found, bool):
        raise InvalidRecord("format: must be a number; is this file a record of `agentctl run --record`?")
    return found


def object_at(value: object, path: str) -> Json:
    """Return a JSON object as what it is. Raises InvalidRecord for anything else."""
    if not isinstance(value, dict):
        raise InvalidRecord(f"{path}: must be an object")
    return cast("Json", value)


def text_at(value: object, path: str) -> str:
    """Return a string as what it is. Raises InvalidRecord for anything else."""
    if not isinstance(value, str):
        raise InvalidRecord(f"{path}: must be a string")
    return value


def _list_at(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidRecord(f"{path}: must be a list")
    return cast("list[object]", value)


def _texts_at(value: object, path: str) -> tuple[str, ...]:
    return tuple(text_at(item, f"{path}[{index}]") for index, item in enumerate(_list_at(value, path)))


def _number_at(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRecord(f"{path}: must be a number")
    return value


def _flag_at(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidRecord(f"{path}: must be true or false")
    return value


def _time_at(value: object, path: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text_at(value, path))
    except ValueError as error:
        raise InvalidRecord(f"{path}: must be a time, such as 2026-01-31T12:00:00+00:00") from error
    if moment.utcoffset() is None:
        raise InvalidRecord(f"{path}: must have a time zone, such as +00:00")
    return moment


# What is observed: all of it decides, save what is left out here.


def _object(manifest: Mapping[str, Any]) -> Json:
    if manifest.get("kind") != "Secret":
        return _without_fields(manifest)
    # Nothing here ever reads one; should a host hand one over, its name is all that is kept of it.
    metadata: Mapping[str, Any] = manifest.get("metadata") or {}
    named = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in metadata}
    return {"apiVersion": manifest.get("apiVersion"), "kind": "Secret", "metadata": named}


def _without_fields(manifest: Mapping[str, Any]) -> Json:
    """Return a manifest without `metadata.managedFields`: the larger half of many an object, and never read."""
    metadata = manifest.get("metadata")
    if isinstance(metadata, Mapping) and "managedFields" in metadata:
        kept = {key: value for key, value in cast("Json", metadata).items() if key != "managedFields"}
        return {**manifest, "metadata": kept}
    return dict(manifest)


def _image(image: ImageInfo | ImageError) -> Json:
    if isinstance(image, ImageError):
        return {"reason": image.reason, "message": image.message}
    platforms = {
        name: {"entrypoint": list(config.entrypoint), "cmd": list(config.cmd), "user": config.user}
        for name, config in image.platforms.items()
    }
    return {"digest": image.digest, "platforms": platforms}


def _image_at(value: object, path: str) -> ImageInfo | ImageError:
    image = object_at(value, path)
    if "reason" in image:
        if image["reason"] not in _TROUBLES:
            raise InvalidRecord(f"{path}.reason: must be one of {', '.join(_TROUBLES)}")
        return ImageError(image["reason"], text_at(image.get("message"), f"{path}.message"))
    platforms = object_at(image.get("platforms"), f"{path}.platforms")
    return ImageInfo(
        digest=text_at(image.get("digest"), f"{path}.digest"),
        platforms={name: _image_config_at(found, f"{path}.platforms[{name}]") for name, found in platforms.items()},
    )


def _image_config_at(value: object, path: str) -> ImageConfig:
    config = object_at(value, path)
    return ImageConfig(
        entrypoint=_texts_at(config.get("entrypoint"), f"{path}.entrypoint"),
        cmd=_texts_at(config.get("cmd"), f"{path}.cmd"),
        user=text_at(config.get("user"), f"{path}.user"),
    )


# The configuration: each field by the kind of its default.


def _settings(config: Config | Policy) -> Json:
    found = {_camel(a.name): getattr(config, a.name) for a in fields(type(config))}
    return {name: _settings(v) if isinstance(v, Policy) else _plain(v) for name, v in found.items()}


def _plain(value: Any) -> Any:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def _settings_at(value: object, kind: type[Any], path: str) -> Any:
    given, default = object_at(value, path), kind()
    names = {_camel(a.name): a.name for a in fields(kind)}
    if unknown := sorted(given.keys() - names.keys()):
        raise InvalidRecord(f"{path}.{unknown[0]}: this version has no such setting; replay with the one that recorded")
    read = {names[key]: _setting_at(item, getattr(default, names[key]), f"{path}.{key}") for key, item in given.items()}
    try:
        return kind(**read)
    except ValueError as error:
        raise InvalidRecord(f"{path}: {error}") from error


def _setting_at(value: object, default: object, path: str) -> object:
    match default:
        case Policy():
            return _settings_at(value, Policy, path)
        case bool():
            return _flag_at(value, path)
        case tuple():
            return _texts_at(value, path)
        case _:
            return text_at(value, path)


# The plan: each action by a table of its fields.


def _ref(ref: Ref) -> Json:
    return {_camel(a.name): getattr(ref, a.name) for a in fields(Ref)}


def _ref_at(value: object, path: str) -> Ref:
    given = object_at(value, path)
    return Ref(**{a.name: text_at(given.get(_camel(a.name)), f"{path}.{_camel(a.name)}") for a in fields(Ref)})


def _objects_at(value: object, path: str) -> list[Json]:
    return [object_at(item, f"{path}[{index}]") for index, item in enumerate(_list_at(value, path))]


def _version_at(value: object, path: str) -> str | None:
    return None if value is None else text_at(value, path)


Read: TypeAlias = Callable[[object, str], object]
_ACTIONS: Final[Mapping[type[Any], Mapping[str, Read]]] = {
    Create: {"manifest": object_at},
    Patch: {"ref": _ref_at, "uid": text_at, "resource_version": text_at, "patch": object_at},
    Resize: {"ref": _ref_at, "uid": text_at, "containers": _objects_at},
    Delete: {"ref": _ref_at, "uid": text_at, "resource_version": _version_at},
    PatchStatus: {"ref": _ref_at, "resource_version": _version_at, "status": object_at},
    EmitEvent: {
        "name": text_at, "regarding": _ref_at, "regarding_uid": text_at, "type": text_at, "reason": text_at,
        "action": text_at, "note": text_at, "time": text_at,
    },
    ResolveImage: {"image": text_at, "pull_secrets": _texts_at, "service_account": text_at},
    Requeue: {"after": _number_at},
}  # fmt: skip
_BY_NAME: Final = {kind.__name__: kind for kind in _ACTIONS}


def encode_action(action: Action) -> Json:
    """Return an action as JSON: its name under `do`, and its fields."""
    values = ((name, getattr(action, name)) for name in _ACTIONS[type(action)])
    return {"do": type(action).__name__} | {
        _camel(name): _ref(value) if isinstance(value, Ref) else _plain(value) for name, value in values
    }


def _action_at(value: object, path: str) -> Action:
    given = object_at(value, path)
    kind = _BY_NAME.get(text_at(given.get("do"), f"{path}.do"))
    if kind is None:
        raise InvalidRecord(f"{path}.do: must be one of {', '.join(_BY_NAME)}")
    read = {name: at(given.get(_camel(name)), f"{path}.{_camel(name)}") for name, at in _ACTIONS[kind].items()}
    return cast("Action", kind(**read))


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
