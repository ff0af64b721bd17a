"""Agents as pods of a cluster, built as the operator builds them, and reached through kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import termios
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self

from agentctl_core import API_VERSION, KIND, build_pod, parse_agent

from ._hosts import Json, said, wait_for


class Namespace:
    """A fresh namespace of the cluster that kubectl reaches."""

    def __init__(self) -> None:
        """Name it; nothing is made yet."""
        self.name = f"agentctl-conformance-{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> Self:
        """Make it, and wait until pods may be made in it."""
        self.kubectl("create", "namespace", self.name)
        try:
            self.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Delete it, with all that is in it."""
        self.kubectl("delete", "namespace", self.name, "--wait=false")

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - named as in subprocess.run
        """Run kubectl in this namespace and return its output.

        Raises:
            AssertionError: it failed; says what it said.
        """
        done = subprocess.run(self.command(*arguments), input=input or "", capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)} failed: {done.stderr}"
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs kubectl in this namespace."""
        return ["kubectl", f"--namespace={self.name}", *arguments]


class Pods:
    """Runs a wrapper in pods."""

    def __init__(self, namespace: Namespace, image: str, wrapper: Json, pod_template: Json, patience: float) -> None:
        """Name the agents' image, the Agents' `wrapper` and `podTemplate.spec`, and Run's patience."""
        self._namespace = namespace
        self._image = image
        self._wrapper = wrapper
        self._pod_template = pod_template
        self._patience = patience
        self._runs: list[Pod] = []

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        wrapped: bool = True,
        directory: str = "/usr",
        stdin: bool = False,
        tty: bool = False,
        **spec: Any,
    ) -> Pod:
        """Start a command; see Host. `spec` are further fields of the Agent's spec."""
        agent = {
            "image": self._image,
            "command": list(command),
            "env": [{"name": name, "value": value} for name, value in env.items()],
            "workingDir": directory,
            "stdin": stdin or tty,
            "tty": tty,
            "wrapper": self._wrapper if wrapped else {"enabled": False},
            "restartPolicy": "Never",
            # Otherwise the pods' names, which are the host names, would be seen.
            "podTemplate": {"spec": {"hostname": "agent", "enableServiceLinks": False, **self._pod_template}},
            **spec,
        }
        name = f"agent-{uuid.uuid4().hex[:8]}"
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": agent}
        # No label and no owner: an operator in this cluster has nothing to do with it.
        pod = build_pod(parse_agent(manifest)) | {"metadata": {"name": name}}
        self._namespace.kubectl("create", "--filename=-", input=json.dumps(pod))
        self._runs.append(Pod(self._namespace, name, self._patience, tty=tty))
        return self._runs[-1]

    def stop(self) -> None:
        """End what still runs."""
        for run in self._runs:
            run.stop()


class Pod:
    """One pod with one agent."""

    def __init__(self, namespace: Namespace, name: str, patience: float, *, tty: bool) -> None:
        """Name it."""
        self.patience = patience
        self._namespace = namespace
        self._name = name
        self._tty = tty
        self._attached: subprocess.Popen[bytes] | None = None
        self._terminal: int | None = None

    def output(self) -> str:
        """Return its log; nothing where its container has not been started."""
        command = self._namespace.command("logs", self._name)
        return subprocess.run(command, capture_output=True, check=False).stdout.decode("latin-1")

    def send(self, number: int) -> None:
        """Send a signal to the agent's parent, from another process of the container."""
        wrapper = said(self, "waiting")["parent"]
        self._namespace.kubectl("exec", self._name, "--", "python3", "-c", f"import os; os.kill({wrapper}, {number})")

    def terminate(self) -> None:
        """Let the kubelet end it, by SIGTERM, in a way that leaves its status to be read."""
        patch = json.dumps({"spec": {"activeDeadlineSeconds": 1}})
        self._namespace.kubectl("patch", "pod", self._name, "--type=merge", f"--patch={patch}")

    def type(self, data: bytes) -> None:
        """Send this to its standard input, as somebody who has attached to it."""
        if self._tty:
            self._type_on_terminal(data)
            return
        if self._attached is None:
            command = self._namespace.command("attach", "--stdin", "--quiet", self._name)
            self._attached = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert self._attached.stdin is not None
        self._attached.stdin.write(data)
        self._attached.stdin.flush()

    def has_ended(self) -> bool:
        """Tell whether it has ended, also because its wrapper could not be installed."""
        return self._read("{.status.phase}") in ("Succeeded", "Failed")

    def exit_code(self) -> int:
        """Wait for its end; see Run."""
        return int(self._wait("{.status.containerStatuses[0].state.terminated.exitCode}"))

    def wait_running(self) -> None:
        """Wait until its container runs."""
        self._wait("{.status.containerStatuses[0].state.running.startedAt}")

    def stop(self) -> None:
        """Detach from it, and delete it."""
        if self._attached is not None:
            if self._attached.stdin is not None:
                self._attached.stdin.close()
            self._attached.kill()
            self._attached.wait()
        if self._terminal is not None:
            os.close(self._terminal)
        self._namespace.kubectl("delete", "pod", self._name, "--grace-period=1", "--wait=false")

    def _type_on_terminal(self, data: bytes) -> None:
        if self._terminal is None:
            self._terminal, inner = os.openpty()
            command = self._namespace.command("attach", "--stdin", "--tty", "--quiet", self._name)
            self._attached = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=subprocess.DEVNULL)
            # Until kubectl has taken it over, this terminal would act on Ctrl-C itself.
            wait_for(
                lambda: not termios.tcgetattr(inner)[3] & termios.ISIG, lambda: "kubectl does not attach", self.patience
            )
            os.close(inner)
        os.write(self._terminal, data)

    def _wait(self, path: str) -> str:
        """Wait until its status has something there, and return that."""
        try:
            self._namespace.kubectl(
                "wait", f"pod/{self._name}", f"--for=jsonpath={path}", f"--timeout={self.patience:.0f}s"
            )
        except AssertionError as error:
            raise AssertionError(f"{error}{self._read('{.status}')}") from None
        return self._read(path)

    def _read(self, path: str) -> str:
        return self._namespace.kubectl("get", "pod", self._name, f"--output=jsonpath={path}")
