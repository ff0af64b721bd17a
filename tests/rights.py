"""The rights that the manifests give to the operator."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

DEPLOY = Path(__file__).parents[1] / "deploy"
BASE = DEPLOY / "base"
RULES = (BASE / "rights.yaml", BASE / "election.yaml")
"""The files with rules: where Agents live, and in the operator's own namespace."""
PULL_SECRETS = DEPLOY / "pull-secrets" / "kustomization.yaml"
"""The component that adds a rule."""


@frozen(order=True)
class Right:
    """One verb on one resource.

    Attributes:
        group: the API group; empty for the core's.
        resource: in the plural, with its subresource after a slash.
        verb: as RBAC has it.
        name: of the only object that it is for; empty for all.
    """

    group: str
    resource: str
    verb: str
    name: str = ""

    def covers(self, used: Right) -> bool:
        """Tell whether this right allows what that one does."""
        is_same = (self.group, self.resource, self.verb) == (used.group, used.resource, used.verb)
        return is_same and self.name in ("", used.name)


def shipped() -> frozenset[Right]:
    """Return what the shipped roles allow, one right for each verb."""
    return frozenset(right for file in RULES for role in yaml.safe_load_all(file.read_text()) for right in _of(role))


def for_pull_secrets() -> frozenset[Right]:
    """Return what the component for pull secrets adds to the operator's role."""
    patches = yaml.safe_load(PULL_SECRETS.read_text())["patches"]
    (patch,) = [each["patch"] for each in patches if each["target"]["kind"] == "ClusterRole"]
    (step,) = yaml.safe_load(patch)
    assert (step["op"], step["path"]) == ("add", "/rules/-")
    return frozenset(_of({"rules": [step["value"]]}))


def _of(role: dict[str, Any]) -> Iterable[Right]:
    for rule in role.get("rules", ()):
        assert rule.keys() <= {"apiGroups", "resources", "resourceNames", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", ("",)):
                        yield Right(group, resource, verb, name)
