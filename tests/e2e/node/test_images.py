"""The test images and the operator's own: the same bytes each time, and what the Dockerfile says."""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.e2e.cluster import node_images, operator_image
from tests.e2e.cluster.image import Image
from tests.e2e.cluster.node_images import IMAGES
from tests.e2e.cluster.operator_image import FOLDER, PACKAGES_FOLDER, PYTHON, ROOT, USER
from tests.e2e.node_session import NodeAccess

_DOCKERFILE = (FOLDER / "Dockerfile").read_text().replace("\\\n", "")


@pytest.mark.parametrize("name", ["scratch", "busybox"])
def test_an_image_has_the_same_bytes_when_nothing_is_cached(
    node: NodeAccess, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert node
    first = IMAGES[name]()
    # What is compiled, fetched and unpacked lies below this folder.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    node_images._busybox_layer.cache_clear()
    second = IMAGES[name]()
    assert list((tmp_path / "agentctl").iterdir()) != []
    assert (first.config(), first.layers) == (second.config(), second.layers)


def test_the_operators_image_has_the_same_bytes_when_built_again(built: Image) -> None:
    operator_image.operator_image.cache_clear()
    again = operator_image.operator_image()
    assert again is not built
    assert (again.config(), again.layers) == (built.config(), built.layers)


def test_the_dockerfile_makes_the_image_from_what_it_is_made_from_here(built: Image) -> None:
    copied = {word for line in _lines("COPY") for word in line.split()[:-1] if not word.startswith("--")}
    # pyproject.toml and the two beside it make the wheel, together with src.
    assert copied == {
        "deploy/image/packages.txt",
        "deploy/image/agentctl",
        "requirements/operator.txt",
        "requirements/build.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "src",
        "/install",
    }
    assert [_lines("USER"), json.loads(_lines("ENTRYPOINT")[0])] == [[USER], built.entrypoint]
    assert f"--from=build /install {PACKAGES_FOLDER}" in _lines("COPY")
    assert "cp /usr/bin/tini-static /usr/bin/tini" in _lines("RUN")
    release = re.search(r"^ARG DEBIAN=(\w+)-\d{8}-slim@sha256:[0-9a-f]{64}$", _DOCKERFILE, re.MULTILINE)
    assert release, "the base is pinned by its date and its digest"
    here = Path("/etc/os-release").read_text()
    assert f"VERSION_CODENAME={release[1]}" in here, "this machine's apt knows another Debian than the Dockerfile"


def test_the_dockerfile_takes_no_python_package_without_a_hash() -> None:
    installs = [line for line in _lines("RUN") if "pip install" in line]
    assert len(installs) == 3
    for line in installs:
        ours = "--no-deps --no-build-isolation" in line and " /build " in f"{line} "
        assert "--require-hashes" in line or ours, line


def test_the_deployment_runs_as_the_images_user() -> None:
    deployment = yaml.safe_load((ROOT / "deploy" / "base" / "deployment.yaml").read_text())
    context = deployment["spec"]["template"]["spec"]["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == USER


def test_the_image_holds_the_sources_a_static_wrapper_and_cp(built: Image) -> None:
    files = _files(built)
    for package in ("agentctl_core", "agentctl_runtime"):
        for source in (ROOT / "src" / package).rglob("*.py"):
            inside = f"{PACKAGES_FOLDER}/{source.relative_to(ROOT / 'src')}"
            assert files[inside.lstrip("/")] == source.read_bytes(), inside
    assert "usr/bin/cp" in files
    assert f"usr/bin/python{PYTHON}" in files
    assert not _needs_libraries(files["usr/bin/tini"])
    assert _needs_libraries(files["usr/bin/cp"])


@pytest.fixture
def built(node: NodeAccess) -> Image:
    assert node
    return operator_image.operator_image()


def _lines(instruction: str) -> list[str]:
    return [line.partition(" ")[2] for line in _DOCKERFILE.splitlines() if line.startswith(f"{instruction} ")]


def _files(image: Image) -> dict[str, bytes]:
    found = {}
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            for member in archive:
                if (content := archive.extractfile(member) if member.isreg() else None) is not None:
                    found[member.name] = content.read()
    return found


def _needs_libraries(program: bytes) -> bool:
    """Tell whether an ELF file of 64 bits names a loader: whether it has a program header of the type PT_INTERP."""
    start, size, count = struct.unpack_from("<Q", program, 32)[0], *struct.unpack_from("<HH", program, 54)
    return any(struct.unpack_from("<I", program, start + index * size)[0] == 3 for index in range(count))
