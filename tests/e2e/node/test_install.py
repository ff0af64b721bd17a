"""Each way to install the operator, from nothing to nothing: Agents run through it, and go on through upgrades."""

from __future__ import annotations

import json
import shlex
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tools.manifests import INSTALL, PAGE, ROOT

from agentctl_core import Config
from tests.documents import blocks
from tests.e2e.agents import SECONDS
from tests.e2e.cluster.node_images import Images
from tests.e2e.cluster.real_node import RealNode
from tests.e2e.conftest import fresh_namespace
from tests.e2e.helm import CHART, Helm
from tests.e2e.node.operator import NAMESPACE, wait_available, write_overlay
from tests.e2e.node.support import Json, OnNode
from tests.e2e.node_session import access_to
from tests.e2e.session import CRD_FILE
from tests.e2e.support import Kubectl, eventually
from tests.e2e.users import allow
from tests.rights import Right

_CRD = "agents.agentctl.dev"
_CHART = str(CHART.relative_to(ROOT))
# What kubectl applies by -k and by -f.
_SOURCES = {"-k": "deploy/cluster-wide", "-f": str(INSTALL.relative_to(ROOT))}
_WAIT = ("--wait", "--timeout=120s")
# A field that the resource type had not always.
_NEW_FIELD = "terminationMessagePath"
_PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10}
# The garbage collector asks ever less often for the owner of a pod whose type it does not watch yet.
_LEFT_SECONDS = 180
# What comes and goes by itself, or stays for a while to be read.
_PASSING = ("events", "events.events.k8s.io")
# Whoever makes a namespace makes these.
_OF_NAMESPACE = {
    f"Namespace {NAMESPACE}",
    f"ServiceAccount {NAMESPACE}/default",
    f"ConfigMap {NAMESPACE}/kube-root-ca.crt",
}
_OF_CRD = {f"CustomResourceDefinition {_CRD}", "APIService v1alpha1.agentctl.dev"}


@pytest.fixture(scope="module")
def bare(starts_nodes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnNode]:
    """A namespace of a node of these tests' own, on which there is nothing of the operator, not even the resource type.

    One user edits the namespace, another one may write Agents and nothing else.
    """
    assert starts_nodes is None
    with RealNode(tmp_path_factory.mktemp("install") / "cluster") as node:
        access = access_to(node)
        kubectl = access.administrator()
        with fresh_namespace(kubectl) as namespace:
            eventually(lambda: kubectl.get("configmap", "kube-root-ca.crt", namespace), SECONDS, "its config map")
            kubectl("create", "rolebinding", "editor", "--clusterrole=edit", "--user=editor", namespace=namespace)
            writes = {Right("agentctl.dev", "agents", verb) for verb in ("create", "patch", "get")}
            allow(kubectl, "outsider", writes, namespace)
            yield OnNode(kubectl, namespace, Images(node.registry), access)


def test_helm_installs_upgrades_rolls_back_and_uninstalls(bare: OnNode, tmp_path: Path) -> None:
    before, kubectl = _stock(bare.kubectl), bare.kubectl
    helm = Helm(tmp_path, bare.node.kubeconfig, ROOT)
    values = _values(bare.images)
    fewer = values | {"replicas": 1, "log": {"level": "debug"}}

    older = [str(_older_chart(tmp_path)) if word == _CHART else word for word in _told("helm install")]
    helm(*older, *_WAIT, values=values)
    kubectl(*_told("kubectl label namespace"))
    _agent_is_ready(bare)
    uid = bare.uid("agent")
    _knows_the_new_field(bare, known=False)

    helm(*_told("helm upgrade"), *_WAIT, values=fewer)
    _knows_the_new_field(bare, known=True)
    _still_runs(bare, uid, replicas=1)

    helm(*_told("helm rollback"), *_WAIT)
    _knows_the_new_field(bare, known=False)
    _still_runs(bare, uid, replicas=2)

    helm(*_told("helm uninstall"), *_WAIT)
    # The Lease is the operator's own; it goes with the namespace.
    kept = {
        *_OF_CRD,
        *_OF_NAMESPACE,
        f"Lease {NAMESPACE}/agentctl",
        f"Agent {bare.namespace}/agent",
        f"Pod {bare.namespace}/agent",
    }
    _is_left(kubectl, before | kept)
    assert bare.uid("agent") == uid

    # A release that comes later takes the resource type over.
    helm(*_told("helm install"), *_WAIT, values=fewer)
    _knows_the_new_field(bare, known=True)
    _still_runs(bare, uid, replicas=1)
    # Before the resource type: the garbage collector may not find the owner of a pod whose kind is gone.
    kubectl(*_told("kubectl delete agents"))
    helm(*_told("helm uninstall"), *_WAIT)
    kubectl(*_told("kubectl delete crd"))
    kubectl(*_told("kubectl delete namespace"))
    _is_left(kubectl, before)


@pytest.mark.parametrize("option", ["-k", "-f"])
def test_what_kubectl_applies_it_upgrades_and_deletes(bare: OnNode, tmp_path: Path, option: str) -> None:
    kubectl, before = bare.kubectl, _stock(bare.kubectl)
    ours = _source(option, bare.images, tmp_path)
    apply, delete = (
        [ours if word == _SOURCES[option] else word for word in _told(f"kubectl {verb} {option}")]
        for verb in ("apply --server-side", "delete")
    )
    assert ours in apply
    assert ours in delete
    kubectl(*apply)
    wait_available(kubectl)
    # As an earlier version has left it.
    kubectl.apply(_older_crd())
    _knows_the_new_field(bare, known=False)
    _agent_is_ready(bare)
    uid = bare.uid("agent")

    kubectl(*apply)
    _knows_the_new_field(bare, known=True)
    _still_runs(bare, uid, replicas=2)

    kubectl(*_told("kubectl delete agents"))
    assert bare.pod("agent") is None
    kubectl(*delete)
    _is_left(kubectl, before)


def test_helm_installs_for_one_namespace_alone(bare: OnNode, tmp_path: Path) -> None:
    before, kubectl = _stock(bare.kubectl), bare.kubectl
    helm = Helm(tmp_path, bare.node.kubeconfig, ROOT)
    alone = f"--set=namespaces={{{bare.namespace}}}"
    with fresh_namespace(kubectl) as elsewhere:
        helm(*_told("helm install"), alone, *_WAIT, values=_values(bare.images))
        kubectl(*_told("kubectl label namespace"))
        other = OnNode(kubectl, elsewhere, bare.images, bare.node)
        other.run("agent", "entrypoint", command=["probe"])
        _agent_is_ready(bare)
        assert _may_create_pods(kubectl, bare.namespace)
        assert not _may_create_pods(kubectl, elsewhere)
        # It came first, and nobody has looked at it.
        assert other.agent("agent")["status"] == {"observedGeneration": -1}
        assert other.pod("agent") is None

        kubectl(*_told("kubectl delete agents"))
        assert bare.pod("agent") is None
        helm(*_told("helm uninstall"), *_WAIT)
    kubectl(*_told("kubectl delete crd"))
    kubectl(*_told("kubectl delete namespace"))
    _is_left(kubectl, before)


def _may_create_pods(kubectl: Kubectl, namespace: str) -> bool:
    operator = f"--as=system:serviceaccount:{NAMESPACE}:agentctl"
    return kubectl("auth", "can-i", "create", "pods", operator, namespace=namespace, check=False).stdout == "yes\n"


def _told(start: str) -> list[str]:
    """Return the words, after the program's name, of the command in docs/deploy.md that starts so."""
    lines = (line for block in blocks(PAGE) if block.language == "sh" for line in block.text.splitlines())
    (line,) = [line for line in lines if line.startswith(f"{start} ")]
    return shlex.split(line, comments=True)[1:]


def _values(images: Images) -> Json:
    repository, _, tag = images.reference("operator").rpartition(":")
    registry = images.registry.partition("/")[0]
    return {
        "image": {"repository": repository, "tag": tag},
        "extraArgs": [f"--insecure-registry={registry}"],
    }


def _source(option: str, images: Images, folder: Path) -> str:
    """Return what kubectl applies: what is shipped, with the image from the registry of the tests."""
    if option == "-k":
        write_overlay(images, folder)
        return str(folder)
    target = folder / "install.yaml"
    target.write_text(INSTALL.read_text().replace(Config().wrapper_image, images.reference("operator")))
    return str(target)


def _older_crd() -> Json:
    crd: Json = yaml.load(CRD_FILE.read_text(), Loader=yaml.CSafeLoader)
    (version,) = crd["spec"]["versions"]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][_NEW_FIELD]
    return crd


def _older_chart(folder: Path) -> Path:
    chart = shutil.copytree(CHART, folder / "older")
    (chart / "files/agents.yaml").write_text(json.dumps(_older_crd()))
    return chart


def _knows_the_new_field(bare: OnNode, *, known: bool) -> None:
    manifest = bare.manifest("other", "entrypoint", command=["probe"], **{_NEW_FIELD: "/dev/log"})
    arguments = ("create", "--dry-run=server", "--validate=strict", "--filename=-")

    def check() -> bool:
        run = bare.kubectl(*arguments, namespace=bare.namespace, input=json.dumps(manifest), check=False)
        assert (run.returncode == 0) == known, run.stderr
        return known or f'unknown field "spec.{_NEW_FIELD}"' in run.stderr

    eventually(check, SECONDS, f"the new field is {'known' if known else 'not known'}")


def _agent_is_ready(bare: OnNode) -> None:
    """Let the editor make an Agent; the outsider, who may make no pods, is refused."""
    manifest = bare.manifest("agent", "entrypoint", "http=8080,wait,exit=0", command=["probe"], readinessProbe=_PROBE)

    def applied(user: str, *options: str) -> str:
        arguments = ("apply", "--server-side", f"--as={user}", "--filename=-", *options)
        return bare.kubectl(*arguments, namespace=bare.namespace, input=json.dumps(manifest), check=False).stderr

    # Policies come into force, and roles are added to those of Kubernetes, some time after they were made.
    eventually(lambda: "ask for `create` on `pods`" in applied("outsider", "--dry-run=server"), SECONDS, "a refusal")
    eventually(lambda: applied("editor") == "", SECONDS, "the editor is not")
    bare.wait_ready("agent")
    assert bare.said("agent", "start")["init"] == "tini"


def _still_runs(bare: OnNode, uid: str | None, *, replicas: int) -> None:
    """The Agent's pod is the same, and the operator, whose pods may be others, brings a change to it."""
    wait_available(bare.kubectl)
    assert bare.kubectl.json("get", "deployment", "agentctl", namespace=NAMESPACE)["spec"]["replicas"] == replicas
    mark = uuid.uuid4().hex
    bare.patch("agent", podTemplate={"metadata": {"labels": {"mark": mark}}})
    eventually(lambda: bare.pod("agent")["metadata"]["labels"].get("mark") == mark, SECONDS, "the pod is labelled")
    bare.wait_ready("agent")
    assert bare.uid("agent") == uid


def _stock(kubectl: Kubectl) -> set[str]:
    """Return all that there is, by kind and name; a ClusterRole with what it allows, since others add to some."""
    kinds = kubectl("api-resources", "--verbs=list", "--output=name").stdout.split()
    items = kubectl.json("get", ",".join(kind for kind in kinds if kind not in _PASSING), "--all-namespaces")["items"]
    return {_name(item) for item in items}


def _name(item: Json) -> str:
    metadata = item["metadata"]
    name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    rules = json.dumps(item["rules"]) if item["kind"] == "ClusterRole" else ""
    return " ".join(filter(None, (item["kind"], name, rules)))


def _is_left(kubectl: Kubectl, expected: set[str]) -> None:
    def check() -> bool:
        found = _stock(kubectl)
        too_much, missing = sorted(found - expected), sorted(expected - found)
        assert (too_much, missing) == ([], [])
        return True

    eventually(check, _LEFT_SECONDS, "nothing else is left", interval=1)
