"""Small HTTP servers beside the event loop, each with a thread of its own: metrics and probes.

waitress, because it bounds what strangers can make it hold: connections, time, the size of a request. It adds less than
a MiB; a framework on asyncio would add ten times that, and answer no probe when the loop hangs.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final

from waitress import wasyncore
from waitress.server import create_server

from ._settings import Address

CONNECTIONS: Final = 32
IDLE_SECONDS: Final = 10
"""After which a connection on which nothing happens is closed."""
_HEAD_BYTES: Final = 16 * 1024
_STOP_SECONDS: Final = 5.0


@contextmanager
def serving(address: Address, app: Callable[..., Iterable[bytes]]) -> Generator[Address]:
    """Serve a WSGI application, and yield where: of port 0 the system makes a free one.

    Raises:
        OSError: that address cannot be listened at.
    """
    listener = _listen(address)
    handlers: dict[int, Any] = {}  # by file descriptor, of the server's loop
    # The names of its parameters are checked when it is called, and it has no types.
    server: Any = create_server(
        app,
        map=handlers,
        sockets=[listener],
        threads=1,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=IDLE_SECONDS,
        max_request_header_size=_HEAD_BYTES,
        max_request_body_size=1,
        ident=None,
    )
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=handlers, count=1)

    thread = threading.Thread(target=run, name=f"http-{address.port}", daemon=True)
    thread.start()
    try:
        yield Address(address.host, listener.getsockname()[1])
    finally:
        # Closed when no thread is left that wakes the loop: it writes to a file that is closed with the rest, and whose
        # number another may have by then.
        stopping.set()
        server.trigger.pull_trigger()
        thread.join(_STOP_SECONDS)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(handlers, ignore_all=True)


def _listen(address: Address) -> socket.socket:
    if address.host:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", address.port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", address.port))
