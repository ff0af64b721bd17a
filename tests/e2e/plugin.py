"""Pytest hooks that start and stop the cluster of the end-to-end tests.

``tests/e2e/conftest.py`` registers them. The controller process of pytest-xdist collects nothing, and
so loads that file only if the command line names ``tests/e2e``: a conftest.py further up which
says ``pytest_plugins = ["tests.e2e.plugin"]`` makes them known to it in every case.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.session import SessionCluster

_E2E = Path(__file__).parent
_CLUSTER: pytest.StashKey[SessionCluster] = pytest.StashKey()


def pytest_sessionstart(session: pytest.Session) -> None:
    """With pytest-xdist: start the cluster before the workers, which inherit how to reach it."""
    config = session.config
    distributes = config.pluginmanager.hasplugin("dsession")
    if distributes and not _is_worker(config) and not config.option.collectonly and _may_select(config):
        _start(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without pytest-xdist: start the cluster if one of the tests selected is an end-to-end test."""
    config = session.config
    if _is_worker(config) or config.option.collectonly or config.pluginmanager.hasplugin("dsession"):
        return
    if any(item.path.is_relative_to(_E2E) for item in session.items):
        _start(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which part of the cluster ended during the tests: that explains their failures."""
    cluster = config.stash.get(_CLUSTER, None)
    for failure in cluster.failures() if cluster is not None else []:
        terminalreporter.section("the control plane failed")
        terminalreporter.write_line(failure)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the cluster, also after failures and Ctrl-C."""
    cluster = config.stash.get(_CLUSTER, None)
    if cluster is not None:
        cluster.stop()


def _start(config: pytest.Config) -> None:
    # Imported late: runs of unit tests alone need none of what the cluster needs.
    from tests.e2e.session import SessionCluster, start_or_exit  # noqa: PLC0415

    start_or_exit(config.stash.setdefault(_CLUSTER, SessionCluster()), config)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _may_select(config: pytest.Config) -> bool:
    # Arguments are files, folders or node ids; those of pytest-xdist's controller are all there is
    # to go by, because it collects nothing itself.
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path.is_relative_to(_E2E) or _E2E.is_relative_to(path):
            return True
    return False
