"""A plain client of an API server: of the load, of what observes, and of the bare loop."""

from __future__ import annotations

import asyncio
import base64
import ssl
import tempfile
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml

_HARMLESS = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


class Cluster:
    """An API server, reached by a client certificate."""

    def __init__(self, kubeconfig: str, connections: int = 200) -> None:
        """Read a kubeconfig; a connection is made with the first request."""
        config = yaml.safe_load(Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server: str = cluster["server"]
        self._tls = ssl.create_default_context(cadata=_text(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w") as pair:
            pair.write(_text(user["client-certificate-data"]) + _text(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _sessions(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                self._server,
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=self._connections, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
                read_bufsize=2**20,
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0.1)  # aiohttp lets TLS end by itself

    async def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        """Send a request; what is gone, or there already, is no failure."""
        data = None if body is None else msgspec.json.encode(body)
        async with self._sessions().request(method, path, data=data, headers={"Content-Type": kind}) as answer:
            text = await answer.read()
            if answer.status >= HTTPStatus.BAD_REQUEST and answer.status not in _HARMLESS:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
            return text

    async def watch(self, path: str, version: str) -> AsyncIterator[bytes]:
        """Yield the lines of a watch."""
        options = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "36000"}
        rest = b""
        async with self._sessions().get(path, params=options) as answer:
            answer.raise_for_status()
            async for piece in answer.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
