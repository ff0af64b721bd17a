"""The main container: the fields of core/v1 Container that stand directly in `spec`."""

from __future__ import annotations

from typing import Final

from .._agent import Agent, json_name
from .._config import Config
from .._contribution import Contribution, Item, named

_ATTRIBUTES: Final = (
    "image", "command", "args", "working_dir", "env_from", "ports", "resources", "volume_mounts", "liveness_probe",
    "readiness_probe", "startup_probe", "lifecycle", "security_context", "image_pull_policy",
    "termination_message_path", "termination_message_policy", "stdin", "tty",
)  # fmt: skip


_FIELDS: Final = tuple((name, f"spec.{json_name(name)}", json_name(name)) for name in _ATTRIBUTES)


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the fields of the container `agent`; what is not set is left to the image and to Kubernetes."""
    spec = agent.spec
    values = [(path, name, getattr(spec, attribute)) for attribute, path, name in _FIELDS]
    return Contribution(
        agent=tuple([Item(path, name, value) for path, name, value in values if value is not None and value != ()]),
        env=named("spec.env", agent.spec.env),
    )
