"""The health script for Argo CD, run in the Lua that Argo CD has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lupa.lua51

SCRIPT = (Path(__file__).parents[1] / "deploy/argocd/health.lua").read_text()


def health(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return status and message of an Agent as Argo CD would show them."""
    lua = lupa.lua51.LuaRuntime(unpack_returned_tuples=True)
    judge: Any = lua.eval(f"function(obj) {SCRIPT} end")
    told = judge(lua.table_from(manifest, recursive=True))
    return told.status, told.message
