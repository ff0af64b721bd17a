"""The command `agentctl`. Installed with the core too; what it needs beyond that is the extra `operator`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_NEEDED = ("click", "httpx2", "lightkube", "msgspec", "prometheus_client", "rich", "structlog", "waitress", "yaml")


def main() -> None:
    """Run the command line; without the extra `operator`, say how to install it and exit with status 1."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(
            f"agentctl: {', '.join(missing)} cannot be imported; the commands need the operator extra:\n"
            "    pip install 'agentctl[operator]'"
        )
    from ._group import agentctl  # noqa: PLC0415 -- it imports click, which may be missing

    agentctl()
