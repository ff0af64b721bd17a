"""The command `agentctl`. Installed with the core too; what it needs beyond that is the extra `operator`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

_NEEDED: Final = (
    "click",
    "httpx2",
    "lightkube",
    "msgspec",
    "prometheus_client",
    "rich",
    "structlog",
    "waitress",
    "yaml",
)
_EX_CONFIG: Final = 78
"""As in the table of exit codes, whose module imports click."""


def main(name: str = "agentctl") -> None:
    """Run the command line under this name; without the extra `operator`, say how to install it."""
    _check_extra()
    # These import click, which may be missing.
    from . import _shells  # noqa: PLC0415
    from ._exits import ExitCode  # noqa: PLC0415
    from ._group import agentctl  # noqa: PLC0415

    _shells.register()
    try:
        agentctl(prog_name=name)
    except Exception as error:  # noqa: BLE001 -- told, as Python would have told it
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(ExitCode.SOFTWARE)


def kubectl_agent() -> None:
    """Run the command line as kubectl's plugin `kubectl agent`."""
    main("kubectl agent")


def kubectl_complete_agent() -> None:
    """Tell kubectl what can stand in place of the last word of `kubectl agent WORD...`."""
    _check_extra()
    from ._kubectl_completion import proposed  # noqa: PLC0415 -- it imports click too

    print(proposed(sys.argv[1:]))  # noqa: T201 -- what kubectl reads


def _check_extra() -> None:
    missing = [package for package in _NEEDED if find_spec(package) is None]
    if missing:
        sys.stderr.write(
            f"agentctl: {', '.join(missing)} cannot be imported; the commands need the operator extra:\n"
            "    pip install 'agentctl[operator]'\n"
        )
        sys.exit(_EX_CONFIG)
