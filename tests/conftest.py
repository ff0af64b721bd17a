"""Hypothesis profiles: `dev` looks for new examples each time, `ci` tries the same ones on every run."""

from __future__ import annotations

import os

from hypothesis import settings

# The cluster of the end-to-end tests, known to pytest-xdist's controller whatever folder the command line names.
pytest_plugins = ["tests.e2e.plugin"]

settings.register_profile("dev", max_examples=60, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=100, deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
