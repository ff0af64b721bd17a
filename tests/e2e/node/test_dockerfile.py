"""deploy/image/Dockerfile, built by buildkit: the operator's image that the other tests run is the same."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.e2e.cluster.debian import LEFT_OUT, MERGED, closure
from tests.e2e.cluster.dockerfile_build import built, debian_base
from tests.e2e.cluster.node_build import why_no_node
from tests.e2e.cluster.node_images import Images
from tests.e2e.cluster.operator_image import FOLDER, ROOT, debian_packages, operator_image
from tests.e2e.node.conftest import unavailable
from tests.e2e.node_session import NoNodeError

_DOCKERFILE = FOLDER / "Dockerfile"
# Left out where the image is made without Docker, or made by scripts of Debian's packages, which run in a build alone.
_BY_SCRIPTS = (
    *(f"{folder}/*" for folder in LEFT_OUT),
    "*/__pycache__",
    "*/__pycache__/*",
    "etc/ca-certificates.conf",
    "etc/group",
    "etc/inputrc",
    "etc/passwd",
    "etc/ssl/certs/*",
    "usr/local/share/ca-certificates",
    "var/lib/apt/*",
    "var/lib/dpkg/*",
    "var/lib/python*",
    "var/local",
    "var/lock",
    "var/log/*",
    "var/run",
)
# pip writes programs beside the packages, which are removed, and tells where a package came from.
_OF_PIP = re.compile(rb"^(\.\./\.\./bin/|[^\n]*/direct_url\.json,)[^\n]*\n", re.MULTILINE)
_DIRECT_URL = "*.dist-info/direct_url.json"


class Entry(NamedTuple):
    """One file, folder or link: `content` is its digest, or where a link leads."""

    kind: str
    mode: int
    owner: tuple[int, int]
    content: str


def test_the_dockerfile_builds_the_image_that_is_made_without_docker(images: Images) -> None:
    if (reason := why_no_node()) is not None:
        # The tests may have another cluster, but a build needs the same of this machine.
        unavailable(NoNodeError(reason))
    made = operator_image()
    base = re.search(r"^ARG DEBIAN=(.*)$", _DOCKERFILE.read_text(), re.MULTILINE)
    assert base
    with built(ROOT, _DOCKERFILE, f"debian:{base[1]}", images.reference("debian")) as image:
        config = image.config
        with tarfile.open(image.root) as archive:
            files = _entries(archive)
            others = _of_other_versions(archive)
        of_base = _merged(debian_base().layers)
    said = [config[name] for name in ("Entrypoint", "User", "WorkingDir")]
    assert said == [made.entrypoint, made.user, made.working_dir]
    here = _merged(made.layers)
    compared = {path for path in here.keys() - others if not _by_scripts(path)}
    assert {path: (here[path], files.get(path)) for path in compared if files.get(path) != here[path]} == {}
    assert {path for path in files.keys() - here.keys() - of_base.keys() - others if not _by_scripts(path)} == set()
    # What was looked at.
    packages = "usr/local/lib/python3.11/dist-packages"
    assert {"usr/bin/tini", "usr/bin/cp", "usr/local/bin/agentctl", f"{packages}/agentctl_core"} <= compared
    assert len(compared) > len(here) / 2


def _merged(layers: Iterable[bytes]) -> dict[str, Entry]:
    merged: dict[str, Entry] = {}
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            merged |= _entries(archive)
    return merged


def _entries(archive: tarfile.TarFile) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for member in archive:
        path = _path(member.name)
        if member.islnk():
            found[path] = found[_path(member.linkname)]
        elif path and (member.isreg() or member.isdir() or member.issym()):
            found[path] = Entry(
                member.type.decode(), member.mode, (member.uid, member.gid), _content(archive, path, member)
            )
    return found


def _path(name: str) -> str:
    return name.removeprefix("./").strip("/")


def _content(archive: tarfile.TarFile, path: str, member: tarfile.TarInfo) -> str:
    if not member.isreg():
        return member.linkname
    file = archive.extractfile(member)
    content = file.read() if file else b""
    if path.endswith(".dist-info/RECORD"):
        content = _OF_PIP.sub(b"", content)
    return hashlib.sha256(content).hexdigest()


def _by_scripts(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in (*_BY_SCRIPTS, _DIRECT_URL))


def _of_other_versions(archive: tarfile.TarFile) -> set[str]:
    """Files of those packages that the index has in another version than this machine's apt has heard of."""
    known = dict(line.split("=", 1) for line in closure(debian_packages()))
    present = dict(_versions(_text(archive, "var/lib/dpkg/status")))
    other = {name for name, version in known.items() if present[name] != version}
    return {path for name in other for path in _listed(archive, name)}


def _versions(status: str) -> Iterator[tuple[str, str]]:
    for package in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in package.splitlines() if re.match(r"(Package|Version): ", line))
        if fields:
            yield fields["Package"], fields["Version"]


def _listed(archive: tarfile.TarFile, package: str) -> Iterator[str]:
    names = {_path(name) for name in archive.getnames()}
    info = next(path for path in (f"var/lib/dpkg/info/{package}{end}.list" for end in ("", ":amd64")) if path in names)
    for line in _text(archive, info).splitlines():
        path = _path(line.removeprefix("/."))
        yield f"usr/{path}" if path.partition("/")[0] in MERGED else path


def _text(archive: tarfile.TarFile, path: str) -> str:
    names: Mapping[str, str] = {_path(name): name for name in archive.getnames()}
    file = archive.extractfile(names[path])
    assert file
    return file.read().decode()
