"""Write tests/golden: what each example comes to, as YAML for people to read and for a test to compare.

    python -m tools.golden

A file changes where an example, or what the operator makes of it, does. The revision stands first: where it changes,
upgrading the operator restarts every Agent like it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from agentctl_core import Config, Create, ImageConfig, ImageInfo, Observed, reconcile

ROOT: Final = Path(__file__).resolve().parent.parent
EXAMPLES: Final = ROOT / "examples"
GOLDEN: Final = ROOT / "tests" / "golden"
DIGEST: Final = "sha256:" + "0123456789abcdef" * 4
IMAGE: Final = ImageInfo(
    DIGEST,
    {
        "linux/amd64": ImageConfig(("/docker-entrypoint.sh",), ("serve", "--home=$HOME")),
        "linux/arm64": ImageConfig(("/docker-entrypoint.sh",), ("serve", "--home=$HOME")),
    },
)
"""Stands in for what a registry says of every image."""
VERSION: Final = "VERSION"
"""Stands in for the operator's version, so that a release changes no file."""
_CONFIG: Final = Config(wrapper_image=f"agentctl/agentctl:{VERSION}")
_RENDERED_BY: Final = "agentctl.dev/rendered-by"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- the signature of the base class
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the manifest of each example."""
    for path in sorted(EXAMPLES.glob("*.yaml")):
        yield path.stem, yaml.safe_load(path.read_text("utf-8"))


def created(manifest: Mapping[str, Any], config: Config = _CONFIG) -> list[dict[str, Any]]:
    """Return everything that the operator makes for an Agent in an empty namespace, the pod last."""
    observed = Observed(now=datetime(2026, 1, 1, tzinfo=UTC), images={manifest["spec"]["image"]: IMAGE})
    return [a.manifest for a in reconcile(manifest, observed, config) if isinstance(a, Create)]


def golden(manifest: Mapping[str, Any]) -> str:
    """Return the text of a golden file: the revision, the pod, the other objects."""
    *objects, pod = created(manifest)
    annotations = pod["metadata"]["annotations"]
    annotations[_RENDERED_BY] = VERSION
    whole = {"revision": annotations["agentctl.dev/revision"], "pod": pod, "objects": objects}
    return yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def main() -> None:
    """Write every file, and remove those whose example is gone."""
    GOLDEN.mkdir(exist_ok=True)
    files = {f"{name}.yaml": golden(manifest) for name, manifest in examples()}
    for path in GOLDEN.glob("*.yaml"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (GOLDEN / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
