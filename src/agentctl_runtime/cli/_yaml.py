"""YAML as people write it."""

from __future__ import annotations

import yaml


class Dumper(yaml.SafeDumper):
    """Writes a dict that stands in two places twice: anchors are hard to read."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 -- PyYAML's signature
        return True


def to_yaml(*documents: object, dumper: type[Dumper] = Dumper, width: int = 80) -> str:
    """Return documents of YAML: keys in their order, no anchors, lines of about this width."""
    return yaml.dump_all(documents, Dumper=dumper, sort_keys=False, width=width, allow_unicode=True)  # pyright: ignore[reportUnknownMemberType] -- the width's, in its stubs
