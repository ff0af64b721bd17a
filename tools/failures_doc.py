"""Writes docs/failures.md anew from the advice of `agentctl explain`: ``python -m tools.failures_doc``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Final

from agentctl_runtime.cli._advice import ADVICE, UNWATCHED, Advice

PAGE: Final = Path(__file__).parents[1] / "docs/failures.md"
_HEAD: Final = """\
<!-- Written by `python -m tools.failures_doc`; do not edit. -->

# When an Agent is not ready

`agentctl explain NAME -n NAMESPACE` tells this of the Agent itself, with its pod, its containers, its events and its
last termination; it reads only, and says what it may not read. It takes a dump as well:

```text
kubectl get agents,pods,events -A -o yaml | agentctl explain NAME -
```

What follows is the same by condition and reason, as `kubectl get agents` and `kubectl describe agent` show them. The
message of a condition names the field, container, image or node that it is about. What a condition is, and when it is
absent, is told in [status.md](status.md).
"""
_CONDITIONS: Final = {
    "Accepted": "Whether the spec can be carried out.",
    "Ready": "Whether the agent works. Absent while the Agent is suspended, and when a task has ended.",
    "UpToDate": "Whether the pod is what the spec asks for.",
    "Suspended": "Whether the Agent is meant to have no pod.",
    "Finished": "Whether a task has ended; absent where the Agent is a service.",
    "Stalled": "True where only another edit of the Agent can help; it repeats the reason of Accepted or Finished.",
}
_PLACES: Final = {"name": "NAME", "namespace": "NAMESPACE", "container": "CONTAINER", "node": "NODE"}
_WIDTH: Final = 120


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD, "## No status, or none for the present spec\n", *_told(UNWATCHED)]
    for kind, told in _CONDITIONS.items():
        parts += [f"## {kind}\n", _filled(told)]
        if kind == "Stalled":
            parts.append("\n".join(f"- {reason}" for reason in ADVICE[kind]) + "\n")
            continue
        for reason, advice in ADVICE[kind].items():
            parts += [f"### {reason}\n", *_told(advice)]
    return "\n".join(parts)


def _told(advice: Advice) -> Iterator[str]:
    yield _filled(advice.means)
    if advice.do:
        yield "".join(_filled(text.format(**_PLACES), "- ") for text in advice.do)
    if advice.look:
        yield "\n".join(["```text", *(command.format(**_PLACES) for command in advice.look), "```\n"])


def _filled(text: str, bullet: str = "") -> str:
    lines = wrap(
        text,
        _WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
