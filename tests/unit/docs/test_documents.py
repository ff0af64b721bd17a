"""The pages' blocks of code: each is in a known language, YAML and JSON can be read, Agents are valid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.documents import INDENTED, PAGES, RUN, Block, Command, blocks, commands

from agentctl_core import API_VERSION, KIND, AgentSpec, build_pod, parse_agent
from agentctl_core._agent import spec_fields

ALL = [block for page in PAGES for block in blocks(page)]
SHOWN = frozenset({"text"})
"""Languages of what is only looked at."""
SPEC = {field.name for field in spec_fields(AgentSpec)}


def of(language: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in ALL if block.language == language]


def page(tmp_path: Path, text: str) -> Path:
    target = tmp_path / "page.md"
    target.write_text(text)
    return target


def test_every_block_is_in_a_language_that_is_run_or_read_or_only_looked_at() -> None:
    known = RUN | SHOWN | {"yaml", "json", "given"}
    assert [f"{b} {b.language}" for b in ALL if b.language not in known and not b.language.startswith("{")] == []


def test_a_command_is_not_passed_off_as_mere_text() -> None:
    """docs/failures.md is generated, and its commands name no Agent that there is."""
    found = [b for b in ALL if b.language == "text" and b.page.name != "failures.md"]
    assert [
        str(b) for b in found if re.match(r"(kubectl|agentctl|make|pip|helm|python|docker) [a-z-]+(\s|$)", b.text)
    ] == []


def test_what_cannot_be_run_is_little_and_says_why() -> None:
    runnable = [block for block in ALL if block.language in RUN]
    left_out = [f"{block}: {block.not_run}" for block in runnable if block.not_run]
    assert len(left_out) <= len(runnable) / 4, left_out
    assert [line for line in left_out if len(line.split()) < 5] == []


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml_can_be_read_and_an_agent_is_valid(block: Block) -> None:
    for document in yaml.safe_load_all(block.text):
        if document.get("kind") == KIND:
            assert document["apiVersion"] == API_VERSION
            build_pod(parse_agent(document))
        elif document.keys() <= SPEC:
            parse_agent({"metadata": {"name": "part"}, "spec": {"image": "example.com/agent:1"} | document})


def test_json_can_be_read() -> None:
    for block in ALL:
        if block.language == "json":
            json.loads(block.text)


def test_blocks_are_found_with_what_is_said_of_them(tmp_path: Path) -> None:
    text = """
<!-- given
kubectl version
-->

<!-- not run: it needs a node -->
```sh
one
```

- in a list
  <!-- exit codes: 3 -->
  ```sh
  two
  ```

```text
three
```

    four
"""
    found = [(b.language, b.text, b.not_run, b.exit_codes) for b in blocks(page(tmp_path, text))]
    assert found == [
        ("given", "kubectl version\n", "", ()),
        ("sh", "one\n", "it needs a node", ()),
        ("sh", "two\n", "", (3,)),
        ("text", "three\n", "", ()),
        (INDENTED, "four\n", "", ()),
    ]


def test_commands_of_a_console_are_told_from_what_they_say(tmp_path: Path) -> None:
    text = "<!-- exit codes: 0 0 2 -->\n```console\n$ a 'b\nc' \\\n  d\n$ cat <<E\nx\nE\nx\n$ false\nsaid\n...\n```\n"
    (block,) = blocks(page(tmp_path, text))
    assert commands(block) == [
        Command("a 'b\nc' \\\n  d"),
        Command("cat <<E\nx\nE", "x"),
        Command("false", "said\n...", 2),
    ]


def test_commands_of_a_script_are_whole(tmp_path: Path) -> None:
    text = "```sh\n# remark\na | # why\n  b\nfor i in 1 2; do\n  c\ndone\n\nd   # remark\n```\n"
    (block,) = blocks(page(tmp_path, text))
    assert [command.text for command in commands(block)] == [
        "a | # why\n  b",
        "for i in 1 2; do\n  c\ndone",
        "d   # remark",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```sh\necho 'a\n```\n", "in the middle of a command"),
        ("```console\nsaid\n```\n", "begins with no command"),
        ("<!-- exit codes: 0 1 -->\n```sh\na\n```\n", "1 commands and 2 exit codes"),
    ],
)
def test_a_block_that_cannot_be_run_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    (block,) = blocks(page(tmp_path, text))
    with pytest.raises(ValueError, match=words):
        commands(block)
