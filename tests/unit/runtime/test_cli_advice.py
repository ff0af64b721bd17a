"""Every reason that the core can write has advice, and no other."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from string import Formatter

import pytest

from agentctl_core import _conditions, _pod_state, _resolve, _status
from agentctl_runtime.cli._advice import ADVICE, UNWATCHED, Advice

CORE = Path(_status.__file__).parent
GOOD = {"Accepted", "PodReady", "Current", "Running", "Succeeded"}
ALL = [(kind, reason, advice) for kind, reasons in ADVICE.items() for reason, advice in reasons.items()]
PLACES = {"name", "namespace", "container", "node"}


def written() -> dict[str, set[str]]:
    """Return the reasons in the core's code by condition: those in its calls, and those in its tables."""
    found = defaultdict[str, set[str]](set)
    for source in CORE.glob("*.py"):
        for call in (node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)):
            texts = [each.value if isinstance(each, ast.Constant) else None for each in call.args]
            match getattr(call.func, "id", ""), texts:
                case "Verdict", [str(kind), _, str(reason), *_]:
                    found[kind].add(reason)
                case ("refused" | "not_ready") as function, [str(reason), *_]:
                    found["Accepted" if function == "refused" else "Ready"].add(reason)
    tables = (_pod_state._WAITING, _pod_state._DISRUPTIONS, _pod_state._ENDS)
    found["Ready"] |= {reason for table in tables for reason, _ in table.values()} | _conditions.REJECTED
    found["Accepted"] |= {*_resolve._REASONS.values()} | (_status._FINAL & {"InvalidSpec", "PolicyDenied"})
    found["Stalled"] |= _status._FINAL
    return dict(found)


def test_every_reason_that_the_core_writes_has_advice_and_no_other() -> None:
    assert {kind: set(reasons) for kind, reasons in ADVICE.items()} == written()


@pytest.mark.parametrize(("kind", "reason", "advice"), [*ALL, ("", "", UNWATCHED)])
def test_advice_says_where_to_look_or_what_to_do(kind: str, reason: str, advice: Advice) -> None:
    assert kind == "" or advice.means.endswith(".")
    if reason not in GOOD:
        assert advice.do
    for text in (*advice.look, *advice.do):
        assert {name for _, name, _, _ in Formatter().parse(text) if name} <= PLACES
    for command in advice.look:
        assert command.partition(" ")[0] in ("kubectl", "agentctl")
