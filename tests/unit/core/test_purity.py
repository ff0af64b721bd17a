"""The core has no I/O: shown by running it in a fresh interpreter that watches it."""

from __future__ import annotations

import subprocess
import sys

WATCHED = """
import json, sys
from datetime import UTC, datetime
from agentctl_core import Observed, build_pod, parse_agent, reconcile, wanted
from agentctl_core.crd import custom_resource_definition

agent = {"metadata": {"name": "demo", "uid": "u"}, "spec": {"image": "i", "env": [{"name": "A", "value": "é"}]}}
pod = build_pod(parse_agent(agent))
wrong = {"image": 5, "replicas": 2.5, "resources": {"limits": {"cpu": "\\x1b\\ud800"}}, "\\n\\ud800": 1}
manifests = [agent, agent | {"spec": wrong}, {"metadata": {"name": "A\\ud800\\n"}}, {"metadata": {"name": "a\\n"}}, {}]
refusal = {"kind": "Status", "message": "é" * 2000, "details": {"kind": "pods", "name": "demo"}}
worlds = [(), (pod,), (pod | {"metadata": {"name": "demo", "namespace": "default"}},), (refusal,)]
seen = []


def watch(event, arguments):
    if active:
        seen.append(event)
        raise RuntimeError(f"the core is not pure: {event} {arguments}")


active = False
sys.addaudithook(watch)
now = datetime(2026, 1, 31, tzinfo=UTC)
active = True
for manifest in manifests:
    wanted(manifest)
    for objects in worlds:
        for replicas in (0, 1):
            spec = {**manifest.get("spec", {}), "replicas": replicas}
            for action in reconcile({**manifest, "spec": spec}, Observed(now=now, objects=objects)):
                if hasattr(action, "manifest") and callable(action.manifest):
                    action.manifest("x")
custom_resource_definition()
active = False
assert not seen, seen
active = True
try:
    open("/dev/null")
except RuntimeError:
    print("watched", seen)
"""

IMPORTED = """
import sys
before = set(sys.modules)
import agentctl_core, agentctl_core.crd, agentctl_core.host
print(*sorted(set(sys.modules) - before))
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_core_opens_imports_and_connects_nothing_while_it_runs() -> None:
    assert run(WATCHED) == "watched ['open']\n"


def test_an_import_of_the_core_brings_attrs_alone() -> None:
    modules = run(IMPORTED).split()
    packages = {module.partition(".")[0] for module in modules}
    assert packages - sys.stdlib_module_names == {"agentctl_core", "attr", "attrs"}
    assert not packages & {"asyncio", "socket", "ssl", "logging", "subprocess", "random", "http", "urllib"}
    assert "agentctl_core.testing" not in modules
