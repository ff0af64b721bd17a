"""What an image runs, by Kubernetes' rules for command, args, ENTRYPOINT and CMD."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from agentctl_core import Agent, CommandUnknown, ImageConfig, ImageInfo, build_pod, parse_agent
from agentctl_core._image import LONGEST_COMMAND, image_command, original_command, pinned

from .builders import DIGEST, Json, an_agent, main_of

WRAPPED = ["/agentctl/bin/tini", "-s", "--"]
ENTRYPOINTS: list[list[str]] = [[], ["/e", "-x"], ["/bin/sh", "-c", "exec $APP $$ ${X}"]]
CMDS: list[list[str]] = [[], ["c"], ["/bin/sh", "-c", "run $(id) $"]]


def agent_of(**spec: Any) -> Agent:
    return parse_agent(an_agent(**spec))


def info(**platforms: ImageConfig) -> ImageInfo:
    return ImageInfo(DIGEST, {name.replace("_", "/"): config for name, config in platforms.items()})


def doubled(words: list[str]) -> list[str]:
    return [word.replace("$", "$$") for word in words]


@pytest.mark.parametrize(
    ("command", "args", "entrypoint", "cmd"),
    list(itertools.product([[], ["/own", "$(A)"]], [[], ["$(B)", "$$"]], ENTRYPOINTS, CMDS)),
)
def test_the_rules_of_kubernetes(command: list[str], args: list[str], entrypoint: list[str], cmd: list[str]) -> None:
    if command:
        runs = command + args
    elif args:
        runs = doubled(entrypoint) + args
    else:
        runs = doubled(entrypoint) + doubled(cmd)
    agent, image = agent_of(command=command, args=args), info(linux_amd64=ImageConfig(entrypoint, cmd))
    if runs:
        main = main_of(build_pod(agent, image=image))
        assert main["command"] == WRAPPED + runs
        assert "args" not in main
    else:
        with pytest.raises(CommandUnknown, match=r"^the image has neither ENTRYPOINT nor CMD: set spec\.command$"):
            build_pod(agent, image=image)


def test_what_the_kubelet_expands_is_what_the_image_says() -> None:
    words = ["$(HOME)", "$$(HOME)", "$", "$$", "a$b", "${X}"]
    for word, written in zip(words, original_command(agent_of(), ImageConfig(words)), strict=True):
        assert _expanded(written, {"HOME": "/root"}) == word


def _expanded(text: str, variables: dict[str, str]) -> str:
    """Expand as the kubelet does (k8s.io/kubernetes/third_party/forked/golang/expansion)."""
    out, index = "", 0
    while index < len(text):
        if text[index] != "$" or index + 1 == len(text):
            out, index = out + text[index], index + 1
        elif text[index + 1] == "$":
            out, index = out + "$", index + 2
        elif text[index + 1] == "(" and ")" in text[index:]:
            end = text.index(")", index)
            name = text[index + 2 : end]
            out, index = out + variables.get(name, f"$({name})"), end + 1
        else:
            out, index = out + text[index : index + 2], index + 2
    return out


@pytest.mark.parametrize(
    "config", [ImageConfig(["\ud800"]), ImageConfig([], ["a", "\udfff"]), ImageConfig(["x" * (LONGEST_COMMAND + 1)])]
)
@pytest.mark.parametrize("args", [[], ["a"]])
def test_what_no_pod_can_hold_is_unknown(config: ImageConfig, args: list[str]) -> None:
    with pytest.raises(CommandUnknown, match=r"^the image's command is too long or no text: set spec\.command$"):
        original_command(agent_of(args=args), config)


def test_the_longest_command_fits_into_the_annotations_of_a_pod() -> None:
    config = ImageConfig(["\U0010ffff" * LONGEST_COMMAND])
    original_command(agent_of(), config)
    assert len(config.to_json("r/" + "a" * 1000)) < 262_144


# Platforms


SAME = ImageConfig(("a",), ("b",))
OTHER = ImageConfig(("a",), ("c",))


def test_platforms_that_agree_are_one() -> None:
    assert image_command(agent_of(), info(linux_amd64=SAME, linux_arm64_v8=SAME)) == SAME


def test_platforms_that_disagree_are_told_with_what_to_set() -> None:
    with pytest.raises(CommandUnknown) as caught:
        image_command(agent_of(), info(linux_arm64=OTHER, linux_amd64=SAME))
    assert str(caught.value) == (
        "the image runs different commands on linux/amd64 and linux/arm64: set spec.command, or kubernetes.io/arch in "
        "spec.podTemplate.spec.nodeSelector"
    )


def test_what_args_replace_need_not_agree() -> None:
    assert image_command(agent_of(args=["x"]), info(linux_amd64=SAME, linux_arm64=OTHER)).entrypoint == ("a",)
    with pytest.raises(CommandUnknown):
        image_command(agent_of(args=["x"]), info(linux_amd64=SAME, linux_arm64=ImageConfig(("z",), ("b",))))


def test_a_user_is_no_part_of_the_command() -> None:
    image_command(agent_of(), info(linux_amd64=SAME, linux_arm64=ImageConfig(("a",), ("b",), "root")))


@pytest.mark.parametrize(
    "platforms", [{}, {"windows/amd64": SAME, "windows/arm64": SAME}, {"unknown/unknown": SAME}, {"": SAME}]
)
def test_an_image_for_no_such_node_is_told_with_what_it_has(platforms: dict[str, ImageConfig]) -> None:
    with pytest.raises(CommandUnknown) as caught:
        image_command(agent_of(), ImageInfo(DIGEST, platforms))
    told = ", ".join(platforms) or "none"
    assert f"no platform of the image fits the node selector; it has {told}: set spec.command" == str(caught.value)


def test_attestations_are_no_platform() -> None:
    assert image_command(agent_of(), ImageInfo(DIGEST, {"linux/amd64": SAME, "unknown/unknown": OTHER})) == SAME


def terms(*each: list[Json]) -> Json:
    required = {"nodeSelectorTerms": [{"matchExpressions": expressions} for expressions in each]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def arch(*values: str, operator: str = "In", key: str = "kubernetes.io/arch") -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


AMD, ARM, BOTH = {SAME}, {OTHER}, {SAME, OTHER}


@pytest.mark.parametrize(
    ("template", "fitting"),
    [
        ({}, BOTH),
        ({"nodeSelector": {"kubernetes.io/arch": "amd64"}}, AMD),
        ({"nodeSelector": {"kubernetes.io/arch": "arm64", "zone": "amd64"}}, ARM),
        ({"nodeSelector": {"zone": "amd64"}}, BOTH),
        ({"nodeSelector": {"kubernetes.io/os": "linux"}}, BOTH),
        (terms([arch("arm64")]), ARM),
        (terms([arch("arm64", "amd64")]), BOTH),
        (terms([arch("arm64"), arch("arm64", "amd64")]), ARM),
        (terms([arch("arm64", "amd64"), arch("arm64")]), ARM),
        (terms([{"key": "kubernetes.io/arch", "operator": "In"}]), set[ImageConfig]()),
        (terms([arch("arm64")], [arch("amd64")]), BOTH),
        (terms([arch("arm64")], [arch("arm64")]), ARM),
        (terms([arch("arm64")], [arch("x", key="zone")]), BOTH),
        (terms([arch("arm64", operator="NotIn")]), BOTH),
        (terms([arch(operator="Exists")]), BOTH),
        (terms([arch("arm64", "amd64")]) | {"nodeSelector": {"kubernetes.io/arch": "amd64"}}, AMD),
        (terms([arch("arm64")]) | {"nodeSelector": {"kubernetes.io/arch": "amd64"}}, set[ImageConfig]()),
        ({"nodeSelector": {"kubernetes.io/arch": "s390x"}}, set[ImageConfig]()),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, {ImageConfig(("w",))}),
        ({"os": {"name": "windows"}}, {ImageConfig(("w",))}),
        ({"os": {"name": "linux"}}, BOTH),
    ],
)
def test_only_platforms_that_the_nodes_may_have_count(template: Json, fitting: set[ImageConfig]) -> None:
    image = info(linux_amd64=SAME, linux_arm64=OTHER, windows_amd64=ImageConfig(("w",)))
    agent = agent_of(podTemplate={"spec": template})
    try:
        found = {image_command(agent, image)}
    except CommandUnknown as unknown:
        found = BOTH if "different" in str(unknown) else set()
    assert found == fitting


# References


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nginx", "nginx@{}"),
        ("nginx:1.29", "nginx:1.29@{}"),
        ("localhost:5000/a/b", "localhost:5000/a/b@{}"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b:c@{}"),
        ("[::1]:5000/a:b", "[::1]:5000/a:b@{}"),
        ("r/a@sha256:" + "0" * 64, "r/a@{}"),
        ("r/a:b@sha256:" + "0" * 64, "r/a:b@{}"),
    ],
)
def test_a_pinned_reference_has_the_digest_and_keeps_its_tag(reference: str, expected: str) -> None:
    assert pinned(reference, DIGEST) == expected.format(DIGEST)


def test_what_a_pod_remembers_is_ascii() -> None:
    text = ImageConfig(["é", "\ud800\n"], ['"'], "root").to_json("i")
    assert text.isascii()
    assert json.loads(text) == {"from": "i", "entrypoint": ["é", "\ud800\n"], "cmd": ['"']}
