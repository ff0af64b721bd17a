"""A real image registry on a port of this machine."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from tests.e2e.cluster.processes import Part, Startable, start_listening, stop_all

_READY_SECONDS = 20.0
_ASK_SECONDS = 2.0


class RegistryServer(Startable):
    """distribution's registry, with its images in a folder.

    Attributes:
        host: where it listens, once it is started: ``ADDRESS:PORT``.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of the server
        self,
        program: Path,
        directory: Path,
        *,
        auth: Mapping[str, Mapping[str, str]] | None = None,
        certificate: Path | None = None,
        images: Path | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        """Describe it; nothing is started yet.

        Args:
            program: the registry program.
            directory: gets the configuration and the log; it is created.
            auth: the ``auth`` section of its configuration; without it everybody may do everything.
            certificate: serve TLS with this PEM file and the ``.key`` beside it.
            images: the folder of another registry, to serve the same images.
            address: which of the machine's addresses to listen on.
        """
        self.host = ""
        self.images = images or directory / "images"
        self._address = address
        self._program = program
        self._directory = directory
        self._auth = auth
        self._certificate = certificate
        self._part: Part | None = None

    def start(self) -> Self:
        """Start it on a free port, and wait until it answers.

        Raises:
            PartFailedError: it failed, or does not answer within 20 seconds.
            OSError: it cannot be started, or a file cannot be written.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._part, (port,) = start_listening(self._launch, 1, time.monotonic() + _READY_SECONDS)
        self.host = f"{self._address}:{port}"
        return self

    def stop(self) -> None:
        """Stop it; its images stay in the folder."""
        if self._part is not None:
            stop_all([self._part])
            self._part = None

    def _launch(self, ports: Sequence[int]) -> tuple[Part, Any]:
        address = f"{self._address}:{ports[0]}"
        settings = self._directory / "config.json"
        settings.write_text(json.dumps(self._settings(address)))  # JSON is YAML
        # Neither traces nor metrics are to be sent anywhere.
        environment = {"OTEL_TRACES_EXPORTER": "none", "OTEL_SDK_DISABLED": "true"}
        command = [str(self._program), "serve", str(settings)]
        part = Part("registry", command, self._directory / "registry.log", environment)
        scheme = "https" if self._certificate else "http"
        return part, lambda: _answers(f"{scheme}://{address}/v2/")

    def _settings(self, address: str) -> dict[str, Any]:
        http: dict[str, Any] = {"addr": address, "secret": "of the tests"}
        if self._certificate is not None:
            key = self._certificate.with_suffix(".key")
            http["tls"] = {"certificate": str(self._certificate), "key": str(key)}
        return {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.images)}},
            "http": http,
            **({"auth": self._auth} if self._auth is not None else {}),
        }


def _answers(url: str) -> bool:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=_ASK_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code == HTTPStatus.UNAUTHORIZED
    except OSError:
        return False
