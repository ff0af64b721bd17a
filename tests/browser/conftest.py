"""Fixtures of the tests in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.cluster.chromium import chromium, why_no_chromium

Opens: TypeAlias = Callable[..., AbstractContextManager[Page]]


# Not for the session: as long as it runs, no other test may start an event loop.
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium; skipped where it cannot be had."""
    if (reason := why_no_chromium()) is not None:
        pytest.skip(reason)
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def opened(browser: Browser) -> Opens:
    """Opens a file in a window of some kind; it must ask for nothing else meanwhile, and complain of nothing."""

    @contextmanager
    def open_file(file: Path, **kind: Any) -> Iterator[Page]:
        window = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | kind))
        asked: list[str] = []
        complaints: list[str] = []
        page = window.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(file.as_uri())
        yield page
        window.close()
        assert asked == [file.as_uri()]
        assert complaints == []

    return open_file
