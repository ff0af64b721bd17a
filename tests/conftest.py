"""Hypothesis profiles: `dev` looks for new examples each time, `ci` and `mutation` try the same ones on every run."""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings

# The cluster of the end-to-end tests, known to pytest-xdist's controller whatever folder the command line names.
pytest_plugins = ["tests.e2e.plugin"]

settings.register_profile("dev", max_examples=60, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=100, deadline=None, print_blob=True, derandomize=True, database=None)
# For mutation tests, which run the tests thousands of times: asked for with --hypothesis-profile.
settings.register_profile(
    "mutation",
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # that there is a failure is enough
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have measured: each line that one has recorded as the property `figures`."""
    reports = [
        report for found in terminalreporter.stats.values() for report in found if hasattr(report, "user_properties")
    ]
    lines = sorted({str(value) for report in reports for name, value in report.user_properties if name == "figures"})
    if lines:
        terminalreporter.section("figures")
    for line in lines:
        terminalreporter.write_line(line)
