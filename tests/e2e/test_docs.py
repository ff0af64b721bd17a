"""Each page of the documentation is run from its top to its end, as its reader would, on a real API server."""

from __future__ import annotations

import doctest
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from agentctl_core import KIND
from tests.documents import PAGES, Block, Command, blocks, commands
from tests.e2e.cluster import build
from tests.e2e.cluster.image import Image, Repository
from tests.e2e.cluster.registry_server import RegistryServer
from tests.e2e.doc_shell import DocShell
from tests.e2e.line import Figures
from tests.e2e.pod_states import succeeded
from tests.e2e.session import access
from tests.e2e.support import Kubectl

IMAGES: Final = {"ollama/ollama": ("0.12.6", Image(["/bin/ollama"], ["serve"]))}
"""What the pages look up in a registry: tag, and what the image says of itself."""
_SAVED: Final = re.compile(r"# ([\w.-]+\.yaml)\n")
_GOES_ON: Final = re.compile(r"agentctl run\b(?!.*--help)")

RUN = [page for page in PAGES if any(block.is_run for block in blocks(page))]
AGENTS = [
    block for page in PAGES for block in blocks(page) if block.language == "yaml" and f"kind: {KIND}\n" in block.text
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the pages' images are looked up, in the place of their own registries."""
    with RegistryServer(build.registry(), tmp_path_factory.mktemp("registry")) as server:
        for name, (tag, image) in IMAGES.items():
            Repository(server.host, name).push(image, tag)
        yield server.host


@pytest.fixture
def shell(kubectl: Kubectl, crd: str, namespace: str, registry: str, tmp_path: Path) -> Iterator[DocShell]:
    assert crd
    config = kubectl.json("config", "view", "--minify", "--raw", "--flatten")
    config["contexts"][0]["context"]["namespace"] = namespace
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    variables = {
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        # Other tests run beside this one; what a file says nothing of is in `default`.
        "AGENTCTL_NAMESPACE": f"default {namespace}",
        "AGENTCTL_REGISTRY_MIRROR": f"docker.io={registry}",
        "AGENTCTL_INSECURE_REGISTRY": registry,
    }
    with DocShell(tmp_path / "home", access().kubectl.parent, variables) as shell:
        yield shell


@pytest.fixture
def lone_shell(tmp_path: Path) -> Iterator[DocShell]:
    """A shell without a cluster."""
    with DocShell(tmp_path / "home", access().kubectl.parent, {}) as shell:
        yield shell


@contextmanager
def tasks_end(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """Let each task's pod succeed: the simulated node lets all of them run for ever."""
    over = threading.Event()

    def end() -> None:
        while not over.wait(0.5):
            for pod in kubectl.json("get", "pods", namespace=namespace)["items"]:
                if pod["spec"]["restartPolicy"] != "Always" and pod["status"]["phase"] == "Running":
                    patch = f"--patch={json.dumps({'status': succeeded()})}"
                    arguments = ("patch", "pod", pod["metadata"]["name"], "--subresource=status", patch)
                    kubectl(*arguments, namespace=namespace, check=False)  # it may be gone by now

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def is_as_shown(shown: str, said: str) -> bool:
    """Compare as doctest does: `...` stands for anything, and any blanks for some."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(f"{shown.strip()}\n", f"{said.strip()}\n", options)


def run_command(shell: DocShell, block: Block, command: Command) -> None:
    if _GOES_ON.match(command.text):
        shell.start(command.text)
        return
    code, said = shell.run(command.text)
    assert code == command.exit_code, f"{block}: {command.text}\nended with {code}, not {command.exit_code}:\n{said}"
    if command.shown is not None:
        assert is_as_shown(command.shown, said), f"{block}: {command.text}\nsays\n{said}\nand not\n{command.shown}"


def run_block(shell: DocShell, block: Block) -> None:
    if block.language == "yaml" and (name := _SAVED.match(block.text)):
        shell.write(name[1], block.text)
    elif block.is_run and block.language == "python":
        shell.write("block.py", block.text)
        run_command(shell, block, Command("python block.py"))
    elif block.is_run:
        for command in commands(block):
            run_command(shell, block, command)


def run_page(shell: DocShell, page: Path) -> None:
    for block in blocks(page):
        run_block(shell, block)


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_every_command_of_a_page_does_what_it_says(
    shell: DocShell, kubectl: Kubectl, namespace: str, page: Path
) -> None:
    with tasks_end(kubectl, namespace):
        run_page(shell, page)


def test_every_agent_is_taken_by_the_api_server(kubectl: Kubectl, crd: str) -> None:
    assert crd
    assert len(AGENTS) > 4
    for block in AGENTS:
        run = kubectl("create", "--dry-run=server", "--validate=strict", "--filename=-", input=block.text, check=False)
        assert run.returncode == 0, f"{block}: {run.stderr}"


def test_what_is_not_run_is_told(figures: Figures) -> None:
    found = [block for page in PAGES for block in blocks(page) if block.is_run or block.not_run]
    left_out = [str(block) for block in found if block.not_run]
    figures(f"docs: {len(found) - len(left_out)} blocks run, {len(left_out)} not, as they say: {', '.join(left_out)}")


def test_what_a_page_shows_is_compared() -> None:
    shown = "NAME   READY\ngreeter   True   ..."
    assert is_as_shown(shown, "NAME     READY\ngreeter  True  3s\n")
    assert not is_as_shown(shown, "NAME     READY\ngreeter  False  3s\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```sh\nfalse\n```\n", "ended with 1, not 0"),
        ("<!-- exit codes: 1 -->\n```sh\ntrue\n```\n", "ended with 0, not 1"),
        ("```console\n$ echo this\nthat\n```\n", "page.md:1: echo this"),
        ("```python\nassert 1 > 2\n```\n", "AssertionError"),
        ("<!-- given\nfalse\n-->\n", "ended with 1"),
        ("```sh\nmake no-such-target\n```\n", "No rule to make target"),
        ("```sh\nagentctl run --no-such-option\n```\n", "has ended"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(lone_shell: DocShell, tmp_path: Path, text: str, words: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises((AssertionError, ChildProcessError), match=re.escape(words)):
        run_page(lone_shell, page)


def test_a_shell_keeps_what_is_set_and_files_that_are_shown(lone_shell: DocShell, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- given\nsaid=hello\ncd examples\n-->\n```yaml\n# a.yaml\na: 1\n```\n"
        "```console\n$ echo $said; cat ../a.yaml\nhello\n# a.yaml\na: 1\n```\n"
    )
    run_page(lone_shell, page)
