"""Users of a cluster, whom the administrator impersonates (`kubectl --as`), and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.e2e.support import Kubectl
from tests.rights import Right

_GROUP = "rbac.authorization.k8s.io"


def allow(kubectl: Kubectl, user: str, rights: Iterable[Right], namespace: str) -> None:
    """Give a user these rights in a namespace, and no others: a Role of his name, bound to him.

    Raises:
        KubectlError: kubectl failed.
    """
    rules = [
        {
            "apiGroups": [right.group],
            "resources": [right.resource],
            "verbs": [right.verb],
            **({"resourceNames": [right.name]} if right.name else {}),
        }
        for right in rights
    ]
    role = {"apiGroup": _GROUP, "kind": "Role", "name": user}
    subject = {"apiGroup": _GROUP, "kind": "User", "name": user}
    kubectl.apply(
        _manifest("Role", user, rules=rules),
        _manifest("RoleBinding", user, roleRef=role, subjects=[subject]),
        namespace=namespace,
    )


def _manifest(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": name}, **fields}
