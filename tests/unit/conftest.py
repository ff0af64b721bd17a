"""What every unit test may count on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """Loggers that are as before afterwards: a command that a test runs configures them for the whole process."""
    yield
    structlog.reset_defaults()
