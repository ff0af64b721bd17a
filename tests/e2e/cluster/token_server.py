"""A token service for a registry: gives tokens to a user who shows his password, and keeps what it was asked."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.e2e.cluster.certificates import Authority

_LIFETIME = 300
_COORDINATE = 32
"""Bytes of each of the two numbers of an ES256 signature."""


class TokenServer:
    """Tokens as JWT that distribution's registry verifies.

    Attributes:
        host: where it listens: ``127.0.0.1:PORT``.
        asked: the query of each request, with what stood in its Authorization header.
    """

    def __init__(self, folder: Path, username: str, password: str) -> None:
        """Listen on a free port; tokens are given once it is entered.

        Raises:
            OSError: a file cannot be written.
        """
        self._authority = Authority(folder)
        self._authority.issue("tokens", "tokens")
        self._folder = folder
        self._basic = f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.host = f"127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> Mapping[str, Mapping[str, str]]:
        """The ``auth`` section for a registry that takes these tokens."""
        return {
            "token": {
                "realm": f"http://{self.host}/token",
                "service": "tests",
                "issuer": "tests",
                "rootcertbundle": str(self._authority.certificate),
            }
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, query: Mapping[str, list[str]], authorization: str | None) -> tuple[HTTPStatus, dict[str, Any]]:
        self.asked.append({**query, "authorization": authorization})
        if authorization != self._basic:
            return HTTPStatus.UNAUTHORIZED, {}
        return HTTPStatus.OK, {"token": self._token(query["scope"][0])}

    def _token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        claims = {
            "iss": "tests",
            "aud": "tests",
            "nbf": now - 10,
            "exp": now + _LIFETIME,
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        certificate = x509.load_pem_x509_certificate((self._folder / "tokens.crt").read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        header = {"alg": "ES256", "typ": "JWT", "x5c": [base64.b64encode(der).decode()]}
        signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        key = serialization.load_pem_private_key((self._folder / "tokens.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        numbers = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(b''.join(number.to_bytes(_COORDINATE) for number in numbers))}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                status, document = answer(query, self.headers.get("Authorization"))
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        return Handler


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
