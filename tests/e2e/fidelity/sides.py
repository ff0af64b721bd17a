"""The two sides that answer the same requests: the model behind its HTTP face, and a real API server."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlencode

import httpx2
import yaml
from attrs import frozen

from agentctl_core.testing import ModelCluster, Refused
from agentctl_runtime.embedded._requests import Request as ModelRequest
from agentctl_runtime.embedded._requests import parse_request
from agentctl_runtime.embedded._verbs import answer
from agentctl_runtime.embedded._watch import WatchStream

Json: TypeAlias = dict[str, Any]

_WATCH_SECONDS = 1


@frozen(kw_only=True)
class Request:
    """An HTTP request, the same for both sides but for uids and versions."""

    method: str
    path: str
    query: Mapping[str, str]
    content: str
    body: bytes | None


@frozen(unsafe_hash=False)
class Answer:
    """An HTTP response: its code and its JSON; of a watch, the list of its events."""

    code: int
    body: Any


class Side(Protocol):
    """What answers requests."""

    def ask(self, request: Request) -> Answer: ...

    def watch(self, request: Request) -> Answer: ...


class ModelSide:
    """The model cluster behind the HTTP face of `agentctl_runtime.embedded`, with its clock at the present time."""

    def __init__(self) -> None:
        self.cluster = ModelCluster(datetime.now(UTC))

    def ask(self, request: Request) -> Answer:
        """Answer a request; the controllers do not act."""
        self._catch_up()
        try:
            found = answer(self.cluster, self._parsed(request))
        except Refused as error:
            return Answer(error.code, error.status)
        except Exception as error:  # noqa: BLE001 -- a crash of the model is a difference like others
            place = traceback.extract_tb(error.__traceback__)[-1]
            return Answer(0, f"{type(error).__name__}: {error} at {place.name}:{place.lineno}")
        return Answer(found.code, found.body)

    def watch(self, request: Request) -> Answer:
        """Return the events of a watch that lasts a second."""
        self._catch_up()
        parsed = self._parsed(request)
        assert parsed.resource is not None

        async def events() -> list[bytes]:
            assert parsed.resource is not None
            return [part async for part in WatchStream(self.cluster, parsed, parsed.resource, 60)]

        try:
            parts = asyncio.run(events())
        except Refused as error:
            return Answer(error.code, error.status)
        return Answer(200, [json.loads(line) for line in b"".join(parts).splitlines()])

    def _catch_up(self) -> None:
        self.cluster.advance(max(0.0, (datetime.now(UTC) - self.cluster.now).total_seconds()))

    @staticmethod
    def _parsed(request: Request) -> ModelRequest:
        headers = {"content-type": request.content} if request.body is not None else {}
        return parse_request(request.method, request.path, request.query, headers, request.body or b"")


class ServerSide:
    """A real API server."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def ask(self, request: Request) -> Answer:
        """Send a request and return the answer."""
        if request.method == "GET" and request.query.get("resourceVersion") == "0":
            self._bring_cache_up_to_date(request)
        response = self._client.send(self._built(request))
        return Answer(response.status_code, _json(response.content))

    def watch(self, request: Request) -> Answer:
        """Return the events of a watch that lasts a second."""
        self._bring_cache_up_to_date(request)
        response = self._client.send(self._built(request))
        if response.status_code != httpx2.codes.OK:
            return Answer(response.status_code, _json(response.content))
        return Answer(200, [json.loads(line) for line in response.content.split(b"\n") if line])

    def _bring_cache_up_to_date(self, request: Request) -> None:
        """List what a request is about: the API server answers once its cache knows what has been written."""
        self._client.get(request.path, params={"fieldSelector": "metadata.name=none"})

    def _built(self, request: Request) -> httpx2.Request:
        url = f"{request.path}?{urlencode(request.query)}" if request.query else request.path
        headers = {"Content-Type": request.content} if request.body is not None else {}
        return self._client.build_request(request.method, url, content=request.body, headers=headers)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def watch_seconds() -> str:
    """Return how long a watch lasts: what is in the history comes at once."""
    return str(_WATCH_SECONDS)


def client_of(kubeconfig: Path, connections: int) -> httpx2.Client:
    """Return a client with the certificate of a kubeconfig."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    with tempfile.TemporaryDirectory() as folder:
        context = ssl.create_default_context(cafile=_file(cluster, "certificate-authority", Path(folder)))
        certificate = _file(user, "client-certificate", Path(folder))
        context.load_cert_chain(certificate, _file(user, "client-key", Path(folder)))
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx2.Client(base_url=cluster["server"], verify=context, limits=limits, timeout=60, trust_env=False)


def _file(fields: Json, name: str, folder: Path) -> Path:
    if name in fields:
        return Path(fields[name])
    path = folder / name
    path.write_bytes(base64.b64decode(fields[f"{name}-data"]))
    return path
