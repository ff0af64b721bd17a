"""The security profile: defaults of the securityContexts, which what the spec sets overrides field by field.

*Baseline* runs any image, and lets no process gain privileges; *Restricted* passes the Pod Security Standard of that
name, as long as the user's volumes do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from .._agent import Agent
from .._config import Config
from .._contribution import Contribution
from .._json import reach
from .._merge import merge_patch

_RUNTIME_DEFAULT: Final = {"type": "RuntimeDefault"}
_NO_CAPABILITIES: Final = {"drop": ["ALL"]}


def contribute(agent: Agent, config: Config) -> Contribution:
    """Return the defaults of `spec.securityProfile`, or else of the operator's own profile."""
    restricted = (agent.spec.security_profile or config.security_profile) == "Restricted"
    pod: dict[str, Any] = {"runAsNonRoot": True} if restricted else {}
    container: dict[str, Any] = {}
    # The API server refuses these on a pod that says that it is for Windows, and *restricted* does not ask for them.
    if reach(agent.spec.pod_template.spec, "os", "name") != "windows":
        pod["seccompProfile"] = _RUNTIME_DEFAULT
        container["allowPrivilegeEscalation"] = False
        if restricted:
            container["capabilities"] = _NO_CAPABILITIES
    return Contribution(pod_security=pod, container_security=container)


def lay_over(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a securityContext: what is set in `own`, and the defaults of what is not; fresh dicts and lists.

    An override changes its own field and nothing else: adding a capability does not bring back those that are dropped.
    One default gives way to other fields: the API server refuses `allowPrivilegeEscalation: false` beside
    `privileged: true` and beside CAP_SYS_ADMIN.
    """
    if _needs_escalation(own):
        defaults = {name: value for name, value in defaults.items() if name != "allowPrivilegeEscalation"}
    return cast("dict[str, Any]", merge_patch(defaults, own))


def _needs_escalation(context: Mapping[str, Any]) -> bool:
    # That very spelling: the API server lets SYS_ADMIN pass, and it works without new privileges.
    added = cast("list[str] | None", reach(context, "capabilities", "add")) or ()
    return context.get("privileged") is True or "CAP_SYS_ADMIN" in added
