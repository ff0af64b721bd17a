"""The manifests in deploy/ against the code that they run; what a cluster makes of them is an end-to-end test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tests.rights import Right, for_pull_secrets, shipped

from agentctl_core import Config
from agentctl_runtime.cli.run import run

DEPLOY = Path(__file__).parents[3] / "deploy"


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def container() -> Any:
    (found,) = read("base/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return found


def added(kustomization: Any) -> list[str]:
    """Return the arguments that an overlay adds to the operator's."""
    operations = (step for patch in kustomization["patches"] for step in yaml.safe_load(patch["patch"]))
    return [step["value"] for step in operations if step["path"] == "/spec/template/spec/containers/0/args/-"]


def test_two_replicas_run_the_operator_with_options_that_it_has() -> None:
    assert read("base/deployment.yaml")["spec"]["replicas"] == 2
    assert container()["command"] == ["agentctl"]
    name, *options = container()["args"]
    assert name == "run"
    given = run.make_context(name, [*options, *added(read("namespaced/kustomization.yaml"))]).params
    assert given["leader_elect"] is True
    assert given["namespaces"] == ("agents",)


def test_the_operator_and_the_wrapper_come_from_the_image_that_is_the_default() -> None:
    (wrapper,) = [each["value"] for each in container()["env"] if each["name"] == "AGENTCTL_WRAPPER_IMAGE"]
    assert container()["image"] == wrapper == Config().wrapper_image


def test_the_lease_that_may_be_updated_is_the_one_that_is_elected_by() -> None:
    named = {right.name for right in shipped() if right.resource == "leases"}
    assert named == {"", run.make_context("run", []).params["leader_election_id"]}


def test_the_namespace_that_is_served_is_the_one_that_may_be_acted_in() -> None:
    served = added(read("namespaced/kustomization.yaml"))
    assert served == [f"--namespace={read('namespaced/binding.yaml')['metadata']['namespace']}"]


def test_nothing_is_allowed_on_secrets_nor_by_wildcards() -> None:
    granted = shipped()
    assert len(granted) > 20
    assert [each for each in granted if "*" in each.group + each.resource + each.verb] == []
    assert [each for each in granted if "secrets" in each.resource] == []


def test_the_component_for_pull_secrets_alone_allows_to_read_them_and_switches_that_on() -> None:
    assert for_pull_secrets() == {Right("", "secrets", "get"), Right("", "serviceaccounts", "get")}
    component = read("pull-secrets/kustomization.yaml")
    assert component["kind"] == "Component"
    targets = [(patch["target"]["kind"], patch["target"]["name"]) for patch in component["patches"]]
    role, *_ = yaml.safe_load_all((DEPLOY / "base/rights.yaml").read_text())
    assert targets == [(each["kind"], each["metadata"]["name"]) for each in (role, read("base/deployment.yaml"))]
    (step,) = yaml.safe_load(component["patches"][1]["patch"])
    assert step["path"] == "/spec/template/spec/containers/0/env/-"
    (option,) = [each for each in run.params if each.name == "use_image_pull_secrets"]
    assert (option.envvar, option.type_cast_value(run.make_context("run", []), step["value"]["value"])) == (
        step["value"]["name"],
        True,
    )


def test_both_forms_bring_the_admission_policy_and_the_resource_type() -> None:
    assert "../../crds" in read("base/kustomization.yaml")["resources"]
    for form in ("cluster-wide", "namespaced"):
        assert {"../base", "../admission"} <= set(read(f"{form}/kustomization.yaml")["resources"])


def test_metrics_and_probes_are_asked_for_where_the_operator_listens() -> None:
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    given = run.make_context("run", container()["args"][1:]).params
    assert ports == {"metrics": given["metrics_bind_address"].port, "probes": given["health_probe_bind_address"].port}
    assert {container()[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")} == {"probes"}
    (exposed,) = read("base/metrics.yaml")["spec"]["ports"]
    assert (exposed["port"], exposed["targetPort"]) == (ports["metrics"], "metrics")
    assert "metrics.yaml" in read("base/kustomization.yaml")["resources"]
