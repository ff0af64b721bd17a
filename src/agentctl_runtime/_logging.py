"""Structured logs: one line for each thing that happens, as JSON for machines or coloured text for people."""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

FORMATS: Final = ("auto", "console", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
_FIRST: Final = ("timestamp", "level", "agent", "event")


def configure_logging(log_format: str, level: str) -> None:
    """Send the log lines of `level` and above to standard error, in one of `FORMATS`, those of libraries too.

    `auto` is console where standard error is a terminal, and json elsewhere. Libraries are heard from warnings on,
    whatever the level: httpx2 tells each URL as information, and a registry sends on to URLs that bear a signature.
    """
    is_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    renderers = [_in_reading_order, structlog.processors.JSONRenderer()] if is_json else [_console()]
    lowest = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(lowest, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)


def _in_reading_order(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Put first what a person looks for first, who reads lines of JSON as they are."""
    return {**{name: line[name] for name in _FIRST if name in line}, **line}


def _console() -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
