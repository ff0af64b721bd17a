"""Chromium without a window, from Debian's packages, with fonts of its own: nothing of it is installed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.cluster.debian import unpacked, why_not_unpacked

_PACKAGES = ("chromium-headless-shell", "fonts-inter")
_OPTIONS = (
    "--no-sandbox",  # which needs a user of its own; all it shows is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
<dir>{root}/usr/share/fonts</dir>
<cachedir>{cache}</cachedir>
<alias><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
<alias><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


def why_no_chromium() -> str | None:
    """Why this machine cannot run Chromium, in one line; None where it can.

    Raises:
        PackagesError: it could, and its packages cannot be fetched.
    """
    return why_not_unpacked(_PACKAGES)


def chromium_root() -> Path:
    """The folder that Chromium and all that it needs are unpacked in; what is not there is fetched.

    Raises:
        PackagesError: apt does not know a package, or cannot fetch it.
    """
    return unpacked(_PACKAGES)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser that runs as long as the context does; what it writes goes into the folder."""
    root = chromium_root()
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(root=root, cache=folder / "fonts"))
    libraries = root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
    environment = {
        "HOME": str(folder),
        "FONTCONFIG_FILE": str(fonts),
        "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'pulseaudio'}",
        "PATH": os.environ["PATH"],
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=root / "usr/lib/chromium/chromium-headless-shell",
            args=list(_OPTIONS),
            env=dict(environment),
            downloads_path=folder,
        )
        try:
            yield browser
        finally:
            browser.close()
