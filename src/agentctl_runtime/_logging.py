"""Structured logs: one line for each thing that happens, as JSON for machines or coloured text for people."""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

FORMATS: Final = ("auto", "console", "json")
LEVELS: Final = ("debug", "info", "warning", "error")


def configure_logging(log_format: str, level: str) -> None:
    """Send the runtime's log lines of `level` and above to standard error, in one of `FORMATS`.

    `auto` is console where standard error is a terminal, and json elsewhere.
    """
    renderer: structlog.typing.Processor
    if log_format == "json" or (log_format == "auto" and not sys.stderr.isatty()):
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
