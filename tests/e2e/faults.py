"""What a client may meet on its way to the API server: reactions for `Proxy.react`."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """The proxy answers by itself, so many seconds later; the API server hears nothing of the request."""

    status: int
    body: bytes
    headers: Headers = (("Content-Type", "application/json"),)
    after: float = 0.0


@dataclass(frozen=True)
class Hold:
    """The request is forwarded only once that is set; without an event it never arrives, nor comes an answer."""

    until: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Slow:
    """The request is forwarded at once, and its answer begins so many seconds later."""

    seconds: float


@dataclass(frozen=True)
class Unanswered:
    """The request is forwarded and done, and the client never hears of it: a partition of one direction."""


@dataclass(frozen=True)
class Truncated:
    """The client gets half of the answer (of a watch: half of the next event), then the connection is lost."""


@dataclass(frozen=True)
class Instead:
    """Another path is asked for in the place of this one."""

    path: str


Reaction: TypeAlias = Answer | Hold | Slow | Unanswered | Truncated | Instead


def failure(code: int, reason: str, *, retry_after: int | None = None, after: float = 0.0, **details: Any) -> Answer:
    """Return a failure as Kubernetes tells it, `after` so many seconds."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code}
    status |= {"reason": reason, "message": f"made up: {reason}", "details": details}
    headers: Headers = (("Content-Type", "application/json"),)
    if retry_after is not None:
        status["details"]["retryAfterSeconds"] = retry_after
        headers += (("Retry-After", str(retry_after)),)
    return Answer(code, json.dumps(status).encode(), headers, after)


UNAVAILABLE_TEXT = Answer(503, b"upstream connect error", (("Content-Type", "text/plain"),))
UNAVAILABLE_PAGE = Answer(503, b"<html><body>503 Service Unavailable</body></html>", (("Content-Type", "text/html"),))
