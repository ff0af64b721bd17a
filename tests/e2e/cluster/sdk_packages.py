"""Packages of Python and Node.js that hold one text, as their builders would make them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

NAME = "greeting"
VERSION = "1.0.0"
WHEEL = f"{NAME}-{VERSION}-py3-none-any.whl"
TARBALL = f"{NAME}-{VERSION}.tgz"


def wheel(text: str) -> bytes:
    """A wheel whose module `greeting` has the attribute `text`."""
    about = f"{NAME}-{VERSION}.dist-info"
    files = {
        f"{NAME}.py": f"text = {text!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


def tarball(text: str) -> bytes:
    """An npm package whose module `greeting` has the property `text`."""
    files = {
        "package/package.json": json.dumps({"name": NAME, "version": VERSION, "main": "index.js"}),
        "package/index.js": f"exports.text = {json.dumps(text)};\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    return buffer.getvalue()


def npm_document(url: str) -> bytes:
    """What an npm registry says about the package, which is at that address."""
    version = {"name": NAME, "version": VERSION, "dist": {"tarball": url}}
    return json.dumps({"name": NAME, "dist-tags": {"latest": VERSION}, "versions": {VERSION: version}}).encode()
