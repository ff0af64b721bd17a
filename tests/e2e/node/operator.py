"""Installs the operator from deploy/, with its image from the registry of the tests."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.e2e.cluster.node_images import Images
from tests.e2e.support import Kubectl, eventually

NAMESPACE = "agentctl-system"
_DEPLOY = Path(__file__).parent.parent.parent.parent / "deploy"
_SECONDS = 90


def install(kubectl: Kubectl, images: Images, folder: Path) -> None:
    """Apply deploy/cluster-wide, changed only in where the image comes from, and wait until both replicas are ready."""
    write_overlay(images, folder)
    kubectl("apply", "--server-side", f"--kustomize={folder}")
    wait_available(kubectl)


def wait_available(kubectl: Kubectl) -> None:
    """Wait until all replicas of the operator are ready, as its Deployment is now."""
    eventually(lambda: _available(kubectl), _SECONDS, "all replicas of the operator are available")


def write_overlay(images: Images, folder: Path) -> None:
    """Write a kustomization that does what docs/deploy.md says about another image."""
    reference = images.reference("operator")
    name, _, tag = reference.rpartition(":")
    insecure = f"--insecure-registry={images.registry.partition('/')[0]}"
    container = "/spec/template/spec/containers/0"
    patch = [
        {"op": "add", "path": f"{container}/args/-", "value": insecure},
        {"op": "replace", "path": f"{container}/env/0/value", "value": reference},
    ]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # Bases have to be named by relative paths.
        "resources": [os.path.relpath(_DEPLOY / "cluster-wide", folder)],
        "images": [{"name": "agentctl/agentctl", "newName": name, "newTag": tag}],
        "patches": [{"target": {"kind": "Deployment", "name": "agentctl"}, "patch": json.dumps(patch)}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))


def leader(kubectl: Kubectl) -> str:
    """Return the name of the operator's pod that leads."""
    lease = kubectl.json("get", "lease", "agentctl", namespace=NAMESPACE)
    return str(lease["spec"]["holderIdentity"]).partition("_")[0]


def _available(kubectl: Kubectl) -> bool:
    deployment = kubectl.json("get", "deployment", "agentctl", namespace=NAMESPACE)
    status = deployment["status"]
    assert status.get("observedGeneration") == deployment["metadata"]["generation"]
    assert status.get("updatedReplicas") == status.get("availableReplicas") == deployment["spec"]["replicas"], status
    return True
