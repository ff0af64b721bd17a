"""How Sphinx builds the documentation: `make docs`. No network is used, and every warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.agent_reference import agent_reference  # noqa: E402 -- after the path that leads there

from agentctl_core._config import VERSION  # noqa: E402 -- likewise

project = "agentctl"
author = "the agentctl contributors"
release = VERSION
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
source_suffix = {".md": "markdown"}

html_theme = "furo"
html_title = "agentctl"
html_static_path = ["_static"]
html_css_files = ["agentctl.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
smartquotes = False  # an option begins with two hyphens

myst_heading_anchors = 3  # links to headings are those of GitHub
myst_enable_extensions = ["attrs_block"]

default_role = "code"  # docstrings write code as Markdown does
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
maximum_signature_line_length = 80
napoleon_use_ivar = True
# Types of the standard library and of others have no page here, since looking for theirs would need a network.
nitpick_ignore_regex = [
    ("py:.*", r"(?!agentctl_).*"),
    # Parts of public classes that are for the core alone.
    ("py:class", r"agentctl_core\.([a-z]\w*\.)?_\w+\.(Identity|Rendered|Sight|Rule)"),
]

GENERATED = {"<!-- agent fields -->": agent_reference}
"""What stands in a page in the place of such a line."""


def _generate(_: Sphinx, __: str, source: list[str]) -> None:
    for mark, generate in GENERATED.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, generate())


def _no_type(_: Sphinx, what: str, __: str, ___: object, ____: object, lines: list[str]) -> None:
    """Break the first line of a constant's documentation at its colon: for napoleon, what is before is a type."""
    if what in {"attribute", "data", "property"} and lines:
        before, colon, after = lines[0].partition(": ")
        lines[:1] = [f"{before}:", after] if colon else lines[:1]


def setup(app: Sphinx) -> None:
    """Put what is generated into its pages."""
    app.connect("autodoc-process-docstring", _no_type, priority=400)
    app.connect("source-read", _generate)
