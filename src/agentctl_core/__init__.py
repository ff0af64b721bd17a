"""The decisions of agentctl as pure functions: (Agent, what is observed) -> actions. No I/O, no clock, no randomness.

A host (an operator, a command line, a test) observes what `wanted` names, calls `reconcile` and executes the actions::

    actions = reconcile(manifest, Observed(now=datetime.now(UTC), objects=objects))
"""

from ._actions import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Requeue, Resize, ResolveImage
from ._agent import API_VERSION, KIND, Agent, parse_agent
from ._config import Config, Policy
from ._identity import AGENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from ._image import CommandUnknown, ImageConfig, ImageError, ImageInfo
from ._merge import merge_diff, merge_patch
from ._observed import Observed
from ._pod import build_pod
from ._problem import InvalidAgent, Problem
from ._projection import project
from ._reconcile import decide, prepare, reconcile, wanted
from ._situation import Prepared
from ._spec import (
    MAIN_CONTAINER,
    AgentSpec,
    ClaimMetadata,
    ClaimTemplate,
    File,
    PodTemplate,
    PodTemplateMetadata,
    RetentionPolicy,
    Sdk,
    Service,
    SharedVolume,
    Wrapper,
)

__all__ = [
    "AGENT_LABEL",
    "API_VERSION",
    "KIND",
    "MAIN_CONTAINER",
    "MANAGED_BY",
    "MANAGED_BY_LABEL",
    "Action",
    "Agent",
    "AgentSpec",
    "ClaimMetadata",
    "ClaimTemplate",
    "CommandUnknown",
    "Config",
    "Create",
    "Delete",
    "EmitEvent",
    "File",
    "ImageConfig",
    "ImageError",
    "ImageInfo",
    "InvalidAgent",
    "Observed",
    "Patch",
    "PatchStatus",
    "PodTemplate",
    "PodTemplateMetadata",
    "Policy",
    "Prepared",
    "Problem",
    "Ref",
    "Requeue",
    "Resize",
    "ResolveImage",
    "RetentionPolicy",
    "Sdk",
    "Service",
    "SharedVolume",
    "Wrapper",
    "build_pod",
    "decide",
    "merge_diff",
    "merge_patch",
    "parse_agent",
    "prepare",
    "project",
    "reconcile",
    "wanted",
]
