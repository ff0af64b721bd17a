"""The shipped manifests on an API server that writes down what each user asks for: exactly what they allow is used."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentctl_core import Ref, build_pod, parse_agent, wanted
from tests.e2e.agents import SECONDS, agent, claim_template, growing_storage
from tests.e2e.audit import AuditLog
from tests.e2e.cluster import build
from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.cluster.image import Image, Repository
from tests.e2e.cluster.registry_server import RegistryServer
from tests.e2e.hand_node import HandNode, placement
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import failed, resizing, running, succeeded
from tests.e2e.session import CRD_FILE
from tests.e2e.stage import Json, Stage
from tests.e2e.support import Kubectl, eventually, pod_manifest
from tests.e2e.users import allow
from tests.rights import Right, for_pull_secrets, shipped

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM, ACCOUNT = "agentctl-system", "agentctl"
USER = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
SERVED = "agents"
STORAGE_CLASS = "growing"
LESS: Json = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
MORE: Json = {"requests": {"cpu": "200m"}, "limits": {"cpu": "400m"}}
NEEDED_UNASKED = {Right("agentctl.dev", "agents/finalizers", "update")}
"""What no request asks for: OwnerReferencesPermissionEnforcement looks whether owners may block deletion."""

LISTS = {right for right in shipped() if right.verb == "list"}
"""What only older API servers are asked for."""


class Plane:
    """A control plane with an audit log, into which the operator's manifests can be put."""

    def __init__(self, plane: ControlPlane, audit: AuditLog, directory: Path) -> None:
        self.audit = audit
        self.kubectl = Kubectl(plane.kubeconfig, plane.bin / "kubectl", directory / "kubectl-cache")
        self._directory = directory

    def operator(self, namespace: str | None, *further: str) -> OperatorProcess:
        """Return an operator that is what its pod would be: the service account with what the manifests gave it."""
        token = self.kubectl("create", "token", ACCOUNT, namespace=SYSTEM).stdout.strip()
        kubeconfig = self.kubectl.config_with(token, self._directory / f"operator-{namespace}.kubeconfig")
        options = ("--leader-elect", f"--leader-election-namespace={SYSTEM}", *further)
        return OperatorProcess(kubeconfig, namespace, self._directory / f"operator-{namespace}.log", options)

    def apply(self, form: str, *components: str) -> None:
        """Apply one form of deploy/, or what a kustomization makes of it that takes components in."""
        folder = self._directory / "overlay"
        folder.mkdir(exist_ok=True)
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            # Bases have to be named by relative paths.
            "resources": [os.path.relpath(DEPLOY / form, folder)],
            "components": [os.path.relpath(DEPLOY / each, folder) for each in components],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
        self.kubectl("apply", "--server-side", f"--kustomize={folder if components else DEPLOY / form}")

    @contextmanager
    def runs(self, namespace: str | None, *options: str) -> Iterator[Stage]:
        """Run the operator for a scenario; it is denied nothing and has no complaints."""
        operator = self.operator(namespace, *options)
        with HandNode(self.kubectl) as node:
            operator.start()
            try:
                yield Stage(self.kubectl, SERVED, node, operator)
            except AssertionError as error:
                error.add_note(f"denied requests: {self.audit.denied(USER)}")
                raise
            finally:
                assert operator.stop() == 0
            self.kubectl("delete", "agents.agentctl.dev", "--all", namespace=SERVED)
        assert self.audit.denied(USER) == []
        assert operator.complaints() == []


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with _plane(
        tmp_path_factory.mktemp("rights"), "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"
    ) as plane:
        yield plane


@pytest.fixture
def older_plane(tmp_path: Path) -> Iterator[Plane]:
    """A control plane that streams no lists, as Kubernetes did until 1.33."""
    with _plane(tmp_path, "--feature-gates=WatchList=false") as plane:
        yield plane


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that shows everybody the image team/agent:1; returns its host."""
    with RegistryServer(build.registry(), tmp_path_factory.mktemp("registry")) as server:
        Repository(server.host, "team/agent").push(Image(["/agent"]), "1")
        yield server.host


@contextmanager
def _plane(directory: Path, *flags: str) -> Iterator[Plane]:
    audit = AuditLog(directory)
    with ControlPlane(
        directory / "plane", apiserver_flags=(*audit.flags, *flags), manifests=[CRD_FILE]
    ) as control_plane:
        plane = Plane(control_plane, audit, directory)
        plane.kubectl("create", "namespace", SERVED)
        eventually(lambda: plane.kubectl.get("serviceaccount", "default", SERVED), 30, "pods are taken")
        yield plane


def test_the_operator_uses_every_right_that_it_has_and_is_denied_nothing(plane: Plane, registry: str) -> None:
    plane.apply("cluster-wide")
    _pods_of_the_operator_are_admitted(plane.kubectl)
    with plane.runs(None, f"--insecure-registry={registry}") as stage:
        _images_are_looked_up(stage, registry)
        _a_whole_life(stage)
        _a_failure(stage)
        _a_task_that_is_cleared_away(stage)
        _strangers(stage)
    granted, used = shipped(), plane.audit.used(USER)
    assert sorted(right for right in used if not any(each.covers(right) for each in granted)) == []
    unused = {each for each in granted if not any(each.covers(right) for right in used)}
    assert unused == NEEDED_UNASKED | LISTS


def test_secrets_are_read_where_that_is_switched_on_by_the_component_that_brings_the_right_to(
    older_plane: Plane, registry: str
) -> None:
    plane = older_plane
    plane.apply("namespaced", "pull-secrets")
    (container,) = plane.kubectl.json("get", "deployment", ACCOUNT, namespace=SYSTEM)["spec"]["template"]["spec"][
        "containers"
    ]
    switch = {"name": "AGENTCTL_USE_IMAGE_PULL_SECRETS", "value": "true"}
    assert switch in container["env"]
    with plane.runs(SERVED, f"--insecure-registry={registry}", "--use-image-pull-secrets") as stage:
        _images_are_looked_up(stage, registry)
    granted, used = shipped() | for_pull_secrets(), plane.audit.used(USER)
    assert sorted(right for right in used if not any(each.covers(right) for each in granted)) == []
    assert [each for each in for_pull_secrets() if not any(each.covers(right) for right in used)] == []
    for namespace, answer in ((SERVED, "yes"), ("default", "no"), (SYSTEM, "no")):
        may = plane.kubectl("auth", "can-i", "get", "secrets", f"--as={USER}", namespace=namespace, check=False)
        assert may.stdout.strip() == answer, namespace


def test_the_operator_of_one_namespace_may_do_nothing_in_others_and_lists_where_lists_are_not_streamed(
    older_plane: Plane,
) -> None:
    plane = older_plane
    plane.apply("namespaced")
    with plane.runs(SERVED) as stage:
        stage.run("one", service={"ports": [{"port": 80}]}, files=[{"path": "a", "content": "a"}])
    for namespace, answer in ((SERVED, "yes"), ("default", "no"), (SYSTEM, "no")):
        may = plane.kubectl("auth", "can-i", "list", "pods", f"--as={USER}", namespace=namespace, check=False)
        assert may.stdout.strip() == answer, namespace
    assert plane.audit.used(USER) >= LISTS


def test_owners_that_block_deletion_need_the_right_on_their_finalizers(plane: Plane) -> None:
    makes_pods = Right("", "pods", "create")
    allow(plane.kubectl, "without", {makes_pods}, SERVED)
    allow(plane.kubectl, "with", {makes_pods, *NEEDED_UNASKED}, SERVED)
    owner = agent("owner")
    owner["metadata"]["namespace"] = SERVED
    pod = json.dumps(build_pod(parse_agent(owner)))
    made = ("create", "--dry-run=server", "--filename=-")
    assert plane.kubectl(*made, "--as=with", input=pod).returncode == 0
    refused = plane.kubectl(*made, "--as=without", input=pod, check=False)
    assert "cannot set blockOwnerDeletion" in refused.stderr


def test_who_edits_or_views_a_namespace_does_so_with_its_agents(plane: Plane) -> None:
    plane.apply("cluster-wide")
    for role in ("edit", "view"):
        arguments = (f"--clusterrole={role}", f"--user=who-{role}s", "--dry-run=client", "--output=json")
        binding = plane.kubectl("create", "rolebinding", role, *arguments, namespace=SERVED).stdout
        plane.kubectl("apply", "--filename=-", input=binding)
    spec: Json = {
        "service": {"ports": [{"port": 80}]},
        "files": [{"path": "a", "content": "a"}],
        "volumeClaimTemplates": [_template("1Gi")],
        "podTemplate": {"spec": {"serviceAccountName": "other"}},
    }
    made = ("create", "--dry-run=server", "--filename=-")
    manifest = json.dumps(agent("one", **spec))

    def create(user: str) -> str:
        return plane.kubectl(*made, f"--as={user}", input=manifest, namespace=SERVED, check=False).stderr

    # The controller manager adds our rules to the roles of Kubernetes.
    eventually(lambda: not create("who-edits"), SECONDS, "who edits may create Agents")
    seen = plane.kubectl("get", "agents.agentctl.dev", "--as=who-views", namespace=SERVED, check=False)
    assert "No resources found" in seen.stderr
    assert "is forbidden" in create("who-views")


def _pods_of_the_operator_are_admitted(kubectl: Kubectl) -> None:
    """Wait for both pods of the Deployment, in a namespace that takes nothing but *restricted*."""

    def made() -> list[str]:
        pods = kubectl.json("get", "pods", "--selector=app.kubernetes.io/component=operator", namespace=SYSTEM)["items"]
        return [pod["spec"]["serviceAccountName"] for pod in pods]

    eventually(lambda: made() == [ACCOUNT, ACCOUNT], SECONDS, "both pods are made")
    plain = json.dumps(pod_manifest("plain"))
    refused = kubectl("create", "--dry-run=server", "--filename=-", input=plain, namespace=SYSTEM, check=False)
    assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def _images_are_looked_up(stage: Stage, registry: str) -> None:
    """Run Agents whose commands stand in their image, with a pull secret of their own and with the account's."""
    image = f"{registry}/team/agent:1"
    template = placement(stage.node.pool) | {"imagePullSecrets": [{"name": "pull"}]}
    stage.run("named", image=image, command=[], podTemplate={"spec": template})
    stage.run("unnamed", image=image, command=[])


def _a_whole_life(stage: Stage) -> None:
    """Create, change in every way, suspend and wake, with everything beside the pod."""
    stage.kubectl.apply(*growing_storage(STORAGE_CLASS, "data-whole", SERVED))
    whole: Json = {
        "service": {"ports": [{"port": 80}]},
        "files": [{"path": "a", "content": "a"}],
        "volumeClaimTemplates": [_template("1Gi")],
    }
    pod = stage.start("whole", resources=LESS, **whole)
    stage.node.report(pod, resizing(1))
    stage.wait_ready("whole")
    # What somebody has taken away from what is ours is put back.
    (files,) = [name for name in stage.names("configmaps") if name.startswith("whole-files-")]
    for kind, name in (("service", "whole"), ("configmap", files)):
        _lacks_a_label(stage, kind, name)
    stage.patch("whole", podTemplate={"metadata": {"labels": {"team": "a"}}})
    eventually(lambda: stage.pod("whole")["metadata"]["labels"].get("team"), SECONDS, "the label is there")
    stage.patch("whole", resources=MORE)
    eventually(lambda: stage.pod("whole")["spec"]["containers"][0]["resources"] == MORE, SECONDS, "it is resized")
    stage.patch("whole", volumeClaimTemplates=[_template("2Gi")])
    eventually(lambda: _storage(stage) == "2Gi", SECONDS, "the claim has grown")
    stage.patch("whole", service=None, files=[{"path": "a", "content": "b"}])
    stage.end(pod)
    again = stage.bound("whole", other_than=pod)
    stage.node.report(again, running())
    stage.wait_ready("whole")
    eventually(lambda: "whole" not in stage.names("services"), SECONDS, "the service is gone")
    eventually(lambda: files not in stage.names("configmaps"), SECONDS, "the former config map is gone")
    stage.scale("whole", 0)
    stage.end(again)
    stage.wait_gone("whole")
    stage.scale("whole", 1)
    woken = stage.bound("whole")
    stage.node.report(woken, running())
    stage.wait_ready("whole")


def _lacks_a_label(stage: Stage, kind: str, name: str) -> None:
    """Take a label away, and wait until it is back."""
    label = "app.kubernetes.io/component"
    stage.kubectl("label", kind, name, f"{label}-", namespace=stage.namespace)

    def is_back() -> bool:
        found: Json = stage.kubectl.json("get", kind, name, namespace=stage.namespace)
        return label in found["metadata"]["labels"]

    eventually(is_back, SECONDS, f"the label of {kind} {name} is back")


def _a_failure(stage: Stage) -> None:
    pod = stage.run("failing")
    stage.node.report(pod, failed())
    stage.wait_replaced(pod)
    stage.wait_reason("failing", "Ready", "Backoff")
    assert ("Warning", "PodFailed") in stage.events("failing")


def _a_task_that_is_cleared_away(stage: Stage) -> None:
    pod = stage.start("task", restartPolicy="Never", ttlSecondsAfterFinished=0)
    stage.node.report(pod, succeeded())
    eventually(lambda: stage.agent("task") is None, SECONDS, "the Agent is gone")


def _strangers(stage: Stage) -> None:
    """Let each name that an Agent wants be somebody else's."""
    spec: Json = {
        "service": {"ports": [{"port": 80}]},
        "files": [{"path": "a", "content": "a"}],
        "volumeClaimTemplates": [_template("1Gi")],
    }
    for kind, one in (("Pod", {}), ("Service", spec), ("ConfigMap", spec), ("PersistentVolumeClaim", spec)):
        manifest = agent(f"wants-{kind.lower()}", **one)
        manifest["metadata"]["namespace"] = stage.namespace
        (ref,) = [each for each in wanted(manifest) if each.kind == kind]
        stage.apply(_stranger(ref), manifest)
        stage.wait_reason(f"wants-{kind.lower()}", "Accepted", "NameConflict")


def _stranger(ref: Ref) -> Json:
    specs: dict[str, Json] = {
        "Pod": pod_manifest(ref.name),
        "Service": {"spec": {"ports": [{"port": 1}]}},
        "ConfigMap": {"data": {"a": "b"}},
        "PersistentVolumeClaim": {"spec": _template("1Gi")["spec"]},
    }
    return specs[ref.kind] | {"apiVersion": "v1", "kind": ref.kind, "metadata": {"name": ref.name}}


def _template(storage: str) -> Json:
    return claim_template(storage, STORAGE_CLASS)


def _storage(stage: Stage) -> str:
    claim = stage.kubectl.get("pvc", "data-whole", stage.namespace)
    assert claim is not None
    return str(claim["spec"]["resources"]["requests"]["storage"])
