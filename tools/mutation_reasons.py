"""Why mutants of the core survive, told for each that does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

REASONS: Final[Sequence[tuple[str, str, str, str]]] = (
    # module, function, what the change looks like (regular expressions that match the whole), reason
    ("", "", r".*\bcast\(.*", "The type that `cast` is given is for the type checker alone."),
)


def reason_of(module: str, function: str, changes: Sequence[str]) -> str | None:
    """Return why a mutant survives; None where nobody knows.

    Args:
        module: `_pod`, `features.files`.
        function: the mutated function or method.
        changes: the lines that it takes out and puts in, with - and +.
    """
    text = "\n".join(changes)
    for in_module, in_function, change, reason in REASONS:
        if (
            re.fullmatch(in_module or ".*", module)
            and re.fullmatch(in_function or ".*", function)
            and re.fullmatch(change, text, re.DOTALL)
        ):
            return reason
    return None
