"""The FILE of a command that is about one Agent."""

from __future__ import annotations

from typing import Any, cast

from agentctl_core import KIND

from .._documents import Flaw, read_documents
from ._exits import ExitCode, Failure
from ._files import text_of


def load_agent(file: str) -> dict[str, Any]:
    """Return the manifest of the one Agent that a file of YAML holds. Raises Failure: it does not (DATA, NO_INPUT)."""
    documents: list[object] = []
    for document in read_documents(text_of(file)):
        if isinstance(document, Flaw):
            raise Failure(ExitCode.DATA, f"{file}: {document}")
        documents.append(document.value)
    manifest = cast("dict[str, Any]", documents[0]) if len(documents) == 1 and isinstance(documents[0], dict) else {}
    if manifest.get("kind") != KIND:
        raise Failure(ExitCode.DATA, f"{file}: must hold exactly one document, of kind {KIND}")
    return manifest
