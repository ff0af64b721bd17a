"""Builds what the clusters of the tests are made of, ahead of the first run: ``python -m tests.e2e.cluster``."""

from __future__ import annotations

import sys

from tests.e2e.cluster.build import binaries, helm, monitoring_crds, registry
from tests.e2e.cluster.dockerfile_build import buildkit_programs
from tests.e2e.cluster.go_programs import BuildError
from tests.e2e.cluster.node_build import node_programs, pause, why_no_node


def main() -> None:
    """Provide the programs and print the control plane's folder."""
    try:
        folder = binaries()
        registry()
        helm()
        monitoring_crds()
        if why_no_node() is None:
            node_programs()
            pause()
            buildkit_programs()
    except BuildError as error:
        sys.exit(f"error: {error}")
    print(folder)  # noqa: T201 - the folder is the command's result


if __name__ == "__main__":
    main()
