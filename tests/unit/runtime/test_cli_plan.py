"""`agentctl plan` says what the operator would do next, and how running Agents would fare; it writes nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from agentctl_core import Config, Policy
from agentctl_core.host import Resource
from agentctl_runtime.cli._group import agentctl

from .cli_support import Json, Served, agent

HOST_PATH: Json = {"volumes": [{"name": "h", "hostPath": {"path": "/h"}}]}


def invoke(*arguments: str, text: str | None = None) -> Result:
    result = CliRunner().invoke(agentctl, ["plan", *arguments], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def written(folder: Path, *documents: Json) -> str:
    file = folder / "dump.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return str(file)


# What would be done next


def test_a_settled_cluster_has_nothing_to_do(served: Served) -> None:
    served.add(agent("one"), agent("two", service={"ports": [{"port": 80, "name": "http"}]}))
    result = invoke()
    assert (result.exit_code, result.output) == (0, "2 Agents: 0 to act upon, 2 with nothing to do\n")
    paths = [path for _, path in served.requests]
    assert "/apis/agentctl.dev/v1alpha1/agents" in paths
    assert not [path for path in paths if path.endswith(("/one", "/two"))], "what is there is read once"


def test_a_new_agent_is_shown_with_what_is_made_for_it(served: Served) -> None:
    served.create(agent(service={"ports": [{"port": 80, "name": "http"}]}, wrapper={"enabled": False}))
    result = invoke()
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[:4] == [
        "Agent team/demo",
        "  + Create Service team/demo",
        "  + Create Pod team/demo",
        '      agent: example/agent:1 runs ["run"]',
    ]
    assert "      Accepted: True (Accepted): The spec is valid." in lines
    assert lines[-1] == "1 Agent: 1 to act upon, 0 with nothing to do"


def test_an_edit_shows_the_replacement_and_why(served: Served) -> None:
    served.add(agent())
    served.edit("Agent", spec={"image": "example/agent:2"})
    result = invoke()
    assert result.exit_code == 1
    assert "  - Delete Pod team/demo: The spec has changed since the pod was made." in result.output
    assert 'spec.containers[agent].image: "example/agent:1" -> "example/agent:2"' in result.output
    assert "      UpToDate: True (Current) -> False (Recreating): The spec has changed" in result.output
    assert "      observedGeneration: 1 -> 2" in result.output
    assert "  ! EmitEvent Normal " in result.output


def test_changes_in_place_are_shown_with_their_paths(served: Served) -> None:
    served.add(agent(resources={"limits": {"cpu": "1"}}, podTemplate={"metadata": {"labels": {"a": "1"}}}))
    served.edit(
        "Agent", spec={"resources": {"limits": {"cpu": "2"}}, "podTemplate": {"metadata": {"labels": {"a": "2"}}}}
    )
    result = invoke()
    lines = result.output.splitlines()
    assert "  ~ Patch Pod team/demo" in lines
    assert '      metadata.labels.a: "1" -> "2"' in lines
    assert "  ~ Resize Pod team/demo" in lines
    assert '      spec.containers[agent].resources.limits.cpu: "1" -> "2"' in lines


def test_an_image_that_has_to_be_looked_up_is_told(served: Served) -> None:
    served.create(agent(command=[]))
    result = invoke()
    assert result.exit_code == 1
    assert "  ? ResolveImage example/agent:1: what comes next depends on what its registry says" in result.output
    assert "Create Pod" not in result.output


def test_what_holds_a_wanted_name_without_our_label_is_seen(served: Served) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "demo", "namespace": "team"}}
    served.create({**pod, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    served.create(agent())
    result = invoke()
    assert "Accepted: False (NameConflict)" in result.output
    assert "Create Pod" not in result.output
    assert ("GET", "/api/v1/namespaces/team/pods/demo") in served.requests


def test_a_plan_that_waits_is_nothing_to_do(served: Served) -> None:
    served.add(agent(restartPolicy="Never", activeDeadlineSeconds=3600))
    assert invoke().exit_code == 0


def test_namespaces_narrow_the_view_from_options_or_the_environment(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        served.create(agent(namespace=name))
    assert "3 Agents" in invoke().output
    assert "2 Agents" in invoke("--namespace", "a", "--namespace", "b").output
    file = written(tmp_path, served.dump())
    monkeypatch.setenv("AGENTCTL_NAMESPACE", "c")
    served.requests.clear()
    assert "Agent c/demo" in invoke().output
    assert {path.split("/")[-2] for _, path in served.requests if path.endswith("s")} == {"c"}
    assert "1 Agent:" in invoke(file).output


def test_json_holds_the_actions_and_what_they_change(served: Served) -> None:
    served.add(agent("one"), agent("two"))
    served.edit("Agent", "two", spec={"env": [{"name": "A", "value": "1"}]})
    result = invoke("-o", "json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["summary"] == {"agents": 2, "toDo": 1, "settled": 1}
    (each,) = told["agents"]
    assert (each["namespace"], each["name"]) == ("team", "two")
    assert [action["do"] for action in each["actions"]] == ["EmitEvent", "PatchStatus", "Delete"]
    assert {"path": "observedGeneration", "before": 1, "after": 2} in each["actions"][1]["changes"]
    assert [change["path"] for change in each["nextPod"]["changes"]] == ["spec.containers[agent].env"]


def test_more_objects_than_one_page_are_seen(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl_runtime._observe._PAGE_SIZE", 2)
    for number in range(5):
        served.create(agent(f"a{number}"))
    assert "5 Agents" in invoke().output


def test_what_the_cluster_does_not_know_is_a_failure_with_a_hint(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served.requests == []
    monkeypatch.setattr("agentctl_runtime._observe.AGENT", Resource("agentctl.dev/v9", "Agent", "agents"))
    result = invoke()
    assert result.exit_code == 69
    assert "agentctl crd | kubectl apply -f -" in result.output


def test_without_a_configuration_the_message_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = invoke()
    assert result.exit_code == 78
    assert "Set KUBECONFIG" in result.output


# Dumps


def test_a_dump_is_decided_on_as_the_cluster_is(served: Served, tmp_path: Path) -> None:
    served.add(agent("one"), agent("two", files=[{"path": "a", "content": "b"}]))
    at = (served.cluster.now + timedelta(seconds=1)).isoformat()
    text = json.dumps(served.dump())
    assert invoke("-", "--at", at, text=text).output == "2 Agents: 0 to act upon, 2 with nothing to do\n"
    served.edit("Agent", "two", spec={"image": "example/agent:2"})
    by_kind = [{**item} for item in served.dump()["items"]]
    result = invoke(written(tmp_path, *by_kind), "--at", at)
    assert result.exit_code == 1
    assert "Agent team/two" in result.output
    assert "- Delete Pod team/two" in result.output
    assert served.requests == []


def test_manifests_as_people_write_them_show_what_would_be_made(tmp_path: Path) -> None:
    manifest = agent()
    del manifest["metadata"]["namespace"]
    other = {"apiVersion": "kagent.dev/v1alpha2", "kind": "Agent", "metadata": {"name": "other"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "demo"}}
    result = invoke(written(tmp_path, manifest, other, secret))
    assert result.exit_code == 1
    assert "Create Pod default/demo" in result.output
    assert "1 Agent:" in result.output


def test_a_stranger_in_a_dump_is_seen_whatever_its_labels(tmp_path: Path) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-demo", "namespace": "team"},
    }
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    template = {"metadata": {"name": "data"}, "spec": spec}
    result = invoke(written(tmp_path, agent(volumeClaimTemplates=[template]), claim))
    assert "Accepted: False (NameConflict): A PersistentVolumeClaim named data-demo exists" in result.output


def test_time_moves_what_waits_for_it(served: Served, tmp_path: Path) -> None:
    served.add(agent(restartPolicy="Never", activeDeadlineSeconds=3600))
    file = written(tmp_path, served.dump())
    later = (served.cluster.now + timedelta(hours=2)).isoformat()
    result = invoke(file, "--at", later)
    assert (
        "- Delete Pod team/demo: The task has taken longer than activeDeadlineSeconds (3600) allows." in result.output
    )


@pytest.mark.parametrize("text", ["", "a: [", "[1]", "{apiVersion: v1, kind: Pod}", "\x00"])
def test_bad_data_is_told_and_nothing_is_planned(tmp_path: Path, text: str) -> None:
    good = written(tmp_path, agent())
    bad = tmp_path / "bad"
    bad.write_text(text)
    result = invoke(good, str(bad))
    assert (result.exit_code, result.stdout) == (65, "")
    assert str(bad) in result.stderr


def test_bytes_that_are_no_text_are_bad_data(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"\xff\xfe")
    assert invoke(str(bad)).exit_code == 65


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name, problem in ((str(tmp_path / "none"), "No such file"), (str(tmp_path), "Is a directory")):
        result = invoke(name)
        assert result.exit_code == 66
        assert name in result.stderr
        assert problem in result.stderr


def test_a_dump_without_pods_is_warned_about(served: Served, tmp_path: Path) -> None:
    served.add(agent())
    agents = [item for item in served.dump()["items"] if item["kind"] == "Agent"]
    result = invoke(written(tmp_path, *agents))
    assert "Warning: by their status Agents have pods" in result.stderr
    assert "Warning" not in invoke(written(tmp_path, agent())).stderr


def test_nothing_that_a_cluster_says_moves_the_cursor_of_a_terminal(tmp_path: Path) -> None:
    odd = agent(image="\x1b[31m\u009b\u202e", wrapper={"enabled": False})
    odd["status"] = {"conditions": [{"type": "\x1b]", "status": "\x1b", "reason": "", "message": "\ud800"}]}
    file = tmp_path / "dump"
    file.write_text(json.dumps(odd))
    output = invoke(str(file)).output
    assert all(c.isprintable() or c == "\n" for c in output)
    assert "\\x1b[31m\\x9b\\u202e" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["--at", "yesterday"],
        ["--at", "2026-01-01T00:00:00"],
        ["--wrapper-command", "tini"],
        ["-", "--context", "x"],
    ],
)
def test_a_wrong_usage_has_a_status_of_its_own(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 64
    assert "Usage: " in result.output


# With another version or configuration


def upgraded(*arguments: str) -> tuple[int, Json]:
    result = invoke("--upgrade", "-o", "json", *arguments)
    return result.exit_code, json.loads(result.output)


def test_the_same_version_and_configuration_make_no_difference(served: Served) -> None:
    served.add(agent("one"), agent("two", replicas=0))
    result = invoke("--upgrade")
    assert result.exit_code == 0
    assert " ".join(result.output.split()).endswith(
        "1 running Agent: 0 restart, 0 refused, 0 changed in place, 0 at next replacement, 0 status only, 0 undecided, "
        "1 no difference; 1 without a running pod"
    )
    assert "1 of the pods came without managedFields" in result.output


def test_another_wrapper_comes_with_the_next_pods_told_once_for_all(served: Served) -> None:
    served.add(*(agent(f"a{number}") for number in range(7)))
    served.edit("Pod", "a3", metadata={"annotations": {"agentctl.dev/rendered-by": "agentctl 0.0.1"}})
    result = invoke("--upgrade", "--wrapper-image", "other:2")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("at next replacement (7): "))
    assert "agentctl 0.0.1 (1), agentctl " in " ".join(" ".join(lines[:begin]).split())
    assert lines[begin + 1] == "  team/a0, team/a1, team/a2, team/a4, team/a5 and 1 more"
    assert lines[begin + 3].startswith("      spec.initContainers[agentctl-wrapper].image: ")
    assert lines[begin + 3].endswith('-> "other:2"')
    assert lines[begin + 4] == "  team/a3"
    assert any("0 restart" in line for line in lines[begin + 5 :])


def test_a_stricter_policy_refuses(served: Served) -> None:
    served.add(agent(**HOST_PATH), config=Config(policy=Policy(allow_host_path=True)))
    assert upgraded("--allow-host-path")[0] == 0
    code, told = upgraded()
    assert (code, [each["treatment"] for each in told["agents"]]) == (1, ["refused"])
    assert told["agents"][0]["why"].startswith("PolicyDenied: ")
    text = invoke("--upgrade").output
    assert "refused (1): accepted so far" in text
    assert "Accepted: True (Accepted) -> False (PolicyDenied): spec.volumes[0].hostPath" in text


def test_a_restart_has_a_status_of_its_own(served: Served) -> None:
    served.add(agent("one"), agent("two"))
    served.edit("Pod", "two", metadata={"annotations": {"agentctl.dev/revision": "of-another-hash"}})
    code, told = upgraded()
    assert (code, told["summary"]["treatments"]["restart"]) == (2, 1)
    (each,) = told["agents"]
    assert (each["name"], each["treatment"], each["madeBy"]) == ("two", "restart", told["version"])
    assert "Delete" in [action["do"] for action in each["actions"]]
    text = invoke("--upgrade").output
    assert "restart (1): restarted, although nothing was left to do about them" in text
    assert "- Delete Pod team/two: The spec has changed since the pod was made." in text


def test_what_an_edit_asks_for_is_undecided(served: Served) -> None:
    served.add(agent())
    served.edit("Agent", spec={"image": "example/agent:2"})
    code, told = upgraded()
    assert (code, told["agents"][0]["treatment"]) == (1, "undecided")
    assert "Generation 2 of its spec is not observed yet (1 is)." in invoke("--upgrade").output


def test_another_version_alone_is_told_in_the_status(served: Served) -> None:
    served.add(agent(wrapper={"enabled": False}))
    served.edit("Pod", metadata={"annotations": {"agentctl.dev/rendered-by": "agentctl 0.0.1"}})
    code, told = upgraded()
    assert (code, told["agents"][0]["treatment"]) == (1, "status only")
    assert [change["path"] for change in told["agents"][0]["status"]] == ["conditions[UpToDate].message"]
    assert told["summary"]["madeBy"] == {"agentctl 0.0.1": 1}


def test_no_agent_is_no_difference(served: Served) -> None:
    assert served.requests == []
    result = invoke("--upgrade")
    assert result.exit_code == 0
    assert result.output.startswith("0 running Agents: ")
