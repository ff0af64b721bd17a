"""The decisions of agentctl as pure functions: (Agent, what is observed) -> actions. No I/O, no clock, no randomness.

    actions = reconcile(manifest, Observed(now=datetime.now(UTC), objects=objects))

A host (an operator, a command line, a test) observes what `wanted` names, calls `reconcile` and executes the actions.
"""

from ._actions import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Requeue, Resize
from ._agent import API_VERSION, KIND, Agent, parse_agent
from ._config import Config
from ._identity import AGENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from ._merge import merge_diff, merge_patch
from ._observed import Observed
from ._pod import build_pod
from ._problem import InvalidAgent, Problem
from ._reconcile import decide, prepare, reconcile, wanted
from ._situation import Prepared
from ._spec import AgentSpec, PodTemplate, PodTemplateMetadata

__all__ = [
    "AGENT_LABEL",
    "API_VERSION",
    "KIND",
    "MANAGED_BY",
    "MANAGED_BY_LABEL",
    "Action",
    "Agent",
    "AgentSpec",
    "Config",
    "Create",
    "Delete",
    "EmitEvent",
    "InvalidAgent",
    "Observed",
    "Patch",
    "PatchStatus",
    "PodTemplate",
    "PodTemplateMetadata",
    "Prepared",
    "Problem",
    "Ref",
    "Requeue",
    "Resize",
    "build_pod",
    "decide",
    "merge_diff",
    "merge_patch",
    "parse_agent",
    "prepare",
    "reconcile",
    "wanted",
]
