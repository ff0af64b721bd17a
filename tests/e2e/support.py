"""Helpers of the end-to-end tests."""

from __future__ import annotations

import base64
import json
import os
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


class NotYetError(AssertionError):
    """A condition did not come true in time; the message shows the last state."""


class KubectlError(AssertionError):
    """kubectl failed; the message shows the command and its output."""


def eventually(check: Callable[[], T | None], timeout: float, message: str, *, interval: float = _POLL_SECONDS) -> T:
    """Call ``check`` until it returns something true, and return that.

    An AssertionError from ``check`` counts as "not yet", so a check may be written with asserts.

    Args:
        check: called again and again.
        timeout: seconds after which to give up.
        message: what is being waited for.
        interval: seconds between two calls.

    Raises:
        NotYetError: it did not come true in time; shows what the last call returned or raised.
    """
    deadline = time.monotonic() + timeout
    while True:
        cause: AssertionError | None = None
        try:
            value = check()
        except AssertionError as error:
            cause, last = error, f"AssertionError: {error}"
        else:
            if value:
                return value
            last = repr(value)
        if time.monotonic() >= deadline:
            raise NotYetError(f"not within {timeout:g} s: {message}; last seen: {last}") from cause
        time.sleep(interval)


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Runs kubectl against one cluster.

    Attributes:
        kubeconfig: the kubeconfig file.
        binary: the kubectl program.
        cache: kubectl's cache folder; None is kubectl's default one in the home folder.
    """

    kubeconfig: Path
    binary: Path
    cache: Path | None = None

    def __call__(
        self,
        *arguments: str,
        namespace: str | None = None,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - named as in subprocess.run
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``kubectl ARGUMENTS``, with ``input`` as its standard input.

        Raises:
            KubectlError: it failed although ``check`` is set.
            subprocess.TimeoutExpired: it took longer than ``timeout`` seconds.
        """
        command = self.command(namespace)
        run = subprocess.run(
            [*command, *arguments], input=input or "", capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and run.returncode != 0:
            shown = " ".join(arguments)
            raise KubectlError(f"kubectl {shown} (namespace {namespace}) failed:\n{run.stderr}{run.stdout}")
        return run

    def json(self, *arguments: str, namespace: str | None = None, input: str | None = None) -> Any:  # noqa: A002
        """The parsed output of ``kubectl ARGUMENTS --output=json``.

        Raises:
            KubectlError: kubectl failed.
        """
        return json.loads(self(*arguments, "--output=json", namespace=namespace, input=input).stdout)

    def apply(self, *documents: dict[str, Any], namespace: str | None = None) -> None:
        """Create or change these objects by server-side apply.

        Raises:
            KubectlError: kubectl failed.
        """
        items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self("apply", "--server-side", "--filename=-", namespace=namespace, input=json.dumps(items))

    def get(self, kind: str, name: str, namespace: str | None = None) -> Any | None:
        """The object, or None where there is none.

        Raises:
            KubectlError: kubectl failed for another reason.
        """
        run = self("get", kind, name, "--ignore-not-found", "--output=json", namespace=namespace)
        return json.loads(run.stdout) if run.stdout.strip() else None

    @contextmanager
    def proxy(self) -> Iterator[str]:
        """Run ``kubectl proxy``, which knows every way to log in; yield its address, without a path."""
        command = [*self.command(None), "proxy", "--port=0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                address = re.search(r"127\.0\.0\.1:\d+", said)
                assert address, said
                yield f"http://{address[0]}"
            finally:
                process.terminate()

    def server(self) -> tuple[str, ssl.SSLContext]:
        """Return the API server's address, and how it is recognised; nothing of how to log in."""
        cluster = self.json("config", "view", "--minify", "--raw")["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return str(cluster["server"]), ssl.create_default_context(cadata=authority)

    def config_with(self, token: str, target: Path) -> Path:
        """Write a kubeconfig for the same API server that logs in by a token; return its file."""
        config = self.json("config", "view", "--minify", "--raw", "--flatten")
        config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
        target.write_text(json.dumps(config))
        return target

    def command(self, namespace: str | None) -> list[str | os.PathLike[str]]:
        """Return the program and the options that lead it to the cluster, and a namespace."""
        command: list[str | os.PathLike[str]] = [self.binary, f"--kubeconfig={self.kubeconfig}"]
        if self.cache is not None:
            command.append(f"--cache-dir={self.cache}")
        if namespace is not None:
            command.append(f"--namespace={namespace}")
        return command


def pod_manifest(name: str, **spec: Any) -> dict[str, Any]:
    """A Pod with one container that a simulated node can "run"; ``spec`` adds to its spec."""
    container = {"name": "main", "image": "example.invalid/none"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def condition(obj: dict[str, Any], kind: str) -> str | None:
    """The status of an object's condition of this type, or None where it has none."""
    conditions = obj.get("status", {}).get("conditions", [])
    return next((each["status"] for each in conditions if each["type"] == kind), None)
