"""Agents on a real node, and what their containers say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.cluster.node_images import Images
from tests.e2e.node_session import NodeAccess
from tests.e2e.support import Kubectl, eventually

Json = dict[str, Any]


class OnNode(Cluster):
    """One namespace of the cluster with the real node.

    Attributes:
        images: the test images in the registry.
        node: the node itself.
    """

    def __init__(self, kubectl: Kubectl, namespace: str, images: Images, node: NodeAccess) -> None:
        super().__init__(kubectl, namespace)
        self.images = images
        self.node = node

    def manifest(self, name: str, image: str, script: str = "wait,exit=0", **spec: Any) -> Json:
        """Return an Agent that runs a test image with its own command; `script` is what PROBE asks of it."""
        env = [*spec.pop("env", []), {"name": "PROBE", "value": script}]
        manifest = agent(name, image=self.images.reference(image), env=env, **spec)
        if "command" not in spec:
            del manifest["spec"]["command"]
        return manifest

    def run(self, name: str, image: str, script: str = "wait,exit=0", **spec: Any) -> None:
        """Apply such an Agent."""
        self.apply(self.manifest(name, image, script, **spec))

    def container(self, name: str, image: str, script: str = "wait,exit=0", **fields: Any) -> Json:
        """Return a core/v1 Container that runs a test image."""
        env = [*fields.pop("env", []), {"name": "PROBE", "value": script}]
        return {"name": name, "image": self.images.reference(image), "env": env, **fields}

    def run_plain(self, name: str, image: str, script: str, pod: Json, **container: Any) -> None:
        """Apply a pod that runs the image as it is, without an operator; `pod` are further fields of its spec."""
        main = self.container("agent", image, script, **container)
        spec = {"containers": [main], "restartPolicy": "Never", "enableServiceLinks": False, **pod}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})

    def log(
        self, pod: str, container: str = "agent", *, previous: bool = False, namespace: str | None = None
    ) -> list[Json]:
        """Return the lines that a container has logged as JSON so far; none where it has not started."""
        options = ["--previous"] if previous else []
        arguments = ("logs", pod, f"--container={container}", *options)
        run = self.kubectl(*arguments, namespace=namespace or self.namespace, check=False)
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]

    def said(self, pod: str, event: str, container: str = "agent") -> Json:
        """Wait for an event that probe logs, and return the first."""

        def check() -> Json | None:
            return next((line for line in self.log(pod, container) if line["event"] == event), None)

        return eventually(check, SECONDS, f"{pod} logs {event}")

    @contextmanager
    def following(self, pod: str, container: str = "agent") -> Iterator[Callable[[], list[Json]]]:
        """Read a container's log while the pod goes; what is yielded waits for the log's end and returns its lines."""
        command = self.kubectl.command(self.namespace)
        arguments = ("logs", pod, f"--container={container}", "--follow")
        with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]  # the log is open
            try:
                yield lambda: [
                    json.loads(line) for line in (*lines, *process.communicate(timeout=SECONDS)[0].splitlines())
                ]
            finally:
                process.kill()

    def signal(self, pod: str, pid: int) -> None:
        """Send SIGTERM to a process of the agent's container; its image has to have the program `kill`."""
        arguments = ("exec", pod, "--container=agent", "--", "kill", "-TERM", str(pid))
        self.kubectl(*arguments, namespace=self.namespace)

    def terminated(self, name: str) -> Json:
        """Wait until the Agent's status says how its container ended, and return that."""
        found = self.wait(name, lambda agent: "lastTermination" in agent.get("status", {}), "a termination")
        termination: Json = found["status"]["lastTermination"]
        return termination
