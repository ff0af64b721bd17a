"""Writes the pictures in docs/pictures of agentctl at work, from the real thing: ``python -m tools.pictures``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any, Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text
from tests.e2e.cluster.chromium import chromium

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "pictures"
HELLO: Final = "examples/hello.yaml"
FAULTS: Final = ("--faults", "conflict,pod-killed@30s")
WINDOWS: Final[dict[str, dict[str, Any]]] = {
    "simulate": {"viewport": {"width": 1280, "height": 800}},
    "simulate-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "simulate-narrow": {"viewport": {"width": 360, "height": 740}},
}
"""By picture, the window that the page is looked at in."""
_AGENTCTL: Final = Path(sys.executable).with_name("agentctl")
_COLUMNS: Final = 80


def demo() -> str:
    """Run the demo, and return what it prints as SVG; a browser asks nobody for a font to show it."""
    environment = os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(_COLUMNS)}
    run = subprocess.run(
        [_AGENTCTL, "demo", HELLO], cwd=ROOT, env=environment, capture_output=True, check=True, text=True
    )
    console = Console(record=True, width=_COLUMNS, file=StringIO())
    console.print(Text.assemble(("$ make demo\n", "bold"), Text.from_ansi(run.stdout)))
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="agentctl", code_format=form, unique_id="demo")


def shots(folder: Path) -> None:
    """Look at the page of a simulation, in each window, and write what there is to see."""
    with tempfile.TemporaryDirectory() as scratch, chromium(Path(scratch)) as browser:
        file = Path(scratch) / "page.html"
        arguments = ["simulate", HELLO, *FAULTS, "--html", str(file)]
        subprocess.run([_AGENTCTL, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        for name, window in WINDOWS.items():
            with browser.new_page(**window) as page:
                page.goto(file.as_uri())
                page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    (FOLDER / "demo.svg").write_text(demo())
    shots(FOLDER)
