"""Text for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text with whatever would move a terminal's cursor, or cannot be written, escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
