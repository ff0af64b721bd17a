"""The Helm chart, without a cluster: what it makes is what kustomize makes, and each value is where it belongs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.manifests import INSTALL, install_yaml, schema, values

from agentctl_runtime.cli.run import run
from tests.e2e.cluster.build import monitoring_crds
from tests.e2e.helm import CHART, Helm, Json
from tests.e2e.support import Kubectl, eventually
from tests.rights import DEPLOY

_HELMS_OWN = ("app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart", "helm.sh/resource-policy")
# An interval that YAML takes for a number, unless it is quoted.
_MONITORS: Json = {"serviceMonitor": {"enabled": True, "interval": "0"}, "prometheusRule": {"enabled": True}}
_DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"))


def test_the_one_file_is_what_kustomize_makes(kubectl: Kubectl) -> None:
    assert INSTALL.read_text() == install_yaml(kubectl.binary), "run `make manifests`"


def test_lint_finds_nothing(helm: Helm) -> None:
    said = helm("lint", "--strict", str(CHART), values=_all_on())
    assert "0 chart(s) failed" in said
    assert "WARNING" not in said


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({}, ["cluster-wide"]),
        ({"usePullSecrets": True}, ["cluster-wide", "pull-secrets"]),
        ({"namespaces": ["agents"]}, ["namespaced"]),
        ({"namespaces": ["agents"], "usePullSecrets": True}, ["namespaced", "pull-secrets"]),
        ({"metrics": {name: {"enabled": True} for name in _MONITORS}}, ["cluster-wide", "prometheus"]),
    ],
)
def test_the_chart_makes_what_kustomize_makes(
    helm: Helm, kubectl: Kubectl, tmp_path: Path, given: Json, parts: list[str]
) -> None:
    # Bases have to be named by relative paths.
    form, *components = [os.path.relpath(DEPLOY / each, tmp_path) for each in parts]
    kustomization = {"resources": [form], "components": components}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))
    made = _by_name(yaml.safe_load_all(kubectl("kustomize", str(tmp_path)).stdout))
    # Helm's users make it, by --create-namespace or themselves.
    del made["Namespace", "", "agentctl-system"]
    assert len(made) > 10
    assert {key: _plain(each) for key, each in _by_name(helm.rendered(given)).items()} == made


def _by_name(documents: Any) -> dict[tuple[str, str, str], Json]:
    made = list(documents)
    named = {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in made}
    assert len(named) == len(made)
    return named


def _plain(manifest: Json) -> Json:
    """Return a manifest without what Helm's own ones have besides."""
    metadata = dict(manifest["metadata"])
    for kind in ("labels", "annotations"):
        metadata[kind] = {key: text for key, text in metadata.get(kind, {}).items() if key not in _HELMS_OWN}
    return {**manifest, "metadata": {key: value for key, value in metadata.items() if value}}


def _one(made: list[Json], kind: str) -> Json:
    (found,) = [each for each in made if each["kind"] == kind]
    return found


def _pod(made: list[Json]) -> Json:
    pod: Json = _one(made, "Deployment")["spec"]["template"]
    return pod


def _container(made: list[Json]) -> Json:
    (found,) = _pod(made)["spec"]["containers"]
    container: Json = found
    return container


def _wrapper(made: list[Json]) -> str:
    (found,) = [each["value"] for each in _container(made)["env"] if each["name"] == "AGENTCTL_WRAPPER_IMAGE"]
    return str(found)


def _all_on() -> Json:
    return {"metrics": {**_MONITORS, "dashboard": {"enabled": True}}}


def test_the_wrapper_comes_from_the_operators_image_unless_another_one_is_named(helm: Helm) -> None:
    made = helm.rendered({"image": {"repository": "reg.example/agentctl", "tag": "2"}})
    assert _container(made)["image"] == _wrapper(made) == "reg.example/agentctl:2"
    made = helm.rendered({"image": {"repository": "reg.example/agentctl", "tag": "2", "digest": _DIGEST}})
    assert _container(made)["image"] == _wrapper(made) == f"reg.example/agentctl@{_DIGEST}"
    made = helm.rendered({"wrapperImage": "reg.example/tini:1"})
    assert (_container(made)["image"], _wrapper(made)) == ("agentctl/agentctl:0.1.0.dev0", "reg.example/tini:1")


def test_options_of_the_operator_are_such_as_it_has(helm: Helm) -> None:
    made = helm.rendered(
        {
            "namespaces": ["a", "b"],
            "log": {"format": "console", "level": "debug"},
            "extraArgs": ["--insecure-registry=reg.example:5000", "--security-profile=Restricted"],
            "metrics": {"enabled": False},
        },
        release="team",
    )
    name, *options = _container(made)["args"]
    given = run.make_context(name, options).params
    expected = {
        "namespaces": ("a", "b"),
        "log_format": "console",
        "log_level": "debug",
        "insecure_registries": ("reg.example:5000",),
        "security_profile": "Restricted",
        "metrics_bind_address": None,
        "leader_elect": True,
        "leader_election_id": "team-agentctl",
    }
    assert {key: given[key] for key in expected} == expected
    lease, *_ = [rule["resourceNames"] for rule in _one(made, "Role")["rules"] if "resourceNames" in rule]
    assert lease == ["team-agentctl"]


_POD_FIELDS: Json = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "agents", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "priorityClassName": "system-cluster-critical",
}


def test_each_value_for_the_pod_stands_where_kubernetes_has_it(helm: Helm) -> None:
    volumes, mounts = [{"name": "ca", "secret": {"secretName": "ca"}}], [{"name": "ca", "mountPath": "/ca"}]
    variable, resources = {"name": "HTTPS_PROXY", "value": "http://proxy:1"}, {"limits": {"memory": "2Gi"}}
    made = helm.rendered(
        {
            **_POD_FIELDS,
            "replicas": 3,
            "image": {"pullPolicy": "Always", "pullSecrets": ["one", "two"]},
            "extraVolumes": volumes,
            "extraVolumeMounts": mounts,
            "extraEnv": [variable],
            "resources": resources,
            "podLabels": {"team": "a"},
            "podAnnotations": {"note": "b"},
            "podDisruptionBudget": {"maxUnavailable": "50%"},
        }
    )
    spec, container = _pod(made)["spec"], _container(made)
    assert {name: spec[name] for name in _POD_FIELDS} == _POD_FIELDS
    assert spec["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert (spec["volumes"], container["volumeMounts"]) == (volumes, mounts)
    assert container["env"][-1] == variable
    # A value of the user's stands beside the default ones of the same object.
    assert container["resources"]["limits"] == resources["limits"]
    assert container["imagePullPolicy"] == "Always"
    metadata = _pod(made)["metadata"]
    assert (metadata["labels"]["team"], metadata["annotations"]) == ("a", {"note": "b"})
    assert _one(made, "Deployment")["spec"]["replicas"] == 3
    assert _one(made, "PodDisruptionBudget")["spec"]["maxUnavailable"] == "50%"


def _nested(path: str, value: object) -> Json:
    for name in reversed(path.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


_SWITCHES = {
    "crds.install": {"CustomResourceDefinition": 1},
    "admissionPolicy.enabled": {"ValidatingAdmissionPolicy": 1, "ValidatingAdmissionPolicyBinding": 1},
    "userRoles.enabled": {"ClusterRole": 2},
    "podDisruptionBudget.enabled": {"PodDisruptionBudget": 1},
    "metrics.enabled": {"Service": 1},
    "metrics.serviceMonitor.enabled": {"ServiceMonitor": 1},
    "metrics.prometheusRule.enabled": {"PrometheusRule": 1},
    "metrics.dashboard.enabled": {"ConfigMap": 1},
}


@pytest.mark.parametrize(("switch", "kinds"), _SWITCHES.items())
def test_a_switch_brings_its_objects_and_no_others(helm: Helm, switch: str, kinds: dict[str, int]) -> None:
    on, off = (_counts(helm.rendered(_nested(switch, each))) for each in (True, False))
    assert {kind: on[kind] - off.get(kind, 0) for kind in on if on[kind] != off.get(kind, 0)} == kinds
    assert off.keys() <= on.keys()


def _counts(made: list[Json]) -> dict[str, int]:
    kinds = [each["kind"] for each in made]
    return {kind: kinds.count(kind) for kind in kinds}


def test_every_switch_is_one_of_those() -> None:
    switches = {path for path, each in values(schema()) if path.endswith((".enabled", ".install"))}
    assert switches == _SWITCHES.keys()


def test_the_resource_type_is_kept_unless_that_is_not_wanted(helm: Helm) -> None:
    kept, gone = (_one(helm.rendered({"crds": {"keep": keep}}), "CustomResourceDefinition") for keep in (True, False))
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in gone["metadata"]


def test_alerts_dashboard_and_monitor_are_those_of_the_other_files(helm: Helm) -> None:
    labels = {"release": "prometheus"}
    monitors = {name: {**each, "labels": labels} for name, each in _MONITORS.items()}
    made = helm.rendered({"metrics": {**monitors, "dashboard": {"enabled": True, "labels": {"folder": "agents"}}}})
    rule, monitor, dashboard = (_one(made, kind) for kind in ("PrometheusRule", "ServiceMonitor", "ConfigMap"))
    assert rule["spec"] == yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    assert json.loads(dashboard["data"]["agentctl.json"]) == json.loads((DEPLOY / "grafana/agentctl.json").read_text())
    assert dashboard["metadata"]["labels"].items() >= {"grafana_dashboard": "1", "folder": "agents"}.items()
    service = _one(made, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    assert endpoint == {"port": port["name"], "interval": "0"}
    for each in (rule, monitor):
        assert each["metadata"]["labels"].items() >= labels.items()


def test_two_releases_share_nothing_but_what_a_cluster_has_once(helm: Helm) -> None:
    one, two = (_by_name(helm.rendered({}, release=release)).keys() for release in ("one", "two"))
    shared = {"CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert {kind for kind, _, _ in one & two} == shared
    selectors = [_one(helm.rendered({}, release=each), "Deployment")["spec"]["selector"] for each in ("one", "two")]
    assert selectors[0] != selectors[1]


@pytest.mark.parametrize(
    ("release", "given", "expected"),
    [
        ("agentctl", {}, "agentctl"),
        ("team", {}, "team-agentctl"),
        ("my-agentctl", {}, "my-agentctl"),
        ("team", {"fullnameOverride": "operator"}, "operator"),
        ("a" * 53, {}, "a" * 42),
    ],
)
def test_the_name_is_that_of_the_release(helm: Helm, release: str, given: Json, expected: str) -> None:
    made = helm.rendered(given, release=release)
    assert _one(made, "Deployment")["metadata"]["name"] == expected
    assert max(len(each["metadata"]["name"]) for each in made) <= 63


_WRONG: list[tuple[Json, str]] = [
    ({"replica": 1}, "additional properties 'replica' not allowed"),
    ({"image": {"repositry": "a"}}, "at '/image': additional properties 'repositry' not allowed"),
    ({"image": {"tag": "a:b"}}, "at '/image/tag': 'a:b' does not match pattern"),
    ({"image": {"digest": "sha256:1"}}, "at '/image/digest': 'sha256:1' does not match pattern"),
    ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy': value must be one of '', 'Always'"),
    ({"replicas": "2"}, "at '/replicas': got string, want integer"),
    ({"namespaces": ["a", "A", "a"]}, "at '/namespaces/1': 'A' does not match pattern"),
    ({"log": {"level": "loud"}}, "at '/log/level': value must be one of 'debug'"),
    ({"extraArgs": ["log-level"]}, "at '/extraArgs/0': 'log-level' does not match pattern"),
    ({"nodeSelector": {"a": 1}}, "at '/nodeSelector/a': got number, want string"),
    ({"podDisruptionBudget": {"maxUnavailable": "half"}}, "at '/podDisruptionBudget/maxUnavailable': 'half' does not"),
    ({"metrics": {"serviceMonitor": {"interval": "15"}}}, "at '/metrics/serviceMonitor/interval': '15' does not"),
]


def test_wrong_values_are_told_all_at_once_each_with_its_path(helm: Helm) -> None:
    given: Json = {}
    for each, _ in _WRONG:
        _merge(given, each)
    said = helm("template", "agentctl", str(CHART), values=given, check=False)
    assert [message for _, message in _WRONG if message not in said] == []


def _merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            assert key not in into
            into[key] = value


def test_a_monitor_needs_metrics(helm: Helm) -> None:
    given = {"metrics": {"enabled": False, "serviceMonitor": {"enabled": True}}}
    said = helm("template", "agentctl", str(CHART), values=given, check=False)
    assert "metrics.serviceMonitor.enabled: there is nothing to scrape; set metrics.enabled" in said


def test_an_older_kubernetes_is_refused(helm: Helm) -> None:
    assert "requires kubeVersion: >=1.33.0-0" in helm(
        "template", "agentctl", str(CHART), "--kube-version=1.32.9", check=False
    )


def test_an_api_server_takes_all_that_it_makes_and_nothing_misspelt(
    helm: Helm, kubectl: Kubectl, namespace: str
) -> None:
    made = helm.rendered({**_POD_FIELDS, **_all_on(), "namespaces": [namespace]}, namespace=namespace)

    def applied(objects: list[Json]) -> subprocess.CompletedProcess[str]:
        arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        return kubectl(*arguments, "--filename=-", namespace=namespace, input=items, check=False)

    with _types_of_the_prometheus_operator(kubectl):
        taken = applied(made)
        assert (taken.stderr, len(taken.stdout.splitlines())) == ("", len(made))
        for kind, field in (("ServiceMonitor", "interval"), ("PrometheusRule", "expr")):
            misspelt = json.dumps(_one(made, kind)).replace(f'"{field}":', f'"{field}x":')
            refused = applied([json.loads(misspelt)])
            # kubectl's words or the API server's, whoever knows the new type first.
            assert re.search(rf'unknown field "{field}x"|\b{field}x: field not declared', refused.stderr), refused


@contextmanager
def _types_of_the_prometheus_operator(kubectl: Kubectl) -> Iterator[None]:
    """Let there be its ServiceMonitor and PrometheusRule; a cluster that has them keeps its own."""
    files = [f"--filename={each}" for each in monitoring_crds()]
    missing = [each for each in files if kubectl("get", each, check=False).returncode != 0]
    try:
        for each in missing:
            kubectl("create", each)
        kubectl("wait", "--for=condition=Established", "--timeout=30s", *files)
        # Established comes before the API server lists it in its discovery documents.
        eventually(lambda: kubectl("get", "servicemonitors,prometheusrules"), 30, "its types are served")
        yield
    finally:
        for each in missing:
            kubectl("delete", each, "--ignore-not-found")


def test_an_interval_is_one_that_the_prometheus_operator_takes() -> None:
    _, monitor = (yaml.load(each.read_bytes(), Loader=yaml.CSafeLoader) for each in monitoring_crds())
    node = monitor["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name in ("spec", "endpoints"):
        node = node["properties"][name]
    theirs = node["items"]["properties"]["interval"]
    assert dict(values(schema()))["metrics.serviceMonitor.interval"]["pattern"] == theirs["pattern"]


def test_the_package_holds_the_chart_and_nothing_else(helm: Helm, tmp_path: Path) -> None:
    helm("package", str(CHART), f"--destination={tmp_path}")
    (package,) = tmp_path.glob("*.tgz")
    assert package.name == "agentctl-0.1.0-dev.0.tgz"
    assert helm("template", "agentctl", str(package)) == helm("template", "agentctl", str(CHART))
