"""Root file systems of images, as tar files with the same bytes each time."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import Self


class Tree:
    """Files, folders and links by their paths in the image; times are 0, and everything belongs to root."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def add_file(self, path: str, content: bytes | str, mode: int = 0o644) -> Self:
        """Add a file with this content."""
        data = content.encode() if isinstance(content, str) else content
        info = self._info(path, tarfile.REGTYPE, mode)
        info.size = len(data)
        self._entries[info.name] = (info, data)
        return self

    def add_folder(self, path: str, mode: int = 0o755) -> Self:
        """Add a folder; those above it come by themselves."""
        info = self._info(path, tarfile.DIRTYPE, mode)
        self._entries[info.name] = (info, b"")
        return self

    def add_link(self, path: str, target: str) -> Self:
        """Add a symbolic link."""
        info = self._info(path, tarfile.SYMTYPE, 0o777)
        info.linkname = target
        self._entries[info.name] = (info, b"")
        return self

    def add_tree(self, source: Path, path: str = "/") -> Self:
        """Add what a folder of the machine holds, with modes and links; devices and sockets are left out."""
        for folder, names, files in os.walk(source):
            inner = PurePosixPath(path) / os.path.relpath(folder, source)
            if str(inner) != "/":
                self.add_folder(str(inner), stat.S_IMODE(Path(folder).stat().st_mode))
            for name in (*names, *files):
                self._add_one(Path(folder) / name, str(inner / name))
        return self

    def tar(self) -> bytes:
        """The tar file, sorted by path."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name in sorted(self._entries):
                info, data = self._entries[name]
                archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    def _add_one(self, source: Path, path: str) -> None:
        if source.is_symlink():
            self.add_link(path, os.readlink(source))  # noqa: PTH115 - as it was written, not as a path
        elif source.is_file():
            self.add_file(path, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def _info(self, path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
        relative = PurePosixPath(path).relative_to("/")
        for parent in list(relative.parents)[-2::-1]:
            if str(parent) not in self._entries:
                self.add_folder(f"/{parent}")
        info = tarfile.TarInfo(str(relative))
        info.type, info.mode = kind, mode
        return info
