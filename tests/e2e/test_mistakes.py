"""What `agentctl validate` says of files is what kubectl, the API server and the operator make of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agentctl_core import Config, Create, Observed, reconcile
from agentctl_runtime._documents import Document, read_documents
from agentctl_runtime.cli._findings import look_through, read_agents
from tests.e2e.support import Kubectl
from tests.mistakes import HEAD, MISTAKES, Mistake
from tests.unit.runtime.test_documents import WORDS

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
_PARALLEL = 8
SOUND = {
    "a colon in a word": '  args: [12:30, "a: b", http://x]\n',
    "permissions in octal": "  files: [{path: a, content: b, mode: 0755}, {path: c, content: d, mode: 0o644}]\n",
    "nulls": "  args: null\n  env:\n  ports: ~\n",
    "whole numbers with a point": "  restartPolicy: Never\n  backoffLimit: 3.0\n",
    "numbers and texts as quantities": '  resources: {limits: {cpu: 1, memory: "1Gi"}}\n',
    "aliases": "  sidecars: [&a {name: x, image: &i envoy}, {<<: *a, name: z}]\n",
    "a quoted number": "  env: [{name: A, value: '1.0'}, {name: B, value: \"yes\"}]\n",
    "a text of several lines": "  files:\n    - path: a\n      content: |\n        x: 1\n        ---\n",
    "a comment after a separator": "--- # nothing more\n",
}
"""Files that look odd, and are right."""


@pytest.fixture(scope="module")
def server(kubectl: Kubectl, crd: str) -> Iterator[httpx2.Client]:
    """The API server behind kubectl's proxy, which brings whatever credentials the kubeconfig has."""
    assert crd
    with kubectl.proxy() as address, httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client


def said_by(
    server: httpx2.Client, manifest: Any, group: str = "apis/agentctl.dev/v1alpha1", kind: str = "agents"
) -> str:
    """What the API server says against an object; empty where it would store it."""
    answer = server.post(
        f"/{group}/namespaces/default/{kind}",
        params={"dryRun": "All", "fieldValidation": "Strict"},
        content=json.dumps(manifest),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in {201, 400, 422}, answer.text
    return "" if answer.status_code == 201 else str(answer.json()["message"])


def said_by_kubectl(kubectl: Kubectl, text: str) -> str:
    """What kubectl, or the API server behind it, says against a file; empty where it would be stored."""
    create = ("create", "--dry-run=server", "--validate=strict", "--filename=-")
    return kubectl(*create, namespace="default", input=text, check=False).stderr


def values(text: str) -> list[Any]:
    return [document.value for document in read_documents(text) if isinstance(document, Document)]


def found(text: str, file: Path) -> list[str]:
    file.write_text(text)
    return [str(finding) for finding in look_through(read_agents([str(file)]), Config())]


def mistakes(*found_by: str) -> list[Mistake]:
    return [mistake for section in MISTAKES.values() for mistake in section if mistake.found_by in found_by]


def test_kubectl_cannot_read_what_the_table_says_so_of(kubectl: Kubectl, crd: str) -> None:
    assert crd
    with ThreadPoolExecutor(_PARALLEL) as pool:
        said = pool.map(lambda mistake: said_by_kubectl(kubectl, mistake.text), mistakes("kubectl"))
    assert [mistake.title for mistake, text in zip(mistakes("kubectl"), said, strict=True) if "error" not in text] == []


def test_the_api_server_refuses_what_the_table_says_so_of(server: httpx2.Client) -> None:
    assert [
        each.title for each in mistakes("server") if not all(map(partial(said_by, server), values(each.text)))
    ] == []


def test_it_takes_the_rest_which_the_operator_refuses_or_the_api_server_when_the_pod_is_made(
    server: httpx2.Client,
) -> None:
    rest = mistakes("operator", "pod", "nobody")
    assert [each.title for each in rest if any(map(partial(said_by, server), values(each.text)))] == []
    for mistake in mistakes("operator", "pod"):
        (manifest,) = values(mistake.text)
        planned = reconcile(manifest, Observed(now=datetime.now(UTC)))
        made = [action.manifest for action in planned if isinstance(action, Create)]
        refused = [said_by(server, each, "api/v1", f"{each['kind'].lower()}s") for each in made]
        assert any(refused) == (mistake.found_by == "pod"), mistake.title
        assert bool(made) == (mistake.found_by == "pod"), mistake.title


def test_what_is_right_is_right_for_both(kubectl: Kubectl, crd: str, tmp_path: Path) -> None:
    assert crd
    odd = [HEAD.replace("hello", f"odd-{number}") + lines for number, lines in enumerate(SOUND.values())]
    texts = [*odd, *(path.read_text() for path in EXAMPLES)]
    assert said_by_kubectl(kubectl, "\n---\n".join(texts)) == ""
    assert [told for text in texts if (told := found(text, tmp_path / "a.yaml"))] == []


def test_words_of_yaml_are_what_kubectl_takes_them_for(kubectl: Kubectl) -> None:
    lines = "".join(f"  w{index}: {word}\n" for index, (word, _) in enumerate(WORDS))
    text = f"apiVersion: v1\nkind: Any\nmetadata: {{name: a}}\nspec:\n{lines}  names: {{1: a, yes: b, 1.5: c}}\n"
    taken = json.loads(kubectl("label", "--local", "--filename=-", "a=b", "--output=json", input=text).stdout)["spec"]
    (document,) = read_documents(text)
    assert isinstance(document, Document)
    assert document.value["spec"] == taken  # type: ignore[index]
