"""`make sbom`: the bill of materials of the operator's locked requirements."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]


def _sbom(target: Path) -> str:
    # It is the make of the user's, not a part of one that runs the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--silent", "sbom", f"SBOM={target}"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return target.read_text()


def test_it_is_a_valid_one_of_all_that_is_locked_with_the_same_hashes_each_time(tmp_path: Path) -> None:
    text = _sbom(tmp_path / "folder" / "one.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"purl"', '"prul"')) is not None
    told = json.loads(text)
    assert {each["purl"]: _hashes(each) for each in told["components"]} == _locked()
    assert (told["metadata"]["component"]["name"], told["metadata"]["component"]["version"]) == _version()
    assert _sbom(tmp_path / "two.json") == text


def _hashes(component: dict[str, Any]) -> set[str]:
    return {each["content"] for reference in component["externalReferences"] for each in reference.get("hashes", ())}


def _locked() -> dict[str, set[str]]:
    """Return the hashes of each package that the operator's lock names."""
    text = (ROOT / "requirements/operator.txt").read_text()
    packages = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\n((?: +--hash=\S+[^\n]*\n)+)", text, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S", text, re.MULTILINE))
    return {
        f"pkg:pypi/{name}@{version}": set(re.findall(r"sha256:(\w+)", hashes)) for name, version, hashes in packages
    }


def _version() -> tuple[str, str]:
    text = (ROOT / "pyproject.toml").read_text()
    name, version = (re.search(rf'^{key} = "(.*)"$', text, re.MULTILINE) for key in ("name", "version"))
    assert name
    assert version
    return name[1], version[1]
