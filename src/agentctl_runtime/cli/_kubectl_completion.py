"""What `kubectl agent <TAB>` proposes: kubectl runs `kubectl_complete-agent` with the words that follow `agent`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from click.shell_completion import ShellComplete

from ._group import agentctl

# Of cobra, the library that kubectl's own completion is made with (its ShellCompDirective).
_FILES: Final = 0
_NO_FILES: Final = 4
_KEEP_ORDER: Final = 32


def proposed(words: Sequence[str]) -> str:
    """Return what cobra's shell scripts read: a line for each proposal, with a tab before what it is; then a directive.

    Args:
        words: those that follow `kubectl agent`, of which the last is to be completed.
    """
    *complete, begun = words or [""]
    items = ShellComplete(agentctl, {}, "kubectl agent", "").get_completions(complete, begun)
    if any(item.type == "file" for item in items):
        return f":{_FILES}"
    lines = [f"{item.value}\t{item.help}" if item.help else item.value for item in items]
    return "\n".join([*lines, f":{_NO_FILES + _KEEP_ORDER}"])
