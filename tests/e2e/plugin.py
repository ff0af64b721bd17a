"""Pytest hooks that start and stop the clusters of the end-to-end tests: with a simulated node, and with a real one.

``tests/e2e/conftest.py`` registers them. The controller process of pytest-xdist collects nothing, and
so loads that file only if the command line names ``tests/e2e``: a conftest.py further up which
says ``pytest_plugins = ["tests.e2e.plugin"]`` makes them known to it in every case.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.session import OfSession

_E2E = Path(__file__).parent
_NODE_TESTS = _E2E / "node"
_CLUSTER: pytest.StashKey[OfSession] = pytest.StashKey()
_NODE: pytest.StashKey[OfSession] = pytest.StashKey()


def pytest_sessionstart(session: pytest.Session) -> None:
    """With pytest-xdist: start the clusters before the workers, which inherit how to reach them."""
    config = session.config
    distributes = config.pluginmanager.hasplugin("dsession")
    if distributes and not _is_worker(config) and not config.option.collectonly:
        _start(config, simulated=_may_select_others(config), real=_may_select(config, _NODE_TESTS))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without pytest-xdist: start the clusters that the tests selected need."""
    config = session.config
    if _is_worker(config) or config.option.collectonly or config.pluginmanager.hasplugin("dsession"):
        return
    paths = {item.path for item in session.items if item.path.is_relative_to(_E2E)}
    on_node = {path for path in paths if path.is_relative_to(_NODE_TESTS)}
    _start(config, simulated=paths != on_node, real=bool(on_node))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which part of the cluster ended during the tests: that explains their failures."""
    for cluster in _started(config):
        for failure in cluster.failures():
            terminalreporter.section("a part of the cluster failed")
            terminalreporter.write_line(failure)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the clusters, also after failures and Ctrl-C."""
    for cluster in _started(config):
        cluster.stop()


def _started(config: pytest.Config) -> list[OfSession]:
    found = (config.stash.get(_NODE, None), config.stash.get(_CLUSTER, None))
    return [cluster for cluster in found if cluster is not None]


def _start(config: pytest.Config, *, simulated: bool, real: bool) -> None:
    # Imported late: runs of unit tests alone need none of what the clusters need.
    if simulated:
        from tests.e2e.session import SessionCluster, start_or_exit  # noqa: PLC0415

        start_or_exit(config.stash.setdefault(_CLUSTER, SessionCluster()), config)
    if real:
        from tests.e2e.node_session import SessionNode  # noqa: PLC0415
        from tests.e2e.session import start_or_exit  # noqa: PLC0415

        start_or_exit(config.stash.setdefault(_NODE, SessionNode()), config)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _may_select(config: pytest.Config, folder: Path) -> bool:
    return any(path.is_relative_to(folder) or folder.is_relative_to(path) for path in _arguments(config))


def _may_select_others(config: pytest.Config) -> bool:
    """Tell whether end-to-end tests outside the folder of those on a real node may be selected."""
    paths = [path for path in _arguments(config) if not path.is_relative_to(_NODE_TESTS)]
    return any(path.is_relative_to(_E2E) or _E2E.is_relative_to(path) for path in paths)


def _arguments(config: pytest.Config) -> list[Path]:
    # Files, folders or node ids; those of pytest-xdist's controller are all there is to go by,
    # because it collects nothing itself.
    return [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
