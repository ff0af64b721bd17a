"""Whatever a spec says: nothing raises, nothing is injected, and what is refused is told with its path."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import Create, EmitEvent, PatchStatus, wanted

from .builders import DIGEST, IMAGE, Json, an_agent, condition, containers_of, main_of, nested, only, plan, pod_of
from .strategies import agents, all_specs, damaged, shallow_json, specs

TEXTS = [
    "'", '"', "`", "\n", "\r\n", "\t", "\x00", "\x1b[31m", "\u2028", "é", "😀", "\U0010ffff", "\u202e", "--", "-rf",
    "$(HOME)", "$$(HOME)", "${HOME}", "$", "{{ .Values }}", "{version}", "%s", "../../etc/passwd", "/../..", "~", "*",
    "\\", "&& rm -rf /", "<script>", "null", "true", "1e999", "\ufeff", " ", ";", "a" * 100_000,
]  # fmt: skip
NOT_UNICODE = ["\ud800", "a\udfffb", "\ud83d"]

Place = Callable[[Any], Json]
"""Puts a value into one field of a spec."""

TAKEN_AS_IT_IS: dict[str, tuple[Place, Callable[[Json], Any]]] = {
    "command": (lambda v: {"command": [v]}, lambda pod: main_of(pod)["command"][3]),
    "args": (lambda v: {"args": ["x", v]}, lambda pod: main_of(pod)["command"][5]),
    "value of a variable": (
        lambda v: {"env": [{"name": "A", "value": v}]},
        lambda pod: main_of(pod)["env"][0]["value"],
    ),
    "argument of the wrapper": (
        lambda v: {"wrapper": {"command": ["/w", v]}},
        lambda pod: main_of(pod)["command"][1],
    ),
    "command of an installer": (
        lambda v: {"wrapper": {"installCommand": [v]}},
        lambda pod: containers_of(pod)["agentctl-wrapper"]["command"][0],
    ),
    "command of a sidecar": (
        lambda v: {"sidecars": [{"name": "x", "image": "i", "command": [v]}]},
        lambda pod: containers_of(pod)["x"]["command"][0],
    ),
    "annotation": (
        lambda v: {"podTemplate": {"metadata": {"annotations": {"a": v}}}},
        lambda pod: pod["metadata"]["annotations"]["a"],
    ),
}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:20]))
@pytest.mark.parametrize("field", TAKEN_AS_IT_IS)
def test_a_text_is_one_value_and_nothing_else(field: str, text: str) -> None:
    place, read = TAKEN_AS_IT_IS[field]
    pod, harmless = pod_of(**place(text)), pod_of(**place("harmless"))
    assert read(pod) == text
    assert _shape(pod) == _shape(harmless)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:20]))
def test_a_text_in_an_image_is_one_value_and_nothing_else(text: str) -> None:
    (pod,) = (a.manifest for a in plan(an_agent(image=text), images={text: IMAGE}) if isinstance(a, Create))
    assert main_of(pod)["image"] == f"{text.partition('@')[0]}@{DIGEST}"
    remembered = json.loads(pod["metadata"]["annotations"]["agentctl.dev/resolved"])
    assert remembered["from"] == text


def _shape(value: Any) -> Any:
    """Return a value without its texts: which fields and how many items there are."""
    if isinstance(value, dict):
        return {key: _shape(child) for key, child in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value)


REFUSED: dict[str, Place] = {
    "spec.image": lambda v: {"image": v},
    "spec.command[0]": lambda v: {"command": [v]},
    "spec.env[0].value": lambda v: {"env": [{"name": "A", "value": v}]},
    "spec.workingDir": lambda v: {"workingDir": v},
    "spec.wrapper.image": lambda v: {"wrapper": {"image": v}},
    "spec.wrapper.command[1]": lambda v: {"wrapper": {"command": ["/w", v]}},
    "spec.sharedVolume.mountPath": lambda v: {"sharedVolume": {"mountPath": v}},
    "spec.sharedVolume.claimName": lambda v: {"sharedVolume": {"claimName": v}},
    "spec.files[0].path": lambda v: {"files": [{"path": v, "content": ""}]},
    "spec.files[0].content": lambda v: {"files": [{"path": "a", "content": v}]},
    "spec.sdk.packages[0]": lambda v: {"sdk": {"runtime": "python", "packages": [v]}},
    "spec.sdk.version": lambda v: {"sdk": {"runtime": "python", "packages": ["a"], "version": v}},
    "spec.initContainers[0].image": lambda v: {"initContainers": [{"name": "a", "image": v}]},
    "spec.sidecars[0].args[0]": lambda v: {"sidecars": [{"name": "a", "image": "i", "args": [v]}]},
    "spec.volumes[0].name": lambda v: {"volumes": [{"name": v, "emptyDir": {}}]},
    "spec.service.ports[0].name": lambda v: {"service": {"ports": [{"port": 1, "name": v}]}},
    "spec.podTemplate.spec.hostname": lambda v: {"podTemplate": {"spec": {"hostname": v}}},
    "spec.podTemplate.metadata.labels[a]": lambda v: {"podTemplate": {"metadata": {"labels": {"a": v}}}},
}
WRONG: list[Any] = [*NOT_UNICODE, nested(100_000, list), nested(100_000, dict), float("nan"), object()]


@pytest.mark.parametrize("value", WRONG, ids=["surrogate", "surrogates", "half", "lists", "dicts", "nan", "object"])
@pytest.mark.parametrize("path", REFUSED)
def test_what_is_no_text_is_told_with_its_path(path: str, value: Any) -> None:
    actions = plan(an_agent(**REFUSED[path](value)))
    assert not any(isinstance(action, Create) for action in actions)
    accepted = condition(only(PatchStatus, actions).status, "Accepted")
    assert accepted is not None
    assert accepted["reason"] == "InvalidSpec"
    assert accepted["message"].startswith(f"{path}: ")
    assert only(EmitEvent, actions).note.startswith(f"{path}: ")


@pytest.mark.parametrize("path", REFUSED)
def test_a_text_of_4_mb_raises_nothing_and_is_never_printed(path: str) -> None:
    large = "a" * 4_000_000
    manifest = an_agent(**REFUSED[path](large))
    for action in plan(manifest):
        match action:
            case PatchStatus(status=status) if path != "spec.image":
                assert len(json.dumps(status)) < 70_000
            case EmitEvent(note=note):
                assert len(note) <= 1024
            case _:
                pass
    wanted(manifest)


@pytest.mark.parametrize("field", ["env", "envFrom", "ports", "volumes", "volumeMounts", "sidecars", "files", "nope"])
@pytest.mark.parametrize("kind", [list, dict])
def test_nesting_without_end_is_a_problem_with_a_path(field: str, kind: Any) -> None:
    status = only(PatchStatus, plan(an_agent(**{field: nested(100_000, kind)}))).status
    accepted = condition(status, "Accepted")
    assert accepted is not None
    assert accepted["message"].startswith(f"spec.{field}")


@pytest.mark.parametrize(("number", "is_valid"), [(1000, True), (1001, False)])
def test_a_thousand_variables_are_the_most(number: int, is_valid: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    actions = plan(an_agent(env=[{"name": f"A{index}", "value": "$(A0)"} for index in range(number)]))
    assert any(isinstance(action, Create) for action in actions) == is_valid


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\nb", "a\x00", "A", "-a", "a.b", "é", "a" * 64, "$(A)", "a b", "\ud800"]
)
def test_a_hostile_name_makes_no_object(name: str) -> None:
    actions = plan(an_agent(metadata={"name": name}, files=[{"path": "a", "content": ""}]))
    assert not any(isinstance(action, Create) for action in actions)


@given(
    agents(specs | all_specs | damaged(specs, shallow_json) | damaged(all_specs, shallow_json)),
    st.sampled_from([{}, {"example.com/agent:1": IMAGE}]),
)
def test_whatever_comes_in_what_goes_out_is_ours_and_can_be_sent(manifest: Json, images: Any) -> None:
    name = manifest["metadata"]["name"]
    known = {manifest["spec"]["image"]: IMAGE} if images and _has_image(manifest) else {}
    for action in plan(manifest, images=known):
        if isinstance(action, Create):
            json.dumps(action.manifest, ensure_ascii=False, allow_nan=False).encode()
            metadata = action.manifest["metadata"]
            assert metadata["namespace"] == "team"
            assert metadata["labels"]["agentctl.dev/agent"] == name
            assert name in metadata["name"]
            assert action.manifest["kind"] in ("Pod", "Service", "ConfigMap", "PersistentVolumeClaim")


def _has_image(manifest: Json) -> bool:
    spec = manifest["spec"]
    return isinstance(spec, dict) and isinstance(spec.get("image"), str)
