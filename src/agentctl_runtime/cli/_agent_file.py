"""The FILE of a command that is about one Agent."""

from __future__ import annotations

from typing import Any, cast

import yaml

from agentctl_core import KIND

from ._exits import ExitCode, Failure
from ._files import text_of


def load_agent(file: str) -> dict[str, Any]:
    """Return the manifest of the one Agent that a file of YAML holds. Raises Failure: it does not (DATA, NO_INPUT)."""
    try:
        documents: list[object] = [d for d in yaml.safe_load_all(text_of(file)) if d is not None]
    except yaml.YAMLError as error:
        raise Failure(ExitCode.DATA, f"{file}: no YAML: {error}") from error
    manifest = cast("dict[str, Any]", documents[0]) if len(documents) == 1 and isinstance(documents[0], dict) else {}
    if manifest.get("kind") != KIND:
        raise Failure(ExitCode.DATA, f"{file}: must hold exactly one document, of kind {KIND}")
    return manifest
