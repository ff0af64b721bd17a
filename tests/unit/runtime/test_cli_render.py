"""`agentctl render` prints what the operator would make, ready to be applied, or says why it cannot."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.mistakes import HEAD

from agentctl_core import ImageConfig, ImageError, ImageInfo
from agentctl_runtime._registry import Registry
from agentctl_runtime.cli._group import agentctl

EXAMPLES = Path(__file__).parents[3] / "examples"
IMAGE_ONLY = HEAD.replace("  command: [serve]\n", "")
DIGEST = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AGENTCTL_")]:
        monkeypatch.delenv(name)


def render(*arguments: str, text: str = "") -> Result:
    result = CliRunner().invoke(agentctl, ["render", *arguments], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def made(*arguments: str, text: str = "") -> list[dict[str, Any]]:
    result = render(*arguments, text=text)
    assert (result.exit_code, result.stderr) == (0, "")
    return list(yaml.safe_load_all(result.stdout))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, ImageInfo | ImageError]:
    """What the registries say; of any other image, that they do not know it."""
    known: dict[str, ImageInfo | ImageError] = {}

    async def look_up(_: Registry, reference: str, *__: object) -> ImageInfo | ImageError:
        return known.get(reference, ImageError("NotFound", "no such image"))

    monkeypatch.setattr(Registry, "look_up", look_up)
    return known


def test_it_prints_what_stands_beside_the_pod_and_then_the_pod() -> None:
    extra = "  files: [{path: a, content: b}]\n  service: {ports: [{port: 80}]}\n"
    manifests = made("-", text=HEAD + extra)
    assert [each["kind"] for each in manifests] == ["ConfigMap", "Service", "Pod"]
    for each in manifests:
        assert not {"ownerReferences", "namespace"} & each["metadata"].keys()
    assert manifests[-1]["spec"]["containers"][0]["command"] == ["/agentctl/bin/tini", "-s", "--", "serve"]


def test_nothing_is_annotated_that_the_operator_alone_reads() -> None:
    asked = "  podTemplate: {metadata: {annotations: {example.com/owner: me}, labels: {team: a}}}\n"
    (pod,), (bare,) = made("-", text=HEAD + asked), made("-", text=HEAD)
    assert pod["metadata"]["annotations"] == {"example.com/owner": "me"}
    assert "annotations" not in bare["metadata"]


def test_the_examples_are_those_of_the_golden_files() -> None:
    for example in sorted(EXAMPLES.glob("*.yaml")):
        if example.stem not in ("image-lookup", "minimal"):
            golden = (EXAMPLES.parent / "tests/golden" / example.name).read_text()
            names = [each["metadata"]["name"] for each in made(str(example))]
            assert [name for name in names if f"name: {name}\n" not in golden] == [], example


def test_a_namespace_stays_where_the_agent_names_one() -> None:
    text = HEAD.replace("  name: hello\n", "  name: hello\n  namespace: team\n")
    assert {each["metadata"].get("namespace") for each in made("-", text=text)} == {"team"}


def test_several_agents_in_json_are_one_list() -> None:
    text = f"{HEAD}---\n{HEAD.replace('hello', 'other')}"
    found = json.loads(render("-", "-o", "json", text=text).stdout)
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert [each["metadata"]["name"] for each in found["items"]] == ["hello", "other"]


def test_an_agent_that_is_suspended_has_no_pod() -> None:
    extra = "  replicas: 0\n  service: {ports: [{port: 80}]}\n"
    assert [each["kind"] for each in made("-", text=HEAD + extra)] == ["Service"]
    assert [each["kind"] for each in made("-", text=IMAGE_ONLY + extra)] == ["Service"]


def test_texts_of_several_lines_are_blocks() -> None:
    text = HEAD + "  files: [{path: a, content: \"x = 1\\nprint('é')\\n\"}]\n"
    assert "  file-0: |\n    x = 1\n    print('é')\n" in render("-", text=text).stdout


def test_an_image_whose_command_is_not_known_is_told_and_nothing_is_printed() -> None:
    result = render("-", text=f"{HEAD}---\n{IMAGE_ONLY.replace('hello', 'other')}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "-:13:1: spec.command: what example.com/team/agent:1 runs stands in its registry: "
        "set spec.command, or ask it with --resolve\n"
    )
    assert (
        made("-", text=IMAGE_ONLY + "  wrapper: {enabled: false}\n")[-1]["spec"]["containers"][0].get("command") is None
    )


def test_a_registry_that_is_asked_tells_what_the_image_runs(answers: dict[str, ImageInfo | ImageError]) -> None:
    answers["example.com/team/agent:1"] = ImageInfo(DIGEST, {"linux/amd64": ImageConfig(("/bin/a",), ("b",))})
    (pod,) = made("-", "--resolve", text=IMAGE_ONLY)
    (container,) = pod["spec"]["containers"]
    assert container["image"] == f"example.com/team/agent:1@{DIGEST}"
    assert container["command"] == ["/agentctl/bin/tini", "-s", "--", "/bin/a", "b"]


def test_only_images_whose_command_is_needed_are_asked_for(answers: dict[str, ImageInfo | ImageError]) -> None:
    assert not answers
    assert made("-", "--resolve", text=HEAD)


def test_what_a_registry_does_not_tell_is_told(answers: dict[str, ImageInfo | ImageError]) -> None:
    result = render("-", "--resolve", text=IMAGE_ONLY)
    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr == "Error: example.com/team/agent:1 cannot be looked up: no such image\n"
    answers["example.com/team/agent:1"] = ImageInfo(DIGEST, {"linux/amd64": ImageConfig()})
    result = render("-", "--resolve", text=IMAGE_ONLY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the image has neither ENTRYPOINT nor CMD: set spec.command" in result.stderr


def test_an_agent_with_mistakes_is_not_rendered() -> None:
    result = render("-", text=f"{HEAD}  replicas: 2\n")
    assert (result.exit_code, result.stdout) == (65, "")
    assert "-:8:3: spec.replicas: must be 0 or 1" in result.stderr
    result = render("-", text="kind: Deployment\napiVersion: apps/v1\n")
    assert (result.exit_code, result.stderr) == (65, "Error: there is no Agent in -\n")


def test_it_is_rendered_for_the_operator_that_the_options_describe() -> None:
    (pod,) = made("-", "--wrapper-image", "registry.example/tini:1", text=HEAD)
    assert pod["spec"]["initContainers"][0]["image"] == "registry.example/tini:1"
    assert render("-", text=f"{HEAD}  securityContext: {{privileged: true}}\n").exit_code == 65
    assert made("-", "--allow-privileged", text=f"{HEAD}  securityContext: {{privileged: true}}\n")
