"""The parts of a page that are written by a program, between marks that a reader of the page does not see."""

from __future__ import annotations

import re
from pathlib import Path


def with_part(text: str, name: str, part: str, page: Path) -> str:
    """Return a page's text with another part between `<!-- NAME -->` and the next `<!-- end -->`.

    Args:
        text: of the page.
        name: in the mark where the part begins.
        part: what stands there now.
        page: for the message.

    Raises:
        ValueError: the page has no such marks, or has them twice.
    """
    mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    fresh, count = mark.subn(lambda found: f"{found[1]}{part}{found[2]}", text)
    if count != 1:
        raise ValueError(f"{page} needs one '<!-- {name} -->' and one '<!-- end -->' after it")
    return fresh
